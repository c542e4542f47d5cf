"""Where in a JSON or YAML text each value stands: from a JSON pointer, or from AWS's form of it, to line and column."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from json import loads
from typing import Any

from engine.payload import JSON_DEPTH_MAX

_NEWLINE = re.compile("\n")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the text: offsets of its first character and behind its last."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands, in both forms: `/States/a~1b/Choices/0` and AWS's `/States/a/b/Choices[0]`."""

    pointer: str = ""
    location: str = ""

    def member(self, name: str) -> Place:
        """Of a member of this object."""
        escaped = name.replace("~", "~0").replace("/", "~1")
        return Place(f"{self.pointer}/{escaped}", f"{self.location}/{name}")

    def element(self, index: int) -> Place:
        """Of an element of this array."""
        return Place(f"{self.pointer}/{index}", f"{self.location}[{index}]")


class SourceMap:
    """The places of all values in one text."""

    def __init__(self, text: str, spans: Sequence[tuple[Place, Span]] | None = None) -> None:
        """Scan a JSON text, as far as it is JSON; the spans of other texts are given, in any order."""
        self._text = text
        self._line_starts = [0, *(newline.end() for newline in _NEWLINE.finditer(text))]
        self._found = scan(text) if spans is None else spans
        self._spans = {place.pointer: span for place, span in self._found}
        self._by_location = {place.location: span for place, span in self._found}

    def find(self, pointer: str | None) -> Span:
        """The member or element at the pointer; the nearest one around it if it is not there.

        Args:
            pointer: a JSON pointer, or AWS's form of it with indexes in brackets and names as they are.
        """
        wanted = pointer or ""
        while True:
            found = self._by_location.get(wanted) or self._spans.get(wanted)
            if found is not None:
                return found
            if not wanted:
                return Span(0, 0)
            wanted = wanted[: max(wanted.rfind("/"), wanted.rfind("["), 0)]

    def __contains__(self, location: str) -> bool:
        """Whether a value stands exactly there; the location in AWS's form."""
        return location in self._by_location

    def written_twice(self) -> list[tuple[Place, Span]]:
        """Members whose name stands in their object before, so that the earlier one is lost; the outermost only."""
        if len(self._found) == len(self._spans):
            return []
        seen: set[str] = set()
        again = []
        for place, span in sorted(self._found, key=lambda it: it[1].start):
            if place.pointer in seen:
                again.append((place, span))
            seen.add(place.pointer)
        lost = {place.pointer for place, _ in again}
        return [(place, span) for place, span in again if lost.isdisjoint(_around(place.pointer))]

    @property
    def pointers(self) -> Iterable[str]:
        """The pointers of all values."""
        return self._spans.keys()

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Both count from 1; the column counts characters."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line."""
        if number > len(self._line_starts):
            return ""
        start = self._line_starts[number - 1]
        end = self._text.find("\n", start)
        return self._text[start : len(self._text) if end < 0 else end].rstrip("\r")


@dataclass(slots=True)
class _Open:
    """An object or array that is being read. `start` is where its member or element begins, key included."""

    place: Place
    start: int
    is_object: bool
    key: str | None = None
    key_start: int = 0
    index: int = 0


def _around(pointer: str) -> Iterator[str]:
    """The pointers of the values around one."""
    while pointer:
        pointer = pointer.rpartition("/")[0]
        yield pointer


def scan(text: str) -> list[tuple[Place, Span]]:
    """Every value's place with its span; a member's span begins at its key. Stops where nesting is refused."""
    spans: list[tuple[Place, Span]] = []
    stack: list[_Open] = []
    for token in _TOKEN.finditer(text):
        mark = token.group()
        top = stack[-1] if stack else None
        if mark in "}]" and top is not None:
            stack.pop()
            spans.append((top.place, Span(top.start, token.end())))
            _step(stack)
        elif mark in ",:":
            continue
        elif top is not None and top.is_object and top.key is None and mark not in "{[":
            top.key, top.key_start = _key(mark), token.start()
        else:
            place, start = _place(top, token.start())
            if len(stack) > JSON_DEPTH_MAX:
                break
            if mark in "{[":
                stack.append(_Open(place, start, mark == "{"))
            else:
                spans.append((place, Span(start, token.end())))
                _step(stack)
    spans.extend((left.place, Span(left.start, len(text))) for left in stack)
    return spans


def _place(top: _Open | None, start: int) -> tuple[Place, int]:
    if top is None:
        return Place(), start
    if not top.is_object:
        return top.place.element(top.index), start
    return top.place.member(top.key or ""), top.key_start


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
