"""Task tokens: opaque text for clients that says where the attempt is and proves that the holder was given it.

The proof is a secret of 256 random bits. It is in the token and nowhere else: an attempt keeps its digest. A checksum
over the place (region and account) and the content makes foreign text, and a token of somebody else, refused early.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final
from uuid import UUID

SECRET_BYTES: Final = 32
_FORMAT: Final = b"\x02"
_CHECK_BYTES: Final = 16
_SECRET_AT: Final = 17
_PATH_AT: Final = _SECRET_AT + SECRET_BYTES


@dataclass(frozen=True, slots=True)
class TaskToken:
    """What a token names: the execution, the frame, and the secret that the holder was given."""

    execution_id: UUID
    path: str
    secret: bytes


def encode(execution_id: UUID, path: str, secret: bytes, place: str) -> str:
    """The text for clients; `place` is `region:account` of the execution."""
    assert len(secret) == SECRET_BYTES
    body = _FORMAT + execution_id.bytes + secret + path.encode()
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
    return TaskToken(UUID(bytes=body[1:_SECRET_AT]), path, body[_SECRET_AT:_PATH_AT])


def digest(secret: bytes) -> bytes:
    """What an attempt keeps of a secret. It needs no salt: nobody guesses 256 random bits."""
    return hashlib.sha256(secret).digest()


def opens(secret: bytes, kept: bytes) -> bool:
    """Whether this is the secret of that digest; an empty digest is nobody's. Takes the same time for every guess."""
    return bool(kept) and hmac.compare_digest(digest(secret), kept)


def _check(body: bytes, place: str) -> bytes:
    return hashlib.sha256(place.encode() + b"\0" + body).digest()[:_CHECK_BYTES]
