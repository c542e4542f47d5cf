"""The call that an attempt makes, from what the engine knows of it; the express lane and TestState use it directly."""

from __future__ import annotations

from engine.asl.model import TaskState
from engine.execution.execution import Execution
from engine.execution.frame import Attempt, Frame
from services.integrations.interface import Call


def call_of(execution: Execution, frame: Frame, state: TaskState, attempt: Attempt, now_ms: int) -> Call:
    """What the attempt of `state` in `frame` asks of the world; `now_ms` gives what is left of its deadline."""
    origin = execution.origin
    return Call(
        resource=state.resource,
        input=attempt.input.text,
        region=origin.region,
        account=origin.account,
        role_arn=origin.role_arn,
        execution_arn=origin.arn,
        machine_arn=origin.machine_arn,
        state=state.name,
        key=attempt.key,
        timeout_seconds=None if attempt.timeout_ms is None else max(0.0, (attempt.timeout_ms - now_ms) / 1000),
        credentials_role_arn=attempt.role_arn,
        trace_header=origin.trace_header,
        attempt=attempt.number,
        visit=frame.visit,
        test_case=origin.test_case,
    )
