"""One attempt: one call of an integration, under what is left of the task's time."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import TypeAlias

import orjson

from engine.asl.model import Resource
from engine.asl.resource import parse_resource
from services.broker.messages import TaskJob
from services.integrations.interface import Call, Failed, Integrations, Outcome, Submitted, Succeeded

Ending: TypeAlias = tuple[str, bytes | None, str | None, str | None, bytes | None]
"""kind, output, error, cause and job of a `Result`."""

LOST: Ending = ("lost", None, None, None, None)
TIMED_OUT: Ending = ("timed-out", None, None, None, None)
GIVEN_BACK: Ending = ("given-back", None, None, None, None)

_resource = lru_cache(maxsize=4_096)(parse_resource)


async def run(job: TaskJob, integrations: Integrations, waited_seconds: float = 0.0) -> Ending:
    """Call the integration once; when the time is up the call is cancelled, which ends what it started.

    The scheduler's own timer decides about the timeout that the history shows; this one ends the call.
    """
    seconds = None if job.timeout_ms is None else max(0.0, job.timeout_ms / 1000 - waited_seconds)
    if seconds is None:
        return ending_of(await integrations.call(call_of(job, None)))
    try:
        async with asyncio.timeout(seconds) as limit:
            return ending_of(await integrations.call(call_of(job, seconds)))
    except TimeoutError:
        if not limit.expired():
            raise
        return TIMED_OUT


def call_of(job: TaskJob, timeout_seconds: float | None) -> Call:
    """What the integration gets to know."""
    return Call(
        resource=resource_of(job),
        input=job.input,
        region=job.region,
        account=job.execution_arn.split(":", 5)[4],
        role_arn=job.role_arn,
        execution_arn=job.execution_arn,
        machine_arn=job.machine_arn,
        state=job.state,
        key=job.key,
        timeout_seconds=timeout_seconds,
        attempt_name=job.attempt_name,
        credentials_role_arn=job.credentials_role_arn,
        trace_header=job.trace_header,
        attempt=job.attempt,
        visit=job.visit,
        test_case=job.test_case,
    )


def resource_of(job: TaskJob) -> Resource:
    """The parsed Resource; a state machine has few, so they are kept."""
    return _resource(job.resource)


def ending_of(outcome: Outcome) -> Ending:
    """What a `Result` says about the outcome."""
    match outcome:
        case Succeeded(output):
            return ("succeeded", output, None, None, None)
        case Failed(error, cause):
            return ("failed", None, error, cause, None)
        case Submitted(output, job):
            return ("submitted", output, None, None, None if job is None else orjson.dumps(job))
