"""The HTTP protocol of the API: uvicorn's, with a short cut for what nearly every request is, a `POST /`.

The short cut makes no ASGI messages and writes head and body of an answer in one piece; on small requests that is
half of the work. Everything else (console, health, metrics, upgrades) goes uvicorn's own way.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from services.api import errors
from services.api.app import Api, Reply
from services.api.errors import ApiError
from services.api.intake import Head

_PIPELINED_MAX: Final = 64
_NOTHING: Final[Any] = ()
HEAD_BYTES_MAX: Final = 16_384
LINGER_SECONDS: Final = 2.0
LINGER_BYTES_MAX: Final = 8 << 20
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_CONTENT: Final = b"content-type: application/x-amz-json-1.0\r\nx-amzn-requestid: "
_CLOSE: Final = b"\r\nconnection: close\r\n\r\n"


class _Flow(FlowControl):
    """uvicorn's, whose event is made when somebody waits for it: most connections never see one."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.read_paused = False
        self.write_paused = False
        self._writable: asyncio.Event | None = None

    async def drain(self) -> None:
        if self.write_paused:
            if self._writable is None:
                self._writable = asyncio.Event()
            await self._writable.wait()

    def pause_writing(self) -> None:
        self.write_paused = True

    def resume_writing(self) -> None:
        self.write_paused = False
        if self._writable is not None:
            self._writable.set()
            self._writable = None


class Outbox:
    """The answers of one turn of the event loop, written together at its end.

    A write to a client that sleeps wakes it, which takes longer than the rest of the write. Written together, the
    answers find their clients awake; an answer that is alone waits for nothing.
    """

    def __init__(self) -> None:
        """Empty."""
        self._answers: list[tuple[ApiProtocol, bytes, bool]] = []
        self._common_of: Any = None
        self._common = b""

    def put(self, connection: ApiProtocol, answer: bytes, closes: bool) -> None:
        """Let the connection write this at the end of the turn."""
        if not self._answers:
            connection.loop.call_soon(self._write_all)
        self._answers.append((connection, answer, closes))

    def common_headers(self, headers: Any) -> bytes:
        """Date and the like; uvicorn makes a new list of them every second."""
        if headers is not self._common_of:
            self._common_of = headers
            self._common = b"".join(b"%b: %b\r\n" % pair for pair in headers)
        return self._common

    def _write_all(self) -> None:
        answers, self._answers = self._answers, []
        for connection, answer, closes in answers:
            connection.write(answer, closes)


class ApiProtocol(HttpToolsProtocol):
    """One connection. uvicorn makes it and calls `shutdown`.

    Ten thousand of them may wait for activity tasks: what few of them need is made when it is needed, and the slots
    keep the number of uvicorn's own attributes below that up to which Python shares the keys of instances.
    """

    __slots__ = (
        "_answering",
        "_api",
        "_bodies",
        "_body_timer",
        "_closes",
        "_gone",
        "_head",
        "_head_bytes",
        "_heading",
        "_idle_since",
        "_idle_timer",
        "_linger_bytes",
        "_outbox",
        "_pieces",
        "_pipelined",
        "_receiving",
        "_refused",
        "_size",
    )

    def __init__(self, api: Api, outbox: Outbox, **given: Any) -> None:
        """`given` is uvicorn's."""
        super().__init__(**given)
        self.pipeline = _NOTHING  # a deque when it has something in it
        self._api = api
        self._outbox = outbox
        self._bodies = api.bodies
        self._head: Head | None = None  # of the short-cut request that is being received
        self._receiving = False
        self._heading = False
        self._head_bytes = 0
        self._pieces: list[bytes] = []
        self._size = 0
        self._refused = False
        self._answering = False
        self._pipelined: deque[tuple[Head, bytes, bool]] | None = None
        self._closes = False
        self._gone: asyncio.Future[dict[str, Any]] | None = None
        self._idle_since = 0.0
        self._idle_timer: asyncio.TimerHandle | None = None
        self._body_timer: asyncio.TimerHandle | None = None
        self._linger_bytes = -1  # how much may still come of a refused request; -1 while nothing is refused

    # what asyncio calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        super().connection_made(transport)
        self.flow = _Flow(transport)
        self._idle_since = self.loop.time()
        self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._look_whether_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """The answer under way is still worked out: a synchronous execution runs to its end."""
        super().connection_lost(exc)
        self._drop_body()
        self._pipelined = None
        if self._gone is not None and not self._gone.done():
            self._gone.set_result({"type": "http.disconnect"})
        for timer in (self._idle_timer, self._body_timer):
            if timer is not None:
                timer.cancel()

    def data_received(self, data: bytes) -> None:
        """A request that is not complete by now has a deadline, and its head a limit."""
        if self._linger_bytes >= 0:
            self._linger_bytes -= len(data)
            if self._linger_bytes < 0:
                self._linger_bytes = 0
                self.transport.close()
            return
        heading = self._heading
        super().data_received(data)
        if not self._receiving:
            return
        if heading and self._heading:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX and not self._refused:
                self._refuse_head()
        if self._body_timer is None:
            self._body_timer = self.loop.call_later(self._bodies.seconds, self._too_slow)

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        self.flow.resume_reading()

    def shutdown(self) -> None:
        """The server stops: finish the answer under way, then close."""
        if self._answering:
            self._closes = True
        else:
            super().shutdown()

    # what the parser calls

    def on_message_begin(self) -> None:
        """Most of what uvicorn prepares is prepared later, if at all."""
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self._head = None
        self._refused = False
        self._receiving = True
        self._heading = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        """Choose the way."""
        self._heading = False
        if self._refused:
            return
        url = self.url
        if len(url) + sum([len(name) + len(value) for name, value in self.headers]) > HEAD_BYTES_MAX:
            self._refuse_head()
            return
        short = (url == b"/" or url.startswith(b"/?")) and self.parser.get_method() == b"POST"
        if (
            short
            and not self._closes
            and (self.cycle is None or self.cycle.response_complete)
            and not self.parser.should_upgrade()
        ):
            self._begin_short()
        elif self._answering or self._closes:
            # Something else right behind a request that is not answered yet: no client does that. It may try again.
            self._closes = self._refused = True
        else:
            headers, expects = self.headers, self.expect_100_continue
            super().on_message_begin()
            self.url, self.expect_100_continue = url, expects
            self.headers.extend(headers)
            if not self.pipeline:
                self.pipeline = deque()
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Another piece."""
        if self._refused:
            return
        if self._head is None:
            super().on_body(body)
            return
        self._pieces.append(body)
        self._size += len(body)
        try:
            self._bodies.hold(len(body), self._size)
        except ApiError as refused:
            self._refuse(refused)

    def on_message_complete(self) -> None:
        """The request is there."""
        self._receiving = False
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None
        if self._refused:
            return
        head = self._head
        if head is None:
            super().on_message_complete()
            return
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._drop_body()
        keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        if self._answering:
            if self._pipelined is None:
                self._pipelined = deque()
            self._pipelined.append((head, data, keep_alive))
            if len(self._pipelined) >= _PIPELINED_MAX:
                self.flow.pause_reading()
        else:
            self._begin_answer(head, data, keep_alive)

    # a request

    def _begin_short(self) -> None:
        _, _, query = self.url.partition(b"?")
        self._head = Head({"method": "POST", "path": "/", "query_string": query, "headers": self.headers})
        self.headers = []  # they live as long as the head needs them
        try:
            self._bodies.check_length(self._head.length)
        except ApiError as refused:
            self._refuse(refused)
            return
        if self.expect_100_continue:
            self.transport.write(_CONTINUE)

    def _drop_body(self) -> None:
        self._bodies.release(self._size)
        self._pieces = []
        self._size = 0

    def _refuse_head(self) -> None:
        """The head is too long; of what is left of it nothing is wanted."""
        self.headers = []
        self._head = Head({"headers": ()})
        self._refuse(errors.request_too_large(431))

    def _refuse(self, refused: ApiError) -> None:
        """Do not read the rest of this request, and so nothing after it."""
        assert self._head is not None
        self._refused = True
        self._drop_body()
        if self._answering:
            self._closes = True
        else:
            self._answering = True
            self._send(self._api.refusal(self._head, refused), keep_alive=False)

    def _too_slow(self) -> None:
        self._body_timer = None
        if not self._receiving or self.transport.is_closing():
            return
        if self._head is not None and not self._refused:
            self._refuse(errors.request_timeout())
        elif self.cycle is None or self.cycle.response_complete:
            self.transport.close()

    # an answer

    def _begin_answer(self, head: Head, data: bytes, keep_alive: bool) -> None:
        self._answering = True
        task = self.loop.create_task(self._answer(head, data, keep_alive))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _answer(self, head: Head, data: bytes, keep_alive: bool) -> None:
        self._send(await self._api.reply(head, data, self._disconnection), keep_alive)

    def _disconnection(self) -> asyncio.Future[dict[str, Any]]:
        """ASGI's `receive` once the body is read: the next message is that the caller has hung up.

        A future, which may be cancelled: whoever waits in the background needs no task for it.
        """
        self._gone = self.loop.create_future()
        if self.transport.is_closing():
            self._gone.set_result({"type": "http.disconnect"})
        return self._gone

    def _send(self, reply: Reply, keep_alive: bool) -> None:
        self.server_state.total_requests += 1
        closes = reply.closes or not keep_alive or self._closes
        self._closes = closes
        answer = b"%b%b%b%b\r\ncontent-length: %d%b%b" % (
            STATUS_LINE[reply.status],
            self._outbox.common_headers(self.server_state.default_headers),
            _CONTENT,
            reply.request_id,
            len(reply.body),
            _CLOSE if closes else b"\r\n\r\n",
            reply.body,
        )
        self._outbox.put(self, answer, closes)

    def write(self, answer: bytes, closes: bool) -> None:
        """For the outbox: write an answer, then go on with the next request or close."""
        self._answering = False
        if self.transport.is_closing():
            return
        self.transport.write(answer)
        if closes or self._closes:
            self._close()
            return
        if self.flow.write_paused:
            self.flow.pause_reading()
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._look_whether_idle)
        if self._pipelined:
            self._begin_answer(*self._pipelined.popleft())
            self.flow.resume_reading()

    def _close(self) -> None:
        """Close, but let a client that still sends read its answer first: a close now would reset the connection."""
        if not (self._refused and self._receiving):
            self.transport.close()
            return
        self._linger_bytes = LINGER_BYTES_MAX
        self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _look_whether_idle(self) -> None:
        """One timer for a whole life of requests: it looks how long ago the last answer was."""
        self._idle_timer = None
        if self.transport.is_closing():
            return
        busy = self._answering or self._receiving or not (self.cycle is None or self.cycle.response_complete)
        left = self.timeout_keep_alive - (self.loop.time() - self._idle_since)
        if not busy and left <= 0:
            self.transport.close()
            return
        self._idle_timer = self.loop.call_later(self.timeout_keep_alive if busy else left, self._look_whether_idle)
