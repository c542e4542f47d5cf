"""Caution: find the one execution whose page the store cannot take, so that it does not take its neighbours down.

A commit that fails may fail because of one row in it. Everybody in it is a suspect until a commit with them succeeds,
and suspects commit alone; one that fails alone again and again is put aside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

_FAILURES_MAX: Final = 3
_SUSPECTS_MAX: Final = 10_000


class Caution:
    """Suspects by the 16 bytes of their id, and how often each failed alone."""

    def __init__(self) -> None:
        """Nobody is suspected."""
        self._suspects: dict[bytes, int] = {}

    def __contains__(self, key: bytes) -> bool:
        """Whether it has to commit alone."""
        return key in self._suspects

    def succeeded(self, keys: Iterable[bytes]) -> None:
        """A commit with these was taken."""
        if self._suspects:
            for key in keys:
                self._suspects.pop(key, None)

    def failed(self, keys: Sequence[bytes]) -> bytes | None:
        """A commit with these got no answer; returns the one to put aside, if it is proven."""
        if len(self._suspects) > _SUSPECTS_MAX:
            self._suspects.clear()
        if len(keys) == 1:
            failures = self._suspects.get(keys[0], 0) + 1
            if failures >= _FAILURES_MAX:
                del self._suspects[keys[0]]
                return keys[0]
            self._suspects[keys[0]] = failures
        else:
            for key in keys:
                self._suspects.setdefault(key, 0)
        return None
