"""Definitions that the service was asked to create, validate or try: accepted, refused and described as recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from engine.asl.diagnostics import InvalidDefinition
from engine.asl.model import Diagnostic, MachineType
from engine.asl.parse import compile_definition, compile_state
from engine.asl.validate import validate
from tests.golden.asl.shared_material import CASES, recorded_cases

pytestmark = pytest.mark.skipif(not CASES.exists(), reason="the recordings are not here")

ACTIVITY = "arn:aws:states:us-east-1:000000000000:activity:a"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
API_REFUSES = "TestState API does not support"
"""TestState without a mock refuses these before the definition is looked at."""


def _text(case: dict[str, Any], definition: Any) -> str | None:
    if definition is None:
        return None
    if isinstance(definition, dict):
        name = definition.get("$definition")
        if name is None:
            return None
        definition = case["definitions"][name]
    text = definition if isinstance(definition, str) else json.dumps(definition)
    text = re.sub(r"\{\{[^}]*activityArn\}\}", ACTIVITY, text)
    return re.sub(r"\{\{[^}]*\}\}", "x", re.sub(r"\{\{[^}]*[Ff]unctionArn[^}]*\}\}", FUNCTION, text))


def _steps(*operations: str) -> list[Any]:
    """(definition text, step, case) of every recorded call of these operations."""
    found = []
    for case in recorded_cases() if CASES.exists() else ():
        for index, step in enumerate(case["steps"]):
            if step.get("op") in operations and "definition" in step["params"]:
                text = _text(case, step["params"]["definition"])
                if text is not None:
                    found.append(pytest.param(text, step, case, id=f"{case['id'].split('::', 1)[1]}-{index}"))
    return found


def _machine_type(step: dict[str, Any], case: dict[str, Any]) -> MachineType:
    kind = step["params"].get("type") or (case["type"] if step["op"].startswith("Update") else "STANDARD")
    return "EXPRESS" if kind == "EXPRESS" else "STANDARD"


def _refusal(text: str, machine_type: MachineType) -> str | None:
    try:
        compile_definition(text, machine_type)
    except InvalidDefinition as error:
        return str(error)
    return None


def _member(value: Any, name: str) -> Iterator[Any]:
    if isinstance(value, dict):
        if name in value:
            yield value[name]
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _member(inner, name)


@pytest.mark.parametrize(("text", "step", "case"), _steps("CreateStateMachine", "UpdateStateMachine"))
def test_created_definitions_are_accepted_or_refused_as_recorded(
    text: str, step: dict[str, Any], case: dict[str, Any]
) -> None:
    refusal = _refusal(text, _machine_type(step, case))
    if step.get("error") == "InvalidDefinition":
        assert refusal is not None
        assert json.dumps(refusal)[1:-1] in json.dumps(case["expected"])
    else:
        assert refusal is None


@pytest.mark.parametrize(("text", "step", "case"), _steps("CreateStateMachine"))
def test_variable_references_are_described_as_recorded(text: str, step: dict[str, Any], case: dict[str, Any]) -> None:
    described = list(_member(case["expected"], "variableReferences"))
    if described or "variable_references" in case["id"]:
        references = compile_definition(text).variable_references
        expected = described[0] if described else {}
        assert {name: list(names) for name, names in references.items()} == {
            name: sorted(expected[name]) for name in expected
        }


@pytest.mark.parametrize(("text", "step", "case"), _steps("ValidateStateMachineDefinition"))
def test_diagnostics_are_those_recorded(text: str, step: dict[str, Any], case: dict[str, Any]) -> None:
    found = [_as_answered(finding) for finding in validate(text, _machine_type(step, case))]
    assert found == case["expected"]["validation_response"]["diagnostics"]


@pytest.mark.parametrize(("text", "step", "case"), _steps("TestState"))
def test_states_that_were_tried_compile(text: str, step: dict[str, Any], case: dict[str, Any]) -> None:
    recorded = json.dumps(case["expected"])
    if API_REFUSES in recorded:
        pytest.skip("refused before the definition is looked at")
    if step.get("error") == "InvalidDefinition":
        with pytest.raises(InvalidDefinition) as refused:
            compile_definition(text)
        assert json.dumps(str(refused.value))[1:-1] in recorded
    elif "stateName" in step["params"]:
        assert compile_definition(text)
    else:
        assert compile_state(text)


def _as_answered(finding: Diagnostic) -> dict[str, str]:
    answer = {"severity": finding.severity, "code": finding.code, "message": finding.message}
    return answer if finding.location is None else {**answer, "location": finding.location}
