"""JSONata against its reference library: ten thousand expressions and what jsonata-js 2.2.2 makes of them.

`known_failures.txt` lists where we differ, and may only shrink: a listed case that passes fails the test.
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine.expressions.jsonata.values import UNDEFINED
from tests.golden.jsonata.outcomes import Failure, alike, outcome_of

HERE = Path(__file__).parent


@cache
def _reference() -> dict[str, Any]:
    return json.loads(gzip.decompress((HERE / "reference_cases.json.gz").read_bytes()))


@cache
def _known_failures() -> frozenset[tuple[str, str]]:
    lines = (HERE / "known_failures.txt").read_text("utf-8").splitlines()
    return frozenset((name, json.loads(text)) for name, _, text in (line.partition(" ") for line in lines))


def _agrees(outcome: Any, kind: str, *expected: Any) -> bool:
    if kind == "value":
        return outcome is not UNDEFINED and not isinstance(outcome, Failure) and alike(outcome, expected[0])
    if kind == "undefined":
        return outcome is UNDEFINED
    if not isinstance(outcome, Failure):
        return False
    code, *message = expected
    return code is None or (outcome.code == code and message in ([], [outcome.message]))


@pytest.mark.parametrize("source", sorted({name.partition("/")[0] for name in _reference()["data"]}))
def test_expressions_give_what_the_reference_library_gives(source: str) -> None:
    reference = _reference()
    failed, passed_though_known = [], []
    for name, expression, *expected in reference["cases"]:
        if not name.startswith(source + "/"):
            continue
        document = json.loads(json.dumps(reference["data"][name]))
        agrees = _agrees(outcome_of(expression, document), *expected)
        known = (name, expression) in _known_failures()
        if agrees and known:
            passed_though_known.append((name, expression))
        if not agrees and not known:
            failed.append((name, expression, expected))
    assert not failed
    assert not passed_though_known, "take them off known_failures.txt"
