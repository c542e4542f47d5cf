"""An independent judge: on what jsonpath-ng can read and Jayway means alike, both select the same values."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonpath_ng.ext import parse  # type: ignore[import-untyped]

from engine.expressions.jsonpath import compile_path
from engine.expressions.scope import Scope

NAMES = st.sampled_from(["a", "b", "items", "price"])
LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.text("xyz", max_size=2)
DOCUMENTS = st.recursive(
    st.dictionaries(NAMES, LEAVES, max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner | LEAVES, max_size=4),
    max_leaves=14,
)
STEPS = (
    NAMES.map(lambda name: f".{name}")
    | NAMES.map(lambda name: f"['{name}']")
    | st.integers(0, 3).map(lambda index: f"[{index}]")
    | st.just("[*]")
    | st.tuples(st.integers(0, 2), st.integers(0, 4)).map(lambda ends: f"[{ends[0]}:{ends[1]}]")
)
PATHS = st.lists(STEPS, min_size=1, max_size=4).map("".join).filter(lambda steps: "[*]" in steps or ":" in steps)


def selected(path: str, document: Any) -> list[Any]:
    found = compile_path(path)(Scope(document, dict, {}, bytes))
    assert isinstance(found, list)
    return found


@settings(max_examples=300, deadline=None)
@given(PATHS, DOCUMENTS)
def test_indefinite_paths_select_what_jsonpath_ng_selects(steps: str, document: Any) -> None:
    expected = [match.value for match in parse(f"${steps}").find(document)]
    assert selected(f"${steps}", document) == expected
