"""Page tokens: opaque, valid for a day, bound to the call that they continue.

A token is base64 of a format byte, the expiry, the cursor, and a keyed digest over them together with the operation,
the caller's account and region, and the arguments that choose what is listed. Anything else is an InvalidToken.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec

from services.api import errors
from services.api.request import Request

VALID_SECONDS: Final = 24 * 3600
_FORMAT: Final = 1
_HEAD: Final = struct.Struct(">BI")
_DIGEST_BYTES: Final = 16
Row = TypeVar("Row")
_NOT_BOUND: Final = frozenset({"nextToken", "maxResults"})
_DEFAULTS: Final[dict[str, Any]] = {"reverseOrder": False, "includeExecutionData": True}
"""What a call that says them has said anyway."""


class PageTokens:
    """Makes and reads page tokens."""

    def __init__(self, seal: bytes) -> None:
        """`seal` is the key; every API process of a cluster has the same."""
        self._key = hashlib.sha256(b"page token\0" + seal).digest()

    def make(self, request: Request, cursor: Any, now_ms: int) -> str:
        """The token that continues this call after `cursor` (what msgpack can hold)."""
        head = _HEAD.pack(_FORMAT, now_ms // 1000 + VALID_SECONDS)
        body = head + msgspec.msgpack.encode(cursor)
        return base64.b64encode(body + self._digest(request, body)).decode()

    def cursor(self, request: Request, now_ms: int) -> Any:
        """The cursor of the call's nextToken, None when it has none.

        Raises:
            ApiError: InvalidToken.
        """
        text = request.body.get("nextToken")
        if text is None:
            return None
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise errors.invalid_token() from None
        body, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
        if len(body) <= _HEAD.size or not hmac.compare_digest(digest, self._digest(request, body)):
            raise errors.invalid_token()
        form, expiry = _HEAD.unpack_from(body)
        if form != _FORMAT or expiry * 1000 < now_ms:
            raise errors.invalid_token()
        return msgspec.msgpack.decode(body[_HEAD.size :])

    def paging(self, request: Request, now_ms: int) -> Paging:
        """The page of a list that the call asks for.

        Raises:
            ApiError: InvalidToken.
        """
        return Paging(self, request, now_ms, self.cursor(request, now_ms), page_size(request))

    def _digest(self, request: Request, body: bytes) -> bytes:
        bound = [
            (name, value)
            for name, value in sorted(request.body.items())
            if name not in _NOT_BOUND and value is not _DEFAULTS.get(name)
        ]
        subject = msgspec.msgpack.encode((request.operation, request.account, request.region, bound))
        return hashlib.blake2b(subject + b"\0" + body, key=self._key, digest_size=_DIGEST_BYTES).digest()


@dataclass(frozen=True, slots=True)
class Paging:
    """One page of a list: `after` is the place of the last row that the caller has, None at the beginning."""

    tokens: PageTokens
    request: Request
    now_ms: int
    after: Any
    size: int

    @property
    def after_id(self) -> UUID | None:
        """The same for rows whose place is their id."""
        return None if self.after is None else UUID(bytes=self.after)

    @property
    def limit(self) -> int:
        """How many rows to read: one more than fit says that there are more."""
        return self.size + 1

    def answer(
        self, member: str, rows: Sequence[Row], show: Callable[[Row], Any], place: Callable[[Row], Any]
    ) -> dict[str, Any]:
        """The rows that fit, and a token where more are left; `place` is what the next page comes after."""
        answer: dict[str, Any] = {member: [show(row) for row in rows[: self.size]]}
        if len(rows) > self.size:
            answer["nextToken"] = self.tokens.make(self.request, place(rows[self.size - 1]), self.now_ms)
        return answer


def page_size(request: Request, most: int = 1000, default: int = 100) -> int:
    """How many rows the caller wants: 0 and nothing mean the default."""
    return min(request.body.get("maxResults") or default, most)
