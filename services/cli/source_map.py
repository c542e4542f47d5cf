"""Where in a JSON text each value stands: from a JSON pointer to line and column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from json import loads
from typing import Any

from engine.payload import JSON_DEPTH_MAX

_INDEX = re.compile(r"\[(\d+)\]")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the text: offsets of its first character and behind its last."""

    start: int
    end: int


class SourceMap:
    """The places of all values in one JSON text."""

    def __init__(self, text: str) -> None:
        """Scan the text; what is not JSON is scanned as far as it goes."""
        self._text = text
        self._spans = scan(text)

    def find(self, pointer: str | None) -> Span:
        """The member or element at the pointer; the nearest one around it if it is not there.

        Args:
            pointer: a JSON pointer, or AWS's form of it with indexes in brackets (`/Branches[0]/States/A`).
        """
        wanted = _INDEX.sub(r"/\1", pointer or "")
        while wanted not in self._spans:
            if not wanted:
                return Span(0, 0)
            wanted = wanted.rpartition("/")[0]
        return self._spans[wanted]

    @property
    def pointers(self) -> Iterable[str]:
        """The pointers of all values."""
        return self._spans.keys()

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Both count from 1; the column counts characters."""
        before = self._text.rfind("\n", 0, offset)
        return self._text.count("\n", 0, offset) + 1, offset - before

    def line(self, number: int) -> str:
        """The text of a line."""
        lines = self._text.split("\n")
        return lines[number - 1].rstrip("\r") if number <= len(lines) else ""


@dataclass(slots=True)
class _Open:
    """An object or array that is being read. `start` is where its member or element begins, key included."""

    pointer: str
    start: int
    is_object: bool
    key: str | None = None
    key_start: int = 0
    index: int = 0


def scan(text: str) -> Mapping[str, Span]:
    """Every value's JSON pointer with its span; a member's span begins at its key. Stops where nesting is refused."""
    spans: dict[str, Span] = {}
    stack: list[_Open] = []
    for token in _TOKEN.finditer(text):
        mark = token.group()
        top = stack[-1] if stack else None
        if mark in "}]" and top is not None:
            stack.pop()
            spans[top.pointer] = Span(top.start, token.end())
            _step(stack)
        elif mark in ",:":
            continue
        elif top is not None and top.is_object and top.key is None and mark not in "{[":
            top.key, top.key_start = _key(mark), token.start()
        else:
            pointer, start = _place(top, token.start())
            if len(stack) > JSON_DEPTH_MAX:
                break
            if mark in "{[":
                stack.append(_Open(pointer, start, mark == "{"))
            else:
                spans[pointer] = Span(start, token.end())
                _step(stack)
    for left in stack:
        spans[left.pointer] = Span(left.start, len(text))
    return spans


def _place(top: _Open | None, start: int) -> tuple[str, int]:
    if top is None:
        return "", start
    if not top.is_object:
        return f"{top.pointer}/{top.index}", start
    name = (top.key or "").replace("~", "~0").replace("/", "~1")
    return f"{top.pointer}/{name}", top.key_start


def _step(stack: list[_Open]) -> None:
    """A value has ended: its container goes on to the next key or index."""
    if stack:
        stack[-1].key = None
        stack[-1].index += 1


def _key(token: str) -> str:
    try:
        value: Any = loads(token)
    except ValueError:
        return token
    return str(value)
