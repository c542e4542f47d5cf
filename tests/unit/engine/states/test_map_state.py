"""What a Map takes as its items."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixtures.memory_host import MemoryHost, history

PROCESSOR: dict[str, Any] = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
DISTRIBUTED = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **PROCESSOR}
OBJECTS = [{"a": 1}, {"a": "{% $states.input %}"}, "{% {'a': 1} %}"]


def ran(items: Any, processor: dict[str, Any]) -> MemoryHost:
    state = {"Type": "Map", "Items": items, "ItemProcessor": processor, "End": True}
    definition = {"QueryLanguage": "JSONata", "StartAt": "M", "States": {"M": state}}
    return MemoryHost(definition, 1, run_answer=lambda effect: effect.run.input.value["items"]).run()


@pytest.mark.parametrize("items", OBJECTS)
def test_the_entries_of_an_object_are_items_of_a_distributed_map(items: Any) -> None:
    assert ran(items, DISTRIBUTED).output == [{"Key": "a", "Value": 1}]


@pytest.mark.parametrize("items", OBJECTS)
def test_an_inline_map_takes_no_object(items: Any) -> None:
    host = ran(items, PROCESSOR)
    assert host.execution.error == "States.QueryEvaluationError"
    assert host.lines[1:] == history("2<0:MapStateEntered 3<0:EvaluationFailed 4<3:MapStateFailed 5<4:ExecutionFailed")
    assert host.events[2]["evaluationFailedEventDetails"]["location"] == "Items"
