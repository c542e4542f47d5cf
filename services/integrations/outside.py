"""One request to a server outside: pinned to checked addresses, no redirects, no proxies, bounded in bytes and time."""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from engine.limits import PAYLOAD_BYTES_MAX
from services.integrations.address_check import AddressPolicy, AddressRefused, check_literal
from services.integrations.aws_sender import one_request_session, read_capped, transport_text, trusted_certificates
from services.integrations.failures import TooLarge, Unreachable

if TYPE_CHECKING:
    import aiohttp

Pairs = Sequence[tuple[str, str]]

SECONDS_MAX: Final = 60.0
_CONNECTIONS_MAX: Final = 1024
_KEEP_ALIVE_SECONDS: Final = 4.0
_NO_DEFAULTS: Final = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


@dataclass(frozen=True, slots=True)
class OutsideAnswer:
    """What came back; `body` is decoded if it was compressed."""

    status: int
    reason: str
    headers: Pairs
    body: bytes

    def header(self, name: str) -> str:
        """The last value of a header, "" without one."""
        found = [value for one, value in self.headers if one.lower() == name]
        return found[-1] if found else ""


class _HeaderName(str):
    """Equal in every case, so that aiohttp sends `X-A` and `x-a` both instead of the last alone."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.lower() == other.lower()

    def __hash__(self) -> int:
        return hash(self.lower())


class Outside:
    """Pools of connections, one per policy and certificate authority, so that no policy uses another's connection."""

    def __init__(self) -> None:
        """Nothing is opened yet."""
        self._sessions: dict[tuple[AddressPolicy, str], aiohttp.ClientSession] = {}

    async def request(
        self,
        method: str,
        url: str,
        headers: Pairs,
        body: bytes | None,
        policy: AddressPolicy,
        *,
        seconds: float = SECONDS_MAX,
        bytes_max: int = PAYLOAD_BYTES_MAX,
        authority: str = "",
    ) -> OutsideAnswer:
        """Send one request.

        Args:
            url: encoded; its host is resolved once and checked.
            authority: PEM certificates to trust instead of the public ones, "" for those.

        Raises:
            AddressRefused: the host may not be called.
            Unreachable: no connection, no answer in time, or an answer that is no HTTP.
            TooLarge: the body is longer than `bytes_max`, compressed or not.
        """
        import aiohttp
        from multidict import MultiDict
        from yarl import URL

        check_literal(urlsplit(url).hostname or "", policy)
        try:
            async with asyncio.timeout(seconds):
                async with self._session(policy, authority).request(
                    method,
                    URL(url, encoded=True),
                    headers=MultiDict([(_HeaderName(name), value) for name, value in headers]),
                    data=body,
                    allow_redirects=False,
                    skip_auto_headers=_NO_DEFAULTS,
                    timeout=aiohttp.ClientTimeout(total=None),
                ) as response:
                    pairs = [
                        (name.decode("latin-1"), value.decode("utf-8", "replace"))
                        for name, value in response.raw_headers
                    ]
                    content = await read_capped(response.content, bytes_max)
                    answer = OutsideAnswer(response.status, _reason(response.status, response.reason), pairs, b"")
                    encoding = answer.header("content-encoding").lower()
                    return OutsideAnswer(answer.status, answer.reason, pairs, inflated(content, encoding, bytes_max))
        except AddressRefused:
            raise
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            refused = _refusal_in(error)
            if refused is not None:
                raise refused from None
            raise Unreachable(transport_text(error, url)) from None

    async def close(self) -> None:
        """Close the connections."""
        sessions = list(self._sessions.values())
        self._sessions.clear()
        for session in sessions:
            await session.close()

    def _session(self, policy: AddressPolicy, authority: str) -> aiohttp.ClientSession:
        session = self._sessions.get((policy, authority))
        if session is None:
            import aiohttp

            from services.integrations.checked_resolver import CheckedResolver

            connector = aiohttp.TCPConnector(
                limit=_CONNECTIONS_MAX,
                keepalive_timeout=_KEEP_ALIVE_SECONDS,
                use_dns_cache=False,
                resolver=CheckedResolver(policy),
                ssl=ssl.create_default_context(cadata=authority) if authority else trusted_certificates(),
            )
            session = self._sessions[policy, authority] = one_request_session(connector)
        return session


def inflated(content: bytes, encoding: str, bytes_max: int) -> bytes:
    """The body without its compression.

    Raises:
        TooLarge: it unpacks to more than `bytes_max`.
        ValueError: it is not what it says.
    """
    if encoding not in ("gzip", "x-gzip", "deflate") or not content:
        return content
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16 if "gzip" in encoding else zlib.MAX_WBITS)
    try:
        unpacked = unpacker.decompress(content, bytes_max + 1)
    except zlib.error as error:
        raise ValueError(f"the body is no {encoding}: {error}") from None
    if len(unpacked) > bytes_max:
        raise TooLarge
    return unpacked


def _reason(status: int, reason: str | None) -> str:
    """HTTP/2 and some servers send no reason; the standard's words then."""
    if reason:
        return reason
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _refusal_in(error: BaseException) -> AddressRefused | None:
    """aiohttp wraps what the resolver raises."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, AddressRefused):
            return inner
        wrapped = getattr(inner, "os_error", None)
        inner = wrapped if isinstance(wrapped, BaseException) and wrapped is not inner else inner.__cause__
    return None
