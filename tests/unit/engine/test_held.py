"""What an execution holds is counted once for each payload, and never grows by more than its turns record."""

from __future__ import annotations

from typing import Any

import pytest

from engine.execution.held import held_bytes, recorded_bytes
from engine.execution.step import Step
from tests.fixtures.memory_host import MemoryHost

PASS = {"Type": "Pass", "End": True}
BIG = "x" * 1_000


def machine(**states: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def branch(state: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": "S", "States": {"S": state}}


NAP = {"Type": "Wait", "Seconds": 10, "End": True}
OWN = {"Type": "Pass", "Parameters": {"a.$": "States.Format('{}{}', $.big, $.n)"}, "Next": "N"}
WIDE = machine(
    M={
        "Type": "Map",
        "ItemsPath": "$.items",
        "ItemSelector": {"big.$": "$.big", "n.$": "$$.Map.Item.Index"},
        "ItemProcessor": {"StartAt": "O", "States": {"O": OWN, "N": NAP}},
        "End": True,
    }
)


def test_branches_that_share_their_input_hold_it_once() -> None:
    branches = [{"StartAt": f"N{n}", "States": {f"N{n}": NAP}} for n in range(20)]
    host = MemoryHost(machine(P={"Type": "Parallel", "Branches": branches, "End": True}), BIG).run(until_ms=0)
    assert len(host.execution.frames) == 21
    assert held_bytes(host.execution) == len(BIG) + 2


def test_what_every_iteration_made_is_held_for_each() -> None:
    host = MemoryHost(WIDE, {"big": BIG, "items": [1] * 30}).run(until_ms=0)
    assert 30 * 1_000 < held_bytes(host.execution) < 33 * 1_100


@pytest.mark.parametrize("definition", [WIDE, machine(A=OWN, N=NAP)])
def test_turns_record_at_least_what_they_add(monkeypatch: pytest.MonkeyPatch, definition: dict[str, Any]) -> None:
    recorded = []
    page = Step.page

    def counting(step: Step) -> Any:
        recorded.append(recorded_bytes(step.events))
        return page(step)

    monkeypatch.setattr(Step, "page", counting)
    host = MemoryHost(definition, {"big": BIG, "n": 1, "items": [1] * 100}).run(until_ms=0)
    assert recorded
    assert held_bytes(host.execution) <= sum(recorded) + len(host.execution.origin.input.text)
