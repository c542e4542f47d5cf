"""JSONata against its reference library: ten thousand expressions and what jsonata-js 2.2.2 makes of them.

`known_failures.txt` lists where we differ, and may only shrink: a listed case that passes fails the test.
`STEPWELL_JSONATA_SUITE` may name the folder `test/test-suite` of a checkout of jsonata-js; its cases then run too.
"""

from __future__ import annotations

import gzip
import json
import math
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine.expressions.jsonata.errors import InternalError, JsonataError, LimitExceeded
from engine.expressions.jsonata.fields import evaluate
from engine.expressions.jsonata.rendering import message_of
from engine.expressions.jsonata.values import UNDEFINED, Function
from engine.expressions.scope import ExpressionSyntaxError, Scope

HERE = Path(__file__).parent
SUITE = os.environ.get("STEPWELL_JSONATA_SUITE", "")


@cache
def _reference() -> dict[str, Any]:
    return json.loads(gzip.decompress((HERE / "reference_cases.json.gz").read_bytes()))


@cache
def _known_failures() -> frozenset[tuple[str, str]]:
    lines = (HERE / "known_failures.txt").read_text("utf-8").splitlines()
    return frozenset((name, json.loads(text)) for name, _, text in (line.partition(" ") for line in lines))


def _outcome(expression: str, document: Any, variables: dict[str, Any] | None = None) -> tuple[Any, ...]:
    scope = Scope(None, dict, variables or {}, bytes, now_ms=1_700_000_000_000)
    try:
        value = evaluate(expression, document, scope)
    except JsonataError as error:
        return "error", error.code, message_of(error)
    except ExpressionSyntaxError as error:
        return "error", "S", str(error)
    except (InternalError, LimitExceeded) as error:
        return "error", None, str(error)
    return ("undefined",) if value is UNDEFINED else ("value", _plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, Function):
        return "<fn>"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    return None if value is UNDEFINED else value


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return math.isclose(one, other, rel_tol=1e-12)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    return bool(one == other)


def _agrees(outcome: tuple[Any, ...], kind: str, *expected: Any) -> bool:
    if outcome[0] != kind:
        return False
    if kind == "value":
        return _alike(outcome[1], expected[0])
    if kind == "undefined" or expected[0] is None:
        return True
    fits = outcome[1] == expected[0] or (outcome[1] == "S" and expected[0].startswith("S"))
    return fits and (len(expected) < 2 or outcome[2] == expected[1])


@pytest.mark.parametrize("source", sorted({name.partition("/")[0] for name in _reference()["data"]}))
def test_expressions_give_what_the_reference_library_gives(source: str) -> None:
    reference = _reference()
    failed, passed_though_known = [], []
    for name, expression, *expected in reference["cases"]:
        if not name.startswith(source + "/"):
            continue
        document = json.loads(json.dumps(reference["data"][name]))
        agrees = _agrees(_outcome(expression, document), *expected)
        known = (name, expression) in _known_failures()
        if agrees and known:
            passed_though_known.append((name, expression))
        if not agrees and not known:
            failed.append((name, expression, expected))
    assert not failed
    assert not passed_though_known, "take them off known_failures.txt"


def _suite_cases() -> list[Any]:
    files = sorted(Path(SUITE, "groups").glob("*/*.json")) if SUITE else []
    found = []
    for path in files:
        content = json.loads(path.read_text("utf-8"))
        for at, case in enumerate(content if isinstance(content, list) else [content]):
            if "expr-file" in case:
                case["expr"] = (path.parent / case["expr-file"]).read_text("utf-8")
            found.append(pytest.param(case, id=f"{path.parent.name}/{path.stem}[{at}]"))
    return found


@pytest.mark.skipif(not SUITE, reason="STEPWELL_JSONATA_SUITE is not set")
@pytest.mark.parametrize("case", _suite_cases())
def test_case_of_the_official_suite(case: dict[str, Any]) -> None:
    if case.get("dataset") is not None:
        document = json.loads(Path(SUITE, "datasets", f"{case['dataset']}.json").read_text("utf-8"))
    else:
        document = case.get("data", UNDEFINED)
    outcome = _outcome(case["expr"], document, case.get("bindings"))
    if "code" in case or "error" in case:
        assert outcome[0] == "error"
    elif case.get("undefinedResult"):
        assert outcome == ("undefined",)
    else:
        assert outcome[0] == "value"
        assert _alike(outcome[1], case["result"])
