"""Reference paths (`$.a['b'][0]`): parsed to steps once, written with structural sharing."""

from __future__ import annotations

import re
from typing import Any

from engine.expressions.scope import ExpressionSyntaxError
from engine.failure import REFERENCE_PATH_CONFLICT, StateError
from engine.payload import Payload

_STEP = re.compile(r"\.([^\s.\[\]'\"*?@:,()]+)|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]|\[(\d+)\]")


class ReferencePath:
    """One place in a JSON document.

    Attributes:
        text: as written.
        steps: keys (str) and indexes (int) from the root.
    """

    __slots__ = ("steps", "text")

    def __init__(self, text: str, steps: tuple[str | int, ...]) -> None:
        """Use `compile_reference_path`."""
        self.text = text
        self.steps = steps

    def put(self, document: Any, value: Any) -> Any:
        """A document with `value` at this place; only the containers on the way are copied.

        Missing objects on the way are created.

        Raises:
            StateError: States.ReferencePathConflict, the place is inside a scalar or beyond an array.
        """
        try:
            return _put(document, self.steps, value)
        except (TypeError, IndexError):
            text = Payload(document).text.decode()
            raise StateError(
                REFERENCE_PATH_CONFLICT, f"Unable to apply ReferencePath {self.text} to input {text}"
            ) from None


def compile_reference_path(text: str) -> ReferencePath:
    """Parse `$`, `$.name`, `$['name']`, `$[0]` and their chains.

    Raises:
        ExpressionSyntaxError: with AWS's text.
    """
    if not text.startswith("$"):
        raise ExpressionSyntaxError("Value is not a Reference Path: Reference path didn't start with '$'")
    steps: list[str | int] = []
    at = 1
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            raise ExpressionSyntaxError("Value is not a Reference Path")
        plain, single, double, index = step.groups()
        if index is not None:
            steps.append(int(index))
        else:
            quoted = single.replace("\\'", "'") if single is not None else (double or "").replace('\\"', '"')
            steps.append(plain if plain is not None else quoted)
        at = step.end()
    return ReferencePath(text, tuple(steps))


def _put(document: Any, steps: tuple[str | int, ...], value: Any) -> Any:
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(step, int):
        if not isinstance(document, list):
            raise TypeError
        changed: Any = list(document)
        changed[step] = _put(changed[step], rest, value)
        return changed
    if not isinstance(document, dict):
        raise TypeError
    changed = dict(document)
    changed[step] = _put(changed.get(step, {} if rest else None), rest, value)
    return changed
