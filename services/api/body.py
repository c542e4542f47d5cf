"""Receiving a request body: bounded in size, in time, and together with all others in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from services.api import errors

Receive = Callable[[], Awaitable[dict[str, Any]]]


class Disconnected(Exception):
    """The caller hung up before the request was complete; nobody waits for an answer."""


class Bodies:
    """Receives bodies and knows how much of them is in memory."""

    def __init__(self, bytes_max: int, seconds: float, open_bytes_max: int) -> None:
        """Limits of one body (size, time) and of all that are being received."""
        self._bytes_max = bytes_max
        self.seconds = seconds
        self._open_bytes_max = open_bytes_max
        self._open_bytes = 0

    def check_length(self, content_length: bytes | None) -> None:
        """Refuse a body that says that it is too long.

        Raises:
            ApiError: RequestEntityTooLarge.
        """
        if content_length is not None and (not content_length.isdigit() or int(content_length[:20]) > self._bytes_max):
            raise errors.request_too_large()

    def hold(self, piece_bytes: int, body_bytes: int) -> None:
        """Another piece of a body of so many bytes is in memory; `release` it when the body is complete or gone.

        Raises:
            ApiError: too large, or no room now.
        """
        self._open_bytes += piece_bytes
        if body_bytes > self._bytes_max:
            raise errors.request_too_large()
        if self._open_bytes > self._open_bytes_max:
            raise errors.throttled()

    def release(self, body_bytes: int) -> None:
        """A body is complete or gone."""
        self._open_bytes -= body_bytes

    async def receive(self, receive: Receive, content_length: bytes | None) -> bytes:
        """The whole body.

        Raises:
            ApiError: too large, too slow, or no room now.
            Disconnected: the caller hung up.
        """
        self.check_length(content_length)
        try:
            async with asyncio.timeout(self.seconds):
                message = await receive()
                if not message.get("more_body") and message["type"] == "http.request":
                    body: bytes = message.get("body", b"")
                    if len(body) > self._bytes_max:
                        raise errors.request_too_large()
                    return body
                return await self._receive_rest(receive, message)
        except TimeoutError:
            raise errors.request_timeout() from None

    async def _receive_rest(self, receive: Receive, message: dict[str, Any]) -> bytes:
        pieces: list[bytes] = []
        size = 0
        try:
            while True:
                if message["type"] != "http.request":
                    raise Disconnected
                piece = message.get("body", b"")
                size += len(piece)
                self.hold(len(piece), size)
                pieces.append(piece)
                if not message.get("more_body"):
                    return b"".join(pieces)
                message = await receive()
        finally:
            self.release(size)
