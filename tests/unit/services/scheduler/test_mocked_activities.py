"""A mocked test case answers for its activities in the turn that schedules them."""

from __future__ import annotations

import json
from itertools import count
from typing import Any
from uuid import UUID

from engine.advance import advance
from engine.asl.parse import compile_definition
from engine.execution.execution import Execution, Origin, Status
from engine.execution.step import Step
from engine.execution.stimulus import Start
from engine.history.events import BY_CODE
from engine.payload import Payload
from services.integrations.interface import Call, Failed, Succeeded
from services.scheduler.mocked_activities import answer_activities

ACTIVITY = "arn:aws:states:us-east-1:000000000000:activity:a"


def step_after_start(**states: dict[str, Any]) -> Step:
    """A turn that has just entered the first state."""
    program = compile_definition(json.dumps({"StartAt": next(iter(states)), "States": states}))
    prefix = "arn:aws:states:us-east-1:000000000000"
    origin = Origin(
        id=UUID(int=1),
        arn=f"{prefix}:execution:m:e",
        name="e",
        machine_arn=f"{prefix}:stateMachine:m",
        machine_name="m",
        role_arn="",
        input=Payload({}),
        start_ms=0,
        test_case="Good",
    )
    numbers = count(1)
    step = Step(Execution(origin, program), 0, lambda size: next(numbers).to_bytes(size, "big"))
    advance(step, Start())
    return step


def types(step: Step) -> list[str]:
    return [BY_CODE[event[0]].name for event in step.events]


def activity(**fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": ACTIVITY, **fields}


def test_activities_in_a_row_end_in_one_turn() -> None:
    step = step_after_start(A=activity(Next="B"), B=activity(End=True))
    asked: list[Call] = []

    def answer(call: Call) -> Succeeded:
        asked.append(call)
        return Succeeded(b'{"by":"mock"}')

    answer_activities(step, answer)
    assert step.execution.status is Status.SUCCEEDED
    assert [(call.state, call.test_case) for call in asked] == [("A", "Good"), ("B", "Good")]
    lines = ["TaskStateEntered", "ActivityScheduled", "ActivityStarted", "ActivitySucceeded", "TaskStateExited"]
    assert types(step) == ["ExecutionStarted", *lines, *lines, "ExecutionSucceeded"]


def test_a_thrown_error_fails_the_activity() -> None:
    step = step_after_start(A=activity(End=True))
    answer_activities(step, lambda call: Failed("WorkerError", "broke"))
    assert (step.execution.status, step.execution.error) == (Status.FAILED, "WorkerError")


def test_an_activity_without_a_mock_waits_for_its_worker() -> None:
    step = step_after_start(A=activity(End=True))
    answer_activities(step, lambda call: None)
    assert types(step)[-1] == "ActivityScheduled"
