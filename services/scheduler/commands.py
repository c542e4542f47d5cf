"""Commands from API nodes: what each does to an execution, and what is answered after the commit (R18, R19)."""

from __future__ import annotations

from typing import Any, Final

from engine.advance import advance
from engine.asl.model import TaskState
from engine.execution.execution import Status
from engine.execution.frame import Attempt
from engine.execution.step import Step
from engine.execution.stimulus import Redrive, Stop, TaskFailed, TaskHeartbeat, TaskSucceeded
from engine.limits import EXECUTION_SECONDS_MAX, HISTORY_EVENTS_MAX
from engine.payload import JsonError, Payload
from services.broker.messages import Command, pack, unpack
from services.scheduler.redrive_tokens import redriven_before, with_token
from services.scheduler.resident import Resident

_REDRIVABLE_MS: Final = 14 * 24 * 3600 * 1000

OK: Final = ("", b"")


class Commands:
    """Performs commands."""

    def perform(self, step: Step, resident: Resident, command: Command) -> tuple[str, bytes]:
        """Apply a command to an open turn; the error code and body of its answer."""
        values = unpack(command.body)
        match command.kind:
            case "stop":
                return _stop(step, resident, values)
            case "redrive":
                return _redrive(step, resident, values[0] if values else None)
            case "redrive-child":
                return _redrive_child(step, resident, values[0])
            case "task-succeeded" | "task-failed" | "task-heartbeat":
                path, secret, *told = values
                attempt = resident.attempt_opened_by(path, secret)
                return _about_attempt(step, resident, attempt, command.kind, path, told, secret)
            case "child-succeeded" | "child-failed":
                path, token, *told = values
                attempt = resident.attempt(path, token)
                return _about_attempt(step, resident, attempt, command.kind, path, told)
            case _:
                return ("UnknownCommand", b"")


def _stop(step: Step, resident: Resident, values: list[Any]) -> tuple[str, bytes]:
    """Stop; also by the map run, whose command may come from an attempt before the child's own."""
    error, cause, attempt = (*values, None, None, None)[:3]
    if attempt is None or resident.map_attempt is None or attempt >= resident.map_attempt:
        advance(step, Stop(error, cause))
    return ("", pack(step.execution.stop_ms))


def _redrive(step: Step, resident: Resident, client_token: str | None) -> tuple[str, bytes]:
    now_ms = step.now_ms
    if client_token is not None:
        before = redriven_before(resident.redrive_tokens, client_token, now_ms)
        if before is not None:
            return ("", pack(before))
    reason = _not_redrivable(step)
    if reason is not None:
        return ("ExecutionNotRedrivable", pack(reason))
    advance(step, Redrive())
    if client_token is not None:
        resident.redrive_tokens = with_token(resident.redrive_tokens, client_token, now_ms)
    return ("", pack(step.execution.redrive_ms))


def _redrive_child(step: Step, resident: Resident, attempt: int) -> tuple[str, bytes]:
    """A map run's next attempt: a child that failed goes on, or stays failed for good where it cannot."""
    execution = step.execution
    if resident.map_attempt is not None and resident.map_attempt < attempt and execution.ended:
        resident.map_attempt = attempt
        if execution.status is not Status.SUCCEEDED and (execution.origin.express or _not_redrivable(step) is None):
            advance(step, Redrive())
    return OK


def _not_redrivable(step: Step) -> str | None:
    """AWS's reason, None if it can be redriven."""
    execution = step.execution
    if execution.status in (Status.RUNNING, Status.SUCCEEDED):
        return f"Execution is {execution.status.name} and cannot be redriven"
    if execution.machine_deleted:
        return "State machine is in DELETING status"
    if execution.last_event_id >= HISTORY_EVENTS_MAX - 1:
        return "Execution history event limit exceeded"
    return too_old_to_redrive(execution.origin.start_ms, execution.stop_ms, step.now_ms)


def too_old_to_redrive(start_ms: int, stop_ms: int | None, now_ms: int) -> str | None:
    """AWS's reason when too much time has passed, None if not."""
    if now_ms - start_ms >= 1000 * EXECUTION_SECONDS_MAX:
        return "Execution has exceeded the max execution time"
    if stop_ms is not None and now_ms - stop_ms >= _REDRIVABLE_MS:
        return "Execution redrivable period exceeded"
    return None


def _about_attempt(
    step: Step, resident: Resident, attempt: Attempt | None, kind: str, path: str, told: list[Any], secret: bytes = b""
) -> tuple[str, bytes]:
    """Something is said of an attempt: it must be open, given to somebody, and not answered already."""
    if attempt is None or not attempt.bound or attempt.answered:
        return ("TaskTimedOut", pack(_resource_at(resident, path)))
    try:
        stimulus = _told(kind, path, attempt.token, told, secret)
    except JsonError:
        return ("InvalidOutput", b"")
    if not isinstance(stimulus, TaskHeartbeat):
        resident.jobs.pop(path, None)
    advance(step, stimulus)
    return OK


def _told(
    kind: str, path: str, token: bytes, told: list[Any], secret: bytes
) -> TaskSucceeded | TaskFailed | TaskHeartbeat:
    if kind == "task-heartbeat":
        return TaskHeartbeat(path, token)
    if kind.endswith("failed"):
        error, cause = told
        return TaskFailed(path, token, error, cause)
    return TaskSucceeded(path, token, Payload.of_text(told[0]), secret=secret)


def _resource_at(resident: Resident, path: str) -> str:
    """The Resource of the Task state that the frame is in, as far as the frame still tells."""
    frame = resident.execution.frames.get(path)
    if frame is None:
        return ""
    state = resident.execution.state_of(frame)
    return state.resource.arn if isinstance(state, TaskState) else ""
