"""What is known of a JSON value before anything runs: the members that it has, and whether it may have others.

Bounded: a value with too many members, or too deep inside another, is known as nothing but some value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_MEMBERS_MAX: Final = 300
DEPTH_MAX: Final = 6


@dataclass(frozen=True, slots=True)
class Shape:
    """The members that a value has for certain or perhaps, by name.

    Attributes:
        open: it may have other members, or be no object at all.
        size, depth: of the whole tree of members.
    """

    members: Mapping[str, Shape] = field(default_factory=dict)
    open: bool = False
    size: int = 1
    depth: int = 1

    def at(self, names: Iterable[str]) -> Shape | None:
        """What is known of the value that the names lead to; None if they lead nowhere for certain."""
        here = self
        for name in names:
            inner = here.members.get(name)
            if inner is None:
                return ANY if here.open else None
            here = inner
        return here

    def with_value(self, steps: Sequence[str | int], value: Shape) -> Shape:
        """After a reference path has written `value`."""
        if not steps:
            return value
        step, rest = steps[0], steps[1:]
        if isinstance(step, int):
            return ANY
        inner = self.members.get(step, ANY if self.open else EMPTY)
        return object_of({**self.members, step: inner.with_value(rest, value)}, self.open)

    def cut(self, depth: int) -> Shape:
        """As much of it as is not deeper."""
        if self.depth <= depth:
            return self
        if depth == 1:
            return ANY
        return object_of({name: inner.cut(depth - 1) for name, inner in self.members.items()}, self.open)

    def or_else(self, other: Shape) -> Shape:
        """What is known of a value that is the one or the other."""
        if self is other or self == other:
            return self
        if self is ANY or other is ANY:
            return ANY
        members = {}
        for name in {**self.members, **other.members}:
            one, two = self.members.get(name), other.members.get(name)
            if one is not None and two is not None:
                members[name] = one.or_else(two)
            elif one is not None and not other.open:
                members[name] = one
            elif two is not None and not self.open:
                members[name] = two
        return object_of(members, self.open or other.open)


EMPTY: Final = Shape()
"""A value without members: an empty object, a scalar, null."""
ANY: Final = Shape(open=True)


def object_of(members: Mapping[str, Shape], open: bool = False) -> Shape:
    """An object with these members; with `open` perhaps with others."""
    if not members:
        return ANY if open else EMPTY
    size = 1 + sum(inner.size for inner in members.values())
    depth = 1 + max(inner.depth for inner in members.values())
    if size > _MEMBERS_MAX:
        return ANY
    if depth > DEPTH_MAX:
        return object_of({name: inner.cut(DEPTH_MAX - 1) for name, inner in members.items()}, open)
    return Shape(members, open, size, depth)


def shape_of(value: Any, depth: int = DEPTH_MAX) -> Shape:
    """The shape of a literal; of arrays nothing is known."""
    if isinstance(value, list) or depth == 0:
        return ANY
    if not isinstance(value, dict):
        return EMPTY
    if len(value) > _MEMBERS_MAX:
        return ANY
    return object_of({name: shape_of(inner, depth - 1) for name, inner in value.items()})
