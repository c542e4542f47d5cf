"""Definitions made to hurt: large, deep, cyclic, wide. Checked in linear time or refused, without deep recursion."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from engine.asl.diagnostics import InvalidDefinition
from engine.asl.parse import compile_definition
from engine.asl.validate import validate
from engine.limits import DEFINITION_BYTES_MAX
from tests.unit.engine.asl.definitions import choice, machine, map_state, parallel

SECONDS_MAX = 15.0
"""Fifteen times what is measured: a quadratic check takes minutes, a slow machine does not."""
PASS: dict[str, Any] = {"Type": "Pass", "End": True}


def chain(length: int) -> dict[str, Any]:
    """States with paths and intrinsic functions, no two alike."""
    states: dict[str, Any] = {
        f"S{index}": {
            "Type": "Pass",
            "Parameters": {"a.$": f"$.x{index}.y", "b.$": f"States.Format('{{}}', $v{index})"},
            "Assign": {f"v{index + 1}.$": "$.a"},
            "Next": f"S{index + 1}",
        }
        for index in range(length)
    }
    return machine({**states, f"S{length}": {"Type": "Succeed"}})


def web(size: int) -> dict[str, Any]:
    """Cycles everywhere, a variable on every way."""
    states = {}
    for index in range(size):
        rule = {
            "Variable": f"$v{index // 2}",
            "IsNull": True,
            "Next": f"S{index * 7 % size}",
            "Assign": {f"v{index}": 1},
        }
        states[f"S{index}"] = choice(rule, Default=f"S{(index + 1) % size}")
    return machine(states)


def fan(width: int) -> dict[str, Any]:
    """A Parallel of many branches that all set variables."""
    return machine({"P": parallel(*(machine({f"B{i}": {**PASS, "Assign": {f"n{i}": 1}}}) for i in range(width)))})


def unknown_fields(count: int) -> dict[str, Any]:
    """One finding for every few bytes."""
    return machine({"A": {**PASS, **{f"field{index}": 1 for index in range(count)}}})


@pytest.mark.parametrize(
    ("make", "size"),
    [(chain, 7_500), (web, 6_000), (fan, 10_000), (unknown_fields, 60_000)],
    ids=["chain", "web", "fan", "unknown-fields"],
)
def test_a_megabyte_is_checked_in_linear_time(make: Callable[[int], dict[str, Any]], size: int) -> None:
    text = json.dumps(make(size))
    assert DEFINITION_BYTES_MAX * 0.6 < len(text) < DEFINITION_BYTES_MAX * 1.2
    start = time.process_time()
    validate(text)
    assert time.process_time() - start < SECONDS_MAX


def nested(levels: int, wrap: Callable[[dict[str, Any]], dict[str, Any]]) -> str:
    """Machines in machines."""
    definition = machine({"innermost": PASS})
    for level in range(levels):
        definition = machine({f"level {level}": wrap(definition)})
    return json.dumps(definition)


@pytest.mark.parametrize(
    ("wrap", "levels"),
    [(parallel, 49), (lambda inner: map_state(ItemProcessor=inner), 65)],
    ids=["parallel", "map"],
)
def test_machines_nest_as_deep_as_the_limit_and_no_deeper(wrap: Any, levels: int) -> None:
    assert compile_definition(nested(levels, wrap))
    with pytest.raises(InvalidDefinition, match="TOO_DEEPLY_NESTED"):
        compile_definition(nested(levels + 20, wrap))


@pytest.mark.parametrize("levels", [100, 180])
def test_rules_and_templates_nest_deeply(levels: int) -> None:
    rule: Any = {"Variable": "$.a", "IsNull": True}
    template: Any = {"x.$": "$.a"}
    for _ in range(levels):
        rule, template = {"Not": rule}, {"deeper": template}
    states = {"A": choice({**rule, "Next": "Z"}), "Z": {**PASS, "Parameters": template}}
    assert compile_definition(json.dumps(machine(states)))


@pytest.mark.parametrize("bracket", ["[", '{"a":'])
@pytest.mark.parametrize("levels", [10**2, 10**3, 10**5])
def test_brackets_without_end(bracket: str, levels: int) -> None:
    [finding] = validate(bracket * levels)
    assert finding.code == "INVALID_JSON_DESCRIPTION"


def test_the_message_of_a_hopeless_definition_stays_short() -> None:
    with pytest.raises(InvalidDefinition) as refused:
        compile_definition(json.dumps(unknown_fields(5_000)))
    assert len(refused.value.diagnostics) == 5_000
    assert len(str(refused.value)) < 20_000
