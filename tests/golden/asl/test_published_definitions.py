"""Definitions as people publish them: the good ones are accepted, and no mutation of them breaks the compiler."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.asl.diagnostics import InvalidDefinition, has_errors
from engine.asl.parse import compile_definition
from engine.asl.schema import schema
from engine.asl.validate import validate
from tests.golden.asl.shared_material import collected_definitions
from tests.unit.engine.asl.mutations import mutated

DEFINITIONS = collected_definitions()
pytestmark = pytest.mark.skipif(not DEFINITIONS, reason="the collected definitions are not here")

BROKEN = frozenset(
    {
        "step-functions-agent-step-functions-dynamic-sql-agent-template.asl.json",  # a string where an array belongs
    }
)


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.name)
def test_it_is_accepted_unless_it_is_really_broken(path: Path) -> None:
    text = path.read_text()
    assert has_errors(validate(text)) is (path.name in BROKEN)
    if path.name not in BROKEN:
        assert compile_definition(text)


def test_the_schema_says_the_same_of_all_of_them() -> None:
    validator = pytest.importorskip("jsonschema").Draft202012Validator(schema())
    refused = {path.name for path in DEFINITIONS if not validator.is_valid(json.loads(path.read_text()))}
    assert refused == BROKEN


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_spoiled_definition_is_compiled_or_refused(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(DEFINITIONS)).read_text()
    spoiled = json.dumps(mutated(json.loads(text), data))
    try:
        compile_definition(spoiled)
    except InvalidDefinition as error:
        assert has_errors(error.diagnostics)
