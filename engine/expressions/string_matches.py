"""The patterns of StringMatches: `*` stands for anything, a backslash makes `*` and itself literal.

Matching searches the pieces between the stars from left to right, so its time is linear in text and pattern.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def compile_pattern(pattern: Any) -> Callable[[Any], bool]:
    """A test for texts; what is no text never matches, and a pattern that is no text matches nothing."""
    if not isinstance(pattern, str):
        return lambda value: False
    first, *middle, last = _pieces(pattern)
    if not middle and last is None:
        return lambda value: isinstance(value, str) and value == first
    inner = tuple(piece for piece in middle if piece)
    assert first is not None and last is not None

    def matches(value: Any) -> bool:
        if not isinstance(value, str) or len(value) < len(first) + len(last):
            return False
        if not value.startswith(first) or not value.endswith(last):
            return False
        at, end = len(first), len(value) - len(last)
        for piece in inner:
            found = value.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True

    return matches


def _pieces(pattern: str) -> list[Any]:
    """The literal pieces between the stars; without a star the text and None."""
    pieces: list[Any] = []
    piece: list[str] = []
    marks = iter(pattern)
    for mark in marks:
        if mark == "*":
            pieces.append("".join(piece))
            piece = []
        elif mark == "\\":
            piece.append(next(marks, "\\"))
        else:
            piece.append(mark)
    pieces.append("".join(piece))
    return pieces if len(pieces) > 1 else [*pieces, None]
