"""Functions behind HTTP: a plain server that takes the event by POST, or a Lambda container's runtime interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import orjson

from services.integrations.functions.invocation import (
    PAYLOAD_BYTES_MAX,
    FunctionBusy,
    FunctionTimedOut,
    FunctionUnreachable,
    failure_payload,
)
from services.integrations.functions.targets import HttpTarget

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

CONNECT_SECONDS: Final = 10.0
CONNECTIONS_MAX: Final = 512
_ERROR_TEXT_MAX: Final = 8_192


class HttpFunctions:
    """One pool of connections for all HTTP targets. Every invocation is one request, never repeated."""

    def __init__(self) -> None:
        """aiohttp is loaded with the first invocation."""
        self._session: ClientSession | None = None

    async def invoke(
        self, target: HttpTarget, payload: bytes, headers: Mapping[str, str], seconds: float, request_id: str
    ) -> tuple[bool, bytes]:
        """POST the event; gives whether the function failed, and its payload.

        Raises:
            FunctionTimedOut: no answer in time.
            FunctionUnreachable: no connection, or it was closed without an answer.
            FunctionBusy: the server answered 429 or 5xx without naming an error of the function.
        """
        import aiohttp

        limits = aiohttp.ClientTimeout(total=seconds, connect=min(CONNECT_SECONDS, seconds))
        try:
            async with self._open().post(target.url, data=payload, headers=headers, timeout=limits) as response:
                body = await _read(response)
                return _outcome(target, response, body, request_id)
        except aiohttp.ClientConnectorError as problem:
            raise FunctionUnreachable(f"Unable to execute HTTP request: {problem}", sent=False) from None
        except aiohttp.ClientError as problem:
            text = str(problem) or type(problem).__name__
            raise FunctionUnreachable(f"Unable to execute HTTP request: {text}", sent=True) from None
        except TimeoutError:
            text = f"RequestId: {request_id} Error: Task timed out after {seconds:.2f} seconds"
            raise FunctionTimedOut(text) from None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> ClientSession:
        if self._session is None:
            import aiohttp

            connector = aiohttp.TCPConnector(limit=CONNECTIONS_MAX, keepalive_timeout=30)
            self._session = aiohttp.ClientSession(
                connector=connector, auto_decompress=True, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session


async def _read(response: ClientResponse) -> bytes:
    """The body, up to one byte more than a function may answer."""
    parts = bytearray()
    async for part in response.content.iter_any():
        parts += part
        if len(parts) > PAYLOAD_BYTES_MAX:
            response.close()
            break
    return bytes(parts)


def _outcome(target: HttpTarget, response: ClientResponse, body: bytes, request_id: str) -> tuple[bool, bytes]:
    if len(body) > PAYLOAD_BYTES_MAX:
        text = f"Response payload size exceeded maximum allowed payload size ({PAYLOAD_BYTES_MAX} bytes)."
        return True, failure_payload("Function.ResponseSizeTooLarge", text, request_id)
    if "X-Amz-Function-Error" in response.headers:
        return True, body
    if 200 <= response.status < 300:
        return target.runtime_interface and _names_error(body), body or b"null"
    if _names_error(body):
        return True, body
    text = body[:_ERROR_TEXT_MAX].decode("utf-8", "replace") or (response.reason or "")
    if response.status == 429 or response.status >= 500:
        raise FunctionBusy(f"{target.url} answered {response.status}: {text}", response.status)
    return True, failure_payload(f"Http.{response.status}", text, request_id)


def _names_error(body: bytes) -> bool:
    """Is it an error in the shape of a Lambda runtime?"""
    if b'"errorType"' not in body:
        return False
    try:
        shown = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(shown, dict) and "errorType" in shown and "errorMessage" in shown
