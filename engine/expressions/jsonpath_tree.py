"""A parsed JSONPath: its tokens and the filters inside them, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Property:
    """`.a`, `['a']`: one member."""

    name: str


@dataclass(frozen=True, slots=True)
class Properties:
    """`['a','b']`: several members."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """`[0]`, `[-1]`: one element."""

    at: int


@dataclass(frozen=True, slots=True)
class Indexes:
    """`[0,2]`: several elements."""

    at: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """`[1:3]`, `[:2]`, `[-2:]`."""

    start: int | None
    stop: int | None


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`.*`, `[*]`."""


@dataclass(frozen=True, slots=True)
class Scan:
    """`..`: the next token is applied to every container below."""


@dataclass(frozen=True, slots=True)
class Select:
    """`[?(...)]`."""

    filter: Filter


@dataclass(frozen=True, slots=True)
class Function:
    """`.length()` at the end of a path; `arguments` stand between the parentheses: constants or paths."""

    name: str
    arguments: tuple[Operand, ...]


Token: TypeAlias = Property | Properties | Index | Indexes | Slice | Wildcard | Scan | Select | Function


@dataclass(frozen=True, slots=True)
class PathOperand:
    """`@.a` or `$.a`: looked up when the filter runs."""

    from_root: bool
    tokens: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: JSON value or pattern."""

    value: Any


Operand: TypeAlias = PathOperand | Literal


@dataclass(frozen=True, slots=True)
class Compare:
    """`left operator right`."""

    left: Operand
    operator: str
    right: Operand


@dataclass(frozen=True, slots=True)
class Exists:
    """`@.a` alone: the path leads to something, be it null."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class Not:
    """`!...`."""

    part: Filter


@dataclass(frozen=True, slots=True)
class Both:
    """`... && ...`."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """`... || ...`."""

    parts: tuple[Filter, ...]


Filter: TypeAlias = Compare | Exists | Not | Both | Either


def is_definite(tokens: tuple[Token, ...]) -> bool:
    """True when the path selects at most one value; several names at the end make one object."""
    for place, token in enumerate(tokens):
        if isinstance(token, (Indexes, Slice, Wildcard, Scan, Select)):
            return False
        if isinstance(token, Properties) and place < len(tokens) - 1:
            return False
    return True
