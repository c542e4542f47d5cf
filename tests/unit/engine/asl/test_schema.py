"""The JSON schema and the reference page are made from the table and complete."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.asl import lints
from engine.asl.diagnostics import OWN_PREFIX, has_errors
from engine.asl.reference_notes import WARNINGS
from engine.asl.reference_page import reference_page
from engine.asl.resource import SERVICES
from engine.asl.rules import BY_OWNER, FIELDS, OWNERS, STATE_TYPES
from engine.asl.schema import schema
from engine.asl.validate import validate
from engine.expressions.intrinsic_functions import FUNCTIONS
from tests.unit.engine.asl.definitions import alone, map_state, task
from tests.unit.engine.asl.mutations import mutated
from tests.unit.engine.asl.test_mutations import BIG_MAP, EVERYTHING

SCHEMA = schema()


@pytest.mark.parametrize("owner", OWNERS)
def test_every_object_of_the_language_is_in_the_schema(owner: str) -> None:
    forms = [value for name, value in SCHEMA["$defs"].items() if name.partition("-")[0] == owner]
    assert {name for form in forms for name in form["properties"]} == BY_OWNER[owner].keys()
    assert all(form["additionalProperties"] is False for form in forms)


def test_the_schema_is_json_and_every_reference_leads_somewhere() -> None:
    text = json.dumps(SCHEMA)
    targets = set(re.findall(r'"#/\$defs/([A-Za-z-]+)"', text))
    assert targets == SCHEMA["$defs"].keys()
    assert set(STATE_TYPES) <= targets


@pytest.mark.parametrize(
    ("owner", "field", "expected"),
    [
        ("Wait-JSONata", "Seconds", {"type": "integer", "minimum": 0, "maximum": 99_999_999}),
        ("Retrier", "JitterStrategy", ["NONE", "FULL"]),
        ("Task", "Type", "Task"),
    ],
)
def test_values_carry_their_limits(owner: str, field: str, expected: Any) -> None:
    described = SCHEMA["$defs"][owner]["properties"][field]
    assert expected in [described.get("const"), described.get("enum"), *described.get("anyOf", [])]


def test_the_page_names_every_field_and_every_integration() -> None:
    page = reference_page()
    for row in FIELDS:
        assert f"| `{row.name}` |" in page
    for service, actions in SERVICES.items():
        for action in actions:
            assert f"| {service} | {action} |" in page


def test_the_page_names_every_function_and_every_warning_of_ours() -> None:
    page = reference_page()
    for name in FUNCTIONS:
        assert f"| `States.{name}(" in page
    source = "".join(path.read_text() for path in Path(lints.__file__).parent.glob("*lints.py"))
    codes = set(re.findall(r"STEPWELL_[A-Z_]+", source)) | {f"{OWN_PREFIX}IMPOSSIBLE_PATH"}
    codes.add(f"{OWN_PREFIX}WRITTEN_TWICE")  # found by who reads the text
    assert codes == WARNINGS.keys()


def test_every_link_on_the_page_leads_to_a_heading() -> None:
    page = reference_page()
    headings = {title.lower().replace(" ", "-") for title in re.findall(r"^## (.+)$", page, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= headings


def test_every_row_says_what_it_is_for() -> None:
    assert all(row.about for row in FIELDS)


BRANCH: dict[str, Any] = {"StartAt": "I", "States": {"I": {"Type": "Pass", "InputPath": "$", "End": True}}}
BRANCH_OUTPUT: dict[str, Any] = {"StartAt": "I", "States": {"I": {"Type": "Pass", "Output": 1, "End": True}}}
JSONATA: dict[str, Any] = {"QueryLanguage": "JSONata"}


@pytest.mark.parametrize(
    ("definition", "is_right"),
    [
        (alone({"Type": "Pass", "InputPath": "$.a", "End": True}), True),
        (alone({"Type": "Pass", "InputPath": "$.a", "End": True}, **JSONATA), False),
        (alone({"Type": "Pass", "Output": "{% 1 %}", "End": True}), False),
        (alone({"Type": "Pass", "Output": "{% 1 %}", "End": True}, **JSONATA), True),
        (alone({"Type": "Pass", "Output": "{% 1 %}", "End": True, **JSONATA}), True),
        (alone({"Type": "Pass", "Output": {"a": ["{% 1"]}, "End": True, **JSONATA}), False),
        (alone({"Type": "Pass", "QueryLanguage": "JSONPath", "End": True}, **JSONATA), False),
        (alone({"Type": "Pass", "Parameters": {"a": [{"b.$": "c"}]}, "End": True}), False),
        (alone({"Type": "Pass", "Parameters": {"a": [{"b.$": "States.UUID()"}]}, "End": True}), True),
        (alone({"Type": "Pass", "ResultPath": "$.a[*]", "End": True}), False),
        (alone({"Type": "Pass", "ResultPath": "$['a*'].b[0]", "End": True}), True),
        (alone({"Type": "Pass", "ResultPath": "$v.a", "End": True}), False),
        (alone({"Type": "Pass", "Assign": {"states": 1}, "End": True}), False),
        (alone({"Type": "Wait", "Seconds": "{% 1 %}", "End": True}), False),
        (alone({"Type": "Wait", "Seconds": "{% 1 %}", "End": True, **JSONATA}), True),
        # What is inside a state speaks the language of the machine, not that of the state.
        (alone({"Type": "Parallel", "Branches": [BRANCH], "End": True, **JSONATA}), True),
        (alone({"Type": "Parallel", "Branches": [BRANCH_OUTPUT], "End": True, **JSONATA}), False),
        (alone({"Type": "Parallel", "Branches": [BRANCH_OUTPUT], "End": True}, **JSONATA), True),
        (alone(map_state({"ProcessorConfig": {"Mode": "DISTRIBUTED"}})), False),
        (alone(task(Credentials={"RoleArn.$": "$.r"})), True),
        (alone(task(Credentials={"Role": "r"})), False),
    ],
)
def test_a_field_belongs_to_its_query_language(definition: dict[str, Any], is_right: bool) -> None:
    assert validator().is_valid(definition) is is_right
    assert has_errors(validate(json.dumps(definition))) is not is_right


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(definition=st.sampled_from([EVERYTHING, BIG_MAP]), data=st.data())
def test_what_the_validator_accepts_the_schema_accepts(definition: dict[str, Any], data: st.DataObject) -> None:
    document = mutated(definition, data)
    if not has_errors(validate(json.dumps(document))):
        assert validator().is_valid(document)


def validator() -> Any:
    """A validator of another project for the schema."""
    return pytest.importorskip("jsonschema").Draft202012Validator(SCHEMA)
