"""What a worker is told about one attempt."""

from __future__ import annotations

from engine.asl.model import TaskState
from engine.execution.frame import Attempt
from services.broker.messages import Grant, Poll, TaskJob
from services.scheduler.attempt_name import CHILD_PATTERNS, attempt_name
from services.scheduler.resident import Resident


def grant_of(resident: Resident, path: str, state: TaskState, attempt: Attempt, reply_to: str, now_ms: int) -> Grant:
    """The grant of a bound attempt."""
    return Grant(
        resident.key,
        resident.shard,
        path,
        attempt.token,
        attempt.grant,
        attempt.incarnation,
        reply_to,
        _job(resident, path, state, attempt, now_ms),
    )


def poll_of(
    resident: Resident, path: str, state: TaskState, attempt: Attempt, reply_to: str, now_ms: int, cancel: bool = False
) -> Poll:
    """The poll (or the cancellation) of a submitted job."""
    assert attempt.job is not None
    return Poll(
        resident.key,
        resident.shard,
        path,
        attempt.token,
        attempt.grant,
        reply_to,
        _job(resident, path, state, attempt, now_ms),
        attempt.job.text,
        cancel,
    )


def _job(resident: Resident, path: str, state: TaskState, attempt: Attempt, now_ms: int) -> TaskJob:
    origin, resource = resident.execution.origin, state.resource
    region = resident.row.region
    waits_for_child = resource.service == "states" and resource.pattern in CHILD_PATTERNS
    frame = resident.execution.frames.get(path)
    return TaskJob(
        resource.arn,
        resource.service,
        resource.action,
        resource.pattern,
        attempt.input.text,
        origin.arn,
        origin.machine_arn,
        state.name,
        region,
        origin.role_arn,
        _left(attempt.timeout_ms, now_ms),
        _left(attempt.heartbeat_ms, now_ms),
        attempt_name(resident.id, path, attempt.token) if waits_for_child else "",
        attempt.key,
        attempt.role_arn,
        origin.trace_header,
        attempt.number,
        0 if frame is None else frame.visit,
        origin.test_case,
    )


def _left(deadline_ms: int | None, now_ms: int) -> int | None:
    return None if deadline_ms is None else max(0, deadline_ms - now_ms)
