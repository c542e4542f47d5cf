"""Task tokens: opaque text for clients that says where the attempt is and proves that the holder was given it.

The attempt's own 128 random bits are the proof; a checksum over the place (region and account) and the content makes
foreign text, and a token of somebody else, refused early.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

_FORMAT: Final = b"\x01"
_TOKEN_BYTES: Final = 16
_CHECK_BYTES: Final = 16
_PATH_AT: Final = 33


@dataclass(frozen=True, slots=True)
class TaskToken:
    """What a token names: the execution, the frame and the attempt's random bytes."""

    execution_id: UUID
    path: str
    token: bytes


def encode(execution_id: UUID, path: str, token: bytes, place: str) -> str:
    """The text for clients; `place` is `region:account` of the execution."""
    assert len(token) == _TOKEN_BYTES
    body = _FORMAT + execution_id.bytes + token + path.encode()
    return base64.b64encode(body + _check(body, place)).decode()


def decode(text: str, place: str) -> TaskToken:
    """Read a token back.

    Raises:
        ValueError: not a token of ours, or of another region or account.
    """
    try:
        data = base64.b64decode(text, validate=True)
        body, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
        known = len(body) > _PATH_AT and body[:1] == _FORMAT and check == _check(body, place)
        path = body[_PATH_AT:].decode()
    except ValueError:
        known, path, body = False, "", b""
    if not known:
        raise ValueError("Invalid token")
    return TaskToken(UUID(bytes=body[1:17]), path, body[17:_PATH_AT])


def _check(body: bytes, place: str) -> bytes:
    return hashlib.sha256(place.encode() + b"\0" + body).digest()[:_CHECK_BYTES]
