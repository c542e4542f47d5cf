"""JSONata against the test suite of its reference library: values, error codes, and what errors say they are about.

`official_known_failures.txt` lists the cases that end differently here, each with its reason; it may only shrink.
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
LIMIT_CODES = frozenset({"U1001", "D2014"})
"""The suite's own harness and the library's range operator end endless work with these; the service's limits have no
code."""


@cache
def _suite() -> dict[str, Any]:
    return json.loads(gzip.decompress((HERE / "official_suite.json.gz").read_bytes()))


@cache
def _known_failures() -> dict[str, str]:
    lines = (HERE / "official_known_failures.txt").read_text("utf-8").splitlines()
    return {name: reason for name, _, reason in (line.partition(" ") for line in lines)}


def _document(case: dict[str, Any]) -> Any:
    if case.get("dataset") is not None:
        return json.loads(json.dumps(_suite()["datasets"][case["dataset"]]))
    return case.get("data", UNDEFINED)


def _is_permutation(one: Any, other: Any) -> bool:
    if not (isinstance(one, list) and isinstance(other, list) and len(one) == len(other)):
        return alike(one, other)
    left = list(other)
    for item in one:
        at = next((at for at, candidate in enumerate(left) if alike(item, candidate)), None)
        if at is None:
            return False
        del left[at]
    return True


def _fails_as_expected(case: dict[str, Any], outcome: Any) -> bool:
    """Every case names the code; some name what the error carries, such as the token, or its whole message."""
    expected = case.get("error", case)
    if expected["code"] in LIMIT_CODES:
        return isinstance(outcome, Failure) and outcome.is_limit
    carried = {name: expected[name] for name in ("token", "value", "functionName") if name in expected}
    return (
        isinstance(outcome, Failure)
        and outcome.code == expected["code"]
        and outcome.message == expected.get("message", outcome.message)
        and all(outcome.fields.get(name) == value for name, value in carried.items())
    )


def _agrees(case: dict[str, Any], outcome: Any) -> bool:
    if "code" in case or "error" in case:
        return _fails_as_expected(case, outcome)
    if "undefinedResult" in case:
        return outcome is UNDEFINED
    return (_is_permutation if case.get("unordered") else alike)(outcome, case["result"])


@pytest.mark.parametrize("group", sorted({name.partition("/")[0] for name, _ in _suite()["cases"]}))
def test_group_gives_what_the_suite_asks_for(group: str) -> None:
    failed, passed_though_known = [], []
    for name, case in _suite()["cases"]:
        if not name.startswith(group + "/"):
            continue
        agrees = _agrees(case, outcome_of(case["expr"], _document(case), case.get("bindings")))
        known = name in _known_failures()
        if agrees and known:
            passed_though_known.append(name)
        if not agrees and not known:
            failed.append((name, case["expr"], outcome_of(case["expr"], _document(case), case.get("bindings"))))
    assert not failed
    assert not passed_though_known, "take them off official_known_failures.txt"


def test_ninety_nine_of_a_hundred_cases_pass_and_the_others_have_a_reason() -> None:
    names = {name for name, _ in _suite()["cases"]}
    assert _known_failures().keys() <= names
    assert all(_known_failures().values())
    assert len(_known_failures()) <= len(names) / 100
