"""The JSON schema and the reference page are made from the table and complete."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from engine.asl.reference_page import reference_page
from engine.asl.resource import SERVICES
from engine.asl.rules import BY_OWNER, FIELDS, OWNERS, STATE_TYPES
from engine.asl.schema import schema

SCHEMA = schema()


@pytest.mark.parametrize("owner", OWNERS)
def test_every_object_of_the_language_is_in_the_schema(owner: str) -> None:
    described = SCHEMA["$defs"][owner]
    assert described["properties"].keys() == BY_OWNER[owner].keys()
    assert described["additionalProperties"] is False


def test_the_schema_is_json_and_every_reference_leads_somewhere() -> None:
    text = json.dumps(SCHEMA)
    targets = set(re.findall(r'"#/\$defs/([A-Za-z]+)"', text))
    assert targets == {"State", *OWNERS} - (set(OWNERS) - targets)
    assert targets <= SCHEMA["$defs"].keys()
    assert set(STATE_TYPES) <= targets


@pytest.mark.parametrize(
    ("owner", "field", "expected"),
    [
        ("Wait", "Seconds", {"type": "integer", "minimum": 0, "maximum": 99_999_999}),
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


def test_every_row_says_what_it_is_for() -> None:
    assert all(row.about for row in FIELDS)
