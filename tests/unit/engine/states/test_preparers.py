"""What the host makes of evaluated Parameters is what the attempt has and the history shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.failure import runtime_error
from engine.payload import Payload
from tests.fixtures.memory_host import MemoryHost, history

RESOURCE = "arn:aws:states:::ecs:runTask.sync"
CATCH = [{"ErrorEquals": ["States.ALL"], "Next": "T"}]
TASK = {"Type": "Task", "Resource": RESOURCE, "Parameters": {"TaskDefinition": "d"}, "End": True, "Catch": CATCH}


def prepared(prepare: Any, **origin: Any) -> MemoryHost:
    host = MemoryHost({"StartAt": "T", "States": {"T": TASK}}, **origin)
    host.program = replace(host.program, preparers={RESOURCE: prepare})
    host.execution.program = host.program
    return host


def test_the_history_shows_prepared_parameters() -> None:
    host = prepared(lambda given: Payload({**given.value, "StartedBy": "us"})).run()
    assert host.events[2]["taskScheduledEventDetails"]["parameters"] == '{"TaskDefinition":"d","StartedBy":"us"}'
    assert host.output == {"TaskDefinition": "d", "StartedBy": "us"}


def test_parameters_that_cannot_be_used_end_the_execution_before_anything_is_scheduled() -> None:
    def refuse(given: Payload) -> Payload:
        raise runtime_error("The Parameters cannot be used")

    host = prepared(refuse).run()
    assert host.lines[1:] == history("2<0:TaskStateEntered 3<2:ExecutionFailed")
    assert host.execution.cause == (
        "An error occurred while executing the state 'T' (entered at the event id #2). The Parameters cannot be used"
    )
    assert host.execution.error == "States.Runtime"


def test_a_mocked_test_case_hands_its_parameters_to_no_service() -> None:
    def refuse(given: Payload) -> Payload:
        raise runtime_error("The Parameters cannot be used")

    assert prepared(refuse, test_case="Good").run().output == {"TaskDefinition": "d"}
