"""A light client for the wire protocol: keep-alive connections, hand-made requests, as little CPU as possible.

The client shares the machine with the server it measures, so every microsecond it takes is missing there.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast
from urllib.parse import urlsplit

import orjson

REGION = "us-east-1"
_AUTHORIZATION = (
    f"AWS4-HMAC-SHA256 Credential=stepwell/20260101/{REGION}/states/aws4_request, "
    "SignedHeaders=host;x-amz-date;x-amz-target, Signature=0"
)


class Refused(Exception):
    """The server answered with an error."""

    def __init__(self, status: int, body: bytes) -> None:
        """Keep what it said."""
        super().__init__(f"HTTP {status}: {body[:300].decode('utf-8', 'replace')}")
        self.status = status
        try:
            self.code = str(orjson.loads(body).get("__type", "")).rpartition("#")[2]
        except (ValueError, AttributeError):
            self.code = ""


class Connection(asyncio.Protocol):
    """One connection with one request at a time."""

    def __init__(self, host: str, port: int) -> None:
        """Not connected yet; see `connect`."""
        self._head = (
            f"POST / HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/x-amz-json-1.0\r\n"
            f"X-Amz-Date: 20260101T000000Z\r\nAuthorization: {_AUTHORIZATION}\r\nX-Amz-Target: AWSStepFunctions."
        ).encode()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._wanted = -1  # bytes of the whole response, -1 while its head is incomplete
        self._body_at = 0
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    @classmethod
    async def open(cls, endpoint: str) -> Connection:
        """Connect to an endpoint."""
        url = urlsplit(endpoint)
        host, port = url.hostname or "127.0.0.1", url.port or 80
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: cls(host, port), host, port)
        return connection

    async def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Call an operation.

        Raises:
            Refused: the answer is not 200.
            ConnectionError: the connection ended instead.
        """
        answer: dict[str, Any] = orjson.loads(await self.call_raw(operation, orjson.dumps(parameters)))
        return answer

    async def call_raw(self, operation: str, body: bytes) -> bytes:
        """Call an operation with an encoded body; returns the encoded answer."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("not connected")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(
            b"%b%b\r\nContent-Length: %d\r\n\r\n%b" % (self._head, operation.encode(), len(body), body)
        )
        status, answer = await self._answer
        if status != 200:
            raise Refused(status, answer)
        return answer

    async def call_prepared(self, request: bytes) -> bytes:
        """Send a whole request as it is (see `sign.py`); returns the encoded answer."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("not connected")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        status, answer = await self._answer
        if status != 200:
            raise Refused(status, answer)
        return answer

    def close(self) -> None:
        """Disconnect."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio calls it when connected."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio calls it at the end."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError(str(exc or "closed by the server")))

    def data_received(self, data: bytes) -> None:
        """asyncio calls it with what has come; answers once the whole response is there."""
        buffer = self._buffer
        buffer += data
        if self._wanted < 0:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(buffer[:end]).lower()
            at = head.find(b"content-length:")
            if at < 0:
                raise ValueError("a response without Content-Length")
            self._body_at = end + 4
            self._wanted = self._body_at + int(head[at + 15 :].split(b"\r\n", 1)[0])
        if len(buffer) >= self._wanted:
            status, body = int(buffer[9:12]), bytes(buffer[self._body_at : self._wanted])
            del buffer[: self._wanted]
            self._wanted = -1
            if self._answer is not None and not self._answer.done():
                self._answer.set_result((status, body))
