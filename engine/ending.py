"""How an execution ends: well, badly, stopped, timed out, or because its state machine was deleted."""

from __future__ import annotations

from engine.execution.execution import Status
from engine.execution.step import Step
from engine.failure import RUNTIME
from engine.payload import Payload


def ended_by_deletion(step: Step) -> bool:
    """The next transition of an execution whose machine was deleted ends it."""
    execution = step.execution
    if not execution.machine_deleted:
        return False
    cause = f"State machine {execution.origin.machine_name} has been deleted"
    fail_execution(step, RUNTIME, cause, execution.last_event_id)
    return True


def fail_execution(step: Step, error: str | None, cause: str | None, event_id: int) -> None:
    """Write ExecutionFailed after the event that failed it, and end."""
    step.note(event_id, "ExecutionFailed", error, cause)
    end(step, Status.FAILED, error=error, cause=cause)


def end(
    step: Step,
    status: Status,
    output: Payload | None = None,
    error: str | None = None,
    cause: str | None = None,
    stop_ms: int | None = None,
) -> None:
    """Give the execution its last status; frames stay for a redrive, a success drops them with its page."""
    execution = step.execution
    execution.status = status
    execution.output, execution.error, execution.cause = output, error, cause
    execution.stop_ms = step.now_ms if stop_ms is None else stop_ms
    step.park_ready_frames()
