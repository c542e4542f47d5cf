"""Spoils definitions at random places: other values, names that moved, parts that are gone."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

from engine.asl.rules import FIELDS

WORDS = sorted(
    {row.name for row in FIELDS} | {"", "S", "$.a", "x.$", "states", "{% 1 %}", "{% $", "$$.a[*]", "Map", "JSONata"}
)
JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def mutated(document: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
    """A copy of a definition with one to three changes."""
    changed = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(1, 3))):
        _change(changed, data)
    return changed


def _change(document: dict[str, Any], data: st.DataObject) -> None:
    holders = list(_holders(document))
    if not holders:
        return
    holder = data.draw(st.sampled_from(holders))
    keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
    key = data.draw(st.sampled_from(keys))
    how = data.draw(st.sampled_from(["replace", "remove", "rename", "copy"]))
    if how == "remove":
        del holder[key]
    elif how == "copy":
        holder[key] = copy.deepcopy(data.draw(st.sampled_from(holders)))
    elif how == "rename" and isinstance(holder, dict):
        holder[data.draw(st.sampled_from(WORDS))] = holder.pop(key)
    else:
        holder[key] = data.draw(JUNK)


def _holders(value: Any) -> list[Any]:
    """Every object and array that is not empty."""
    found, waiting = [], [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, (dict, list)) and part:
            found.append(part)
            waiting.extend(part.values() if isinstance(part, dict) else part)
    return found
