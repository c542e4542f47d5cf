"""A server whose tasks reach stand-ins on this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.fixtures.server import Server

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Seen:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class StandIn:
    """A server that keeps what it was asked and answers as told."""

    url: str
    answer: Callable[[Seen], Answer]
    seen: list[Seen] = field(default_factory=list)


def nothing(seen: Seen) -> Answer:
    """An empty object for everybody."""
    return 200, {"Content-Type": "application/json"}, b"{}"


@pytest.fixture(scope="session")
def stand_in_server() -> Iterator[StandIn]:
    """The session's stand-in."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen = Seen(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            made.seen.append(seen)
            status, headers, content = made.answer(seen)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _any  # noqa: N815 - the names that http.server calls

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = StandIn(f"http://127.0.0.1:{server.server_address[1]}", nothing)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def stand_in(stand_in_server: StandIn) -> StandIn:
    """The stand-in, as if nobody had asked it anything."""
    stand_in_server.seen.clear()
    stand_in_server.answer = nothing
    return stand_in_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, stand_in_server: StandIn) -> Iterator[Server]:
    """One server for all tests of the session that do not end it."""
    environment = {
        "AWS_ENDPOINT_URL": stand_in_server.url,
        "STEPWELL_HTTP_ALLOW": "127.0.0.1/32",
        "STEPWELL_HTTP_PLAIN": "true",
    }
    running = Server(tmp_path_factory.mktemp("integrations"), environment=environment)
    running.start()
    try:
        yield running
    finally:
        running.stop()
