"""Looking variables up from inside an expression."""

from __future__ import annotations

from typing import Any

from engine.expressions.jsonata.root import root_lookup
from engine.expressions.jsonata.run import Frame
from engine.expressions.jsonata.values import UNDEFINED


def find(name: str, frame: Frame | None) -> Any:
    """A variable's value, from the innermost frame outwards."""
    at = frame
    while at is not None:
        names = at.names
        if name in names:
            return names[name]
        if at.outer is None:
            return root_lookup(name, at.run)
        at = at.outer
    return UNDEFINED


def undefined(input: Any, frame: Frame) -> Any:
    """Code of nothing."""
    return UNDEFINED
