"""Client tokens of redrives: the last ones that succeeded are kept with the execution, each for its time.

They ride in the group commit that holds the redrive, so a call that is made again finds its answer whoever owns the
shard then.
"""

from __future__ import annotations

from typing import Final

from engine.payload import decode_json, encode_json

TOKEN_MS: Final = 15 * 60 * 1000
TOKENS_MAX: Final = 10


def redriven_before(tokens: str | None, token: str, now_ms: int) -> int | None:
    """When that token redrove the execution; None if it did not, or too long ago."""
    return next((then for name, then in _read(tokens) if name == token and then > now_ms - TOKEN_MS), None)


def with_token(tokens: str | None, token: str, now_ms: int) -> str:
    """The tokens after a redrive with another one."""
    kept = [[name, then] for name, then in _read(tokens) if then > now_ms - TOKEN_MS and name != token]
    return encode_json([*kept, [token, now_ms]][-TOKENS_MAX:]).decode()


def _read(tokens: str | None) -> list[tuple[str, int]]:
    return [] if tokens is None else [(name, then) for name, then in decode_json(tokens.encode())]
