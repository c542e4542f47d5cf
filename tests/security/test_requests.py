"""Requests that never end, or end too late. Each test names its threat."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psutil
import pytest

from services.api.http_protocol import HEAD_BYTES_MAX
from services.api.settings import ApiSettings
from tests.security.conftest import Process

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AWSStepFunctions.ListStateMachines\r\n"
SLOW_CONNECTIONS = 1_000
CALLS = 300


@contextmanager
def connected(process: Process) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", process.port), timeout=20) as connection:
        yield connection


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A server that waits half a second for a body."""
    running = Process(tmp_path_factory.mktemp("impatient"), environment={"STEPWELL_BODY_SECONDS": "0.5"})
    running.start()
    try:
        yield running
    finally:
        running.stop()


def answer_to(process: Process, *pieces: bytes) -> tuple[int, str]:
    """Status and error code of a raw request."""
    with connected(process) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return read_answer(connection)


def read_answer(connection: socket.socket) -> tuple[int, str]:
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65_536)
        if not piece:
            return 0, ""
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    status = int(head.split(b" ")[1])
    length = next(
        int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
    )
    while len(body) < length:
        body += connection.recv(65_536)
    if status == 200 or not body.startswith(b"{"):  # what is no HTTP is told so in plain text
        return status, ""
    return status, str(json.loads(body)["__type"]).rpartition("#")[2]


@pytest.mark.parametrize("length", [10 * 2**30, 10**18, 10**30])
def test_v6_a_declared_length_of_10_gib_is_refused_unread(process: Process, length: int) -> None:
    answer = answer_to(process, HEAD + b"Content-Length: %d\r\n\r\n{" % length)
    # What no machine word holds is refused by the parser already.
    assert answer == (413, "RequestEntityTooLargeException") if length < 2**63 else answer[0] in (0, 400, 413)


def test_v6_a_chunked_body_without_end_is_cut_and_costs_no_memory(process: Process) -> None:
    before = process.rss()
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    with connected(process) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        sent = 0
        with pytest.raises(OSError):  # the server hangs up
            while sent < 1 << 30:
                connection.sendall(chunk)
                sent += len(chunk)
            pytest.fail("a gigabyte was taken")
    assert sent < 64 << 20
    assert process.rss() - before < 50 << 20


def test_v6_a_refused_client_that_goes_on_sending_reads_its_answer(process: Process) -> None:
    body = b" " * (6 << 20)
    assert answer_to(process, HEAD + b"Content-Length: %d\r\n\r\n" % len(body), body)[0] == 413


def test_v6_a_compressed_body_is_not_inflated(process: Process) -> None:
    before = process.rss()
    bomb = gzip.compress(b" " * (64 << 20))
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    assert answer_to(process, head, bomb) == (400, "SerializationException")
    assert process.rss() - before < 50 << 20


def test_v6_a_head_beyond_16_kib_is_refused(process: Process) -> None:
    assert answer_to(process, HEAD + b"X-Long: " + b"x" * HEAD_BYTES_MAX + b"\r\n\r\n")[0] == 431


@pytest.mark.parametrize(
    "request_line",
    [b"POST / HTTP/9.9\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n", b"POST  / HTTP/1.1\r\n"],
)
def test_v6_what_is_no_http_ends_the_connection(process: Process, request_line: bytes) -> None:
    with connected(process) as connection:
        connection.sendall(request_line + b"\r\n\r\n")
        assert connection.recv(65_536)[:12] in (b"HTTP/1.1 400", b"")


@pytest.mark.parametrize(
    "smuggled",
    [
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nPOST / HTTP/1.1\r\n",
        b"Content-Length: 2\r\nContent-Length: 50\r\n\r\n{}",
        b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_v6_a_body_with_two_lengths_is_refused(process: Process, smuggled: bytes) -> None:
    assert answer_to(process, HEAD + smuggled)[0] in (0, 400)


def test_v6_a_thousand_slow_callers_do_not_slow_others_down(process: Process) -> None:
    client = process.client

    def p99() -> float:
        took = []
        for _ in range(CALLS):
            begun = time.perf_counter()
            client.call("ListStateMachines", maxResults=1)
            took.append(time.perf_counter() - begun)
        return sorted(took)[int(CALLS * 0.99)]

    p99()
    before, threads = p99(), _threads(process)
    with ExitStack() as stack:
        slow = [stack.enter_context(connected(process)) for _ in range(SLOW_CONNECTIONS)]
        for connection in slow:
            connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n{")
        for connection in slow[::10]:
            connection.sendall(b" ")
        during = min(p99() for _ in range(3))  # a slow server is slow each time, a busy machine is not
        assert _threads(process) == threads
    assert during < 3 * before + 0.05


@pytest.mark.parametrize("drip", [b"", b" "], ids=["silence", "a-drip"])
def test_v6_a_request_that_does_not_arrive_in_time_is_given_up(impatient: Process, drip: bytes) -> None:
    """Half a minute as it is delivered; here half a second."""
    assert ApiSettings().body_seconds == 30.0
    begun = time.monotonic()
    with connected(impatient) as connection:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n{")
        connection.settimeout(0.1)
        answer = b""
        while not answer and time.monotonic() - begun < 10:
            connection.sendall(drip)
            try:
                answer = connection.recv(65_536)
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - begun < 5


def _threads(process: Process) -> int:
    assert process.process is not None
    return int(psutil.Process(process.process.pid).num_threads())
