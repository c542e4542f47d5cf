"""The HTTP protocol on real sockets, in front of an API that is a stand-in."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
import uvicorn

from services.api.app import Api, Reply
from services.api.body import Bodies
from services.api.errors import ApiError
from services.api.http_protocol import HEAD_BYTES_MAX
from services.api.intake import Head
from services.api.server import make_server

BYTES_MAX = 1_000
SLOW_SECONDS = 0.2


class StandIn:
    """Answers with what it was asked; `hold` lets answers wait."""

    def __init__(self) -> None:
        self.bodies = Bodies(BYTES_MAX, SLOW_SECONDS, 10_000)
        self.go = asyncio.Event()
        self.go.set()
        self.asked: list[bytes] = []
        self.answered = asyncio.Event()
        self.hung_up = asyncio.Event()

    async def reply(self, head: Head, data: bytes, next_message: Any) -> Reply:
        self.asked.append(data)
        if data == b"watch":
            await next_message()
            self.hung_up.set()
        await self.go.wait()
        self.answered.set()
        return Reply(200, b"id", head.target + b":" + data)

    def refusal(self, head: Head, refused: ApiError) -> Reply:
        return Reply(refused.status, b"id", refused.code.encode())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for kind in ("startup", "shutdown"):
                assert (await receive())["type"] == f"lifespan.{kind}"
                await send({"type": f"lifespan.{kind}.complete"})
            return
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        body += message["body"]
        text = f"asgi {scope['method']} {scope['path']} ".encode() + body
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]})
        await send({"type": "http.response.body", "body": text})


class World:
    def __init__(self, api: StandIn, server: uvicorn.Server, port: int) -> None:
        self.api, self.server, self.port = api, server, port

    async def connect(self) -> Connection:
        return Connection(*await asyncio.open_connection("127.0.0.1", self.port))


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(20):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return int(head[0].split()[1]), headers, body

    async def closed(self) -> bool:
        async with asyncio.timeout(20):
            with contextlib.suppress(ConnectionResetError):
                return await self.reader.read() == b""
        return True


def post(body: bytes, *headers: bytes, path: bytes = b"/", version: bytes = b"1.1") -> bytes:
    lines = [b"POST %b HTTP/%b" % (path, version), b"Host: x", b"X-Amz-Target: T", b"Content-Length: %d" % len(body)]
    return b"\r\n".join([*lines, *headers, b"", b""]) + body


@pytest.fixture
async def world() -> AsyncIterator[World]:
    api = StandIn()
    server = make_server(cast(Api, api), "127.0.0.1", 0)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    life = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)
    yield World(api, server, server.servers[0].sockets[0].getsockname()[1])
    api.go.set()
    server.should_exit = True
    await life


async def test_requests_follow_one_another_on_a_connection(world: World) -> None:
    connection = await world.connect()
    for body in (b"one", b"", b"three"):
        connection.send(post(body))
        status, headers, content = await connection.answer()
        assert (status, content) == (200, b"T:" + body)
        assert headers["x-amzn-requestid"] == "id"
        assert headers["content-type"] == "application/x-amz-json-1.0"
        assert "date" in headers


async def test_pipelined_requests_are_answered_in_order(world: World) -> None:
    world.api.go.clear()
    connection = await world.connect()
    connection.send(b"".join(post(b"%d" % number) for number in range(200)))
    await asyncio.sleep(0.02)
    world.api.go.set()
    assert [(await connection.answer())[2] for _ in range(200)] == [b"T:%d" % number for number in range(200)]


async def test_a_request_in_pieces_is_put_together(world: World) -> None:
    connection = await world.connect()
    for byte in post(b"body", b"X-Long: " + b"y" * 50):
        connection.send(bytes([byte]))
        await asyncio.sleep(0)
    assert (await connection.answer())[2] == b"T:body"


async def test_a_chunked_body_is_read(world: World) -> None:
    connection = await world.connect()
    connection.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert (await connection.answer())[2] == b":abcde"


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_that_is_too_long_ends_the_connection(world: World, announced: bool) -> None:
    connection = await world.connect()
    if announced:
        connection.send(post(b"x" * (BYTES_MAX + 1)))
    else:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.send(head + b"600\r\n" + b"x" * 0x600 + b"\r\n0\r\n\r\n")
    status, headers, _ = await connection.answer()
    assert (status, headers["connection"]) == (413, "close")
    assert await connection.closed()
    assert world.api.asked == []


async def test_the_longest_body_is_read(world: World) -> None:
    connection = await world.connect()
    connection.send(post(b"x" * BYTES_MAX))
    assert (await connection.answer())[0] == 200


@pytest.mark.parametrize("sent", [post(b"abc")[:-1], post(b"abc")[:20]])
async def test_a_request_that_does_not_arrive_ends_the_connection(world: World, sent: bytes) -> None:
    connection = await world.connect()
    connection.send(sent)
    if sent.endswith(b"ab"):
        assert (await connection.answer())[0] == 408
    assert await connection.closed()


async def test_a_client_that_hangs_up_does_not_stop_the_work(world: World) -> None:
    world.api.go.clear()
    connection = await world.connect()
    connection.send(post(b"work"))
    while not world.api.asked:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    connection.writer.transport.abort()
    await asyncio.sleep(0.02)
    world.api.go.set()
    async with asyncio.timeout(20):
        await world.api.answered.wait()


async def test_an_operation_hears_that_its_caller_has_hung_up(world: World) -> None:
    connection = await world.connect()
    connection.send(post(b"watch"))
    while not world.api.asked:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    connection.writer.transport.abort()
    async with asyncio.timeout(20):
        await world.api.hung_up.wait()


async def test_a_client_that_asks_first_is_told_to_go_on(world: World) -> None:
    connection = await world.connect()
    connection.send(post(b"abc", b"Expect: 100-continue")[:-3])
    assert (await connection.answer())[0] == 100
    connection.send(b"abc")
    assert (await connection.answer())[2] == b"T:abc"


async def test_http_1_0_and_close_end_the_connection(world: World) -> None:
    for request in (post(b"a", version=b"1.0"), post(b"a", b"Connection: close")):
        connection = await world.connect()
        connection.send(request)
        _, headers, body = await connection.answer()
        assert (body, headers["connection"]) == (b"T:a", "close")
        assert await connection.closed()


async def test_everything_else_goes_the_long_way_on_the_same_connection(world: World) -> None:
    connection = await world.connect()
    connection.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await connection.answer())[2] == b"asgi GET /metrics "
    connection.send(post(b"one"))
    assert (await connection.answer())[2] == b"T:one"
    connection.send(post(b"two", path=b"/elsewhere"))
    assert (await connection.answer())[2] == b"asgi POST /elsewhere two"
    connection.send(post(b"three", path=b"/?X-Amz-Credential=1"))
    assert (await connection.answer())[2] == b"T:three"


async def test_a_short_request_behind_a_long_one_keeps_its_place(world: World) -> None:
    connection = await world.connect()
    connection.send(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n" + post(b"one"))
    assert (await connection.answer())[2] == b"asgi GET /a "
    assert (await connection.answer())[2].endswith(b"one")


async def test_a_stopping_server_finishes_what_it_has_begun(world: World) -> None:
    world.api.go.clear()
    connection = await world.connect()
    connection.send(post(b"last"))
    while not world.api.asked:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    world.server.should_exit = True
    async with asyncio.timeout(20):
        while world.server.servers[0].is_serving():  # noqa: ASYNC110 - it looks at should_exit now and then
            await asyncio.sleep(0.001)
    world.api.go.set()
    _, headers, body = await connection.answer()
    assert (body, headers["connection"]) == (b"T:last", "close")
    assert await connection.closed()


async def test_no_memory_is_kept_of_bodies(world: World) -> None:
    for _ in range(3):
        connection = await world.connect()
        connection.send(post(b"x" * 500)[:-1])
        await asyncio.sleep(0.01)
        connection.writer.transport.abort()
    connection = await world.connect()
    connection.send(post(b"x" * 500))
    await connection.answer()
    async with asyncio.timeout(20):
        while world.api.bodies._open_bytes:  # noqa: ASYNC110 - the three that hung up are heard of later
            await asyncio.sleep(0.001)


HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: T\r\nContent-Length: 0\r\n"


async def test_a_head_at_the_limit_is_read_and_a_longer_one_is_not(world: World) -> None:
    used = len(b"/" + b"Hostx" + b"X-Amz-TargetT" + b"Content-Length0" + b"X-Long")
    for size, status in ((HEAD_BYTES_MAX - used, 200), (HEAD_BYTES_MAX - used + 1, 431)):
        connection = await world.connect()
        connection.send(HEAD + b"X-Long: " + b"x" * size + b"\r\n\r\n")
        assert (await connection.answer())[0] == status


@pytest.mark.parametrize("endless", [b"x" * 5_000, b"X-Another: y\r\n" * 400], ids=["one-header", "many-headers"])
async def test_a_head_without_end_is_refused_while_it_comes(world: World, endless: bytes) -> None:
    connection = await world.connect()
    connection.send(HEAD + b"X-Long: y")
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < 50_000_000 and not connection.reader.at_eof():
            connection.send(endless)
            await connection.writer.drain()
            sent += len(endless)
            await asyncio.sleep(0)
    assert sent < 10_000_000
    assert world.api.asked == []


async def test_a_connection_that_says_nothing_is_closed(world: World) -> None:
    world.server.config.timeout_keep_alive = 0
    connection = await world.connect()
    async with asyncio.timeout(10):
        assert await connection.reader.read() == b""
