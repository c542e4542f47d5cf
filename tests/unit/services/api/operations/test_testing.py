"""ValidateStateMachineDefinition: which diagnostics are shown, and in which shape."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from services.api.context import Context
from services.api.operations.testing import validate_state_machine_definition
from services.api.request import Request

PASS = {"Type": "Pass", "End": True}
NOTHING_NEEDED = cast(Context, None)


async def answer(definition: Any, **body: Any) -> dict[str, Any]:
    text = definition if isinstance(definition, str) else json.dumps(definition)
    request = Request("ValidateStateMachineDefinition", {"definition": text, **body}, "000000000000", "us-east-1")
    return await validate_state_machine_definition(NOTHING_NEEDED, request)


def wrong(count: int) -> dict[str, Any]:
    """A definition with that many errors."""
    states = {f"S{at}": {"Type": "Pass", "Next": f"S{at + 1}", "Foo": 1} for at in range(count)}
    return {"StartAt": "S0", "States": {**states, f"S{count}": PASS}}


@pytest.mark.parametrize(
    ("count", "asked", "shown", "truncated"),
    [
        (3, {}, 3, False),
        (100, {}, 100, False),
        (101, {}, 100, True),
        (101, {"maxResults": 0}, 100, True),
        (3, {"maxResults": 2}, 2, True),
        (3, {"maxResults": 3}, 3, False),
    ],
)
async def test_as_many_diagnostics_as_asked_for(count: int, asked: dict[str, int], shown: int, truncated: bool) -> None:
    found = await answer(wrong(count), **asked)
    assert (len(found["diagnostics"]), found["truncated"], found["result"]) == (shown, truncated, "FAIL")


async def test_a_finding_without_a_place_has_no_location() -> None:
    found = await answer(" ")
    assert found["diagnostics"] == [
        {"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": "Definition must be a valid JSON object"}
    ]


async def test_warnings_are_shown_to_those_who_ask_and_do_not_fail() -> None:
    definition = {"StartAt": "A", "States": {"A": {**PASS, "Parameters": {"x.$": "$v"}}}}
    assert (await answer(definition))["diagnostics"] == []
    assert (await answer(definition, severity="ERROR"))["diagnostics"] == []
    found = await answer(definition, severity="WARNING")
    assert (found["result"], [it["code"] for it in found["diagnostics"]]) == ("OK", ["POSSIBLY_UNDEFINED_VARIABLE"])


async def test_our_own_warnings_are_not_shown() -> None:
    task = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f", "End": True}
    assert (await answer({"StartAt": "A", "States": {"A": task}}, severity="WARNING"))["diagnostics"] == []


async def test_the_type_decides_what_is_allowed() -> None:
    state = {"Type": "Task", "Resource": "arn:aws:states:us-east-1:000000000000:activity:a", "End": True}
    definition = {"StartAt": "A", "States": {"A": state}}
    assert (await answer(definition))["result"] == "OK"
    assert (await answer(definition, type="EXPRESS"))["result"] == "FAIL"
