"""What starts an express execution: everything the lane needs, so that it never asks a database for the execution."""

from __future__ import annotations

from uuid import UUID

import msgspec

from engine.execution.execution import Origin
from engine.payload import Payload


class ExpressStart(msgspec.Struct, array_like=True, omit_defaults=True):
    """One start, as the API makes it and the queue carries it. Times in Unix milliseconds.

    `id`, `revision_id` are the 16 bytes of UUIDs; `deliveries` counts how often a lane has been given it.
    """

    id: bytes
    arn: str
    name: str
    machine_arn: str
    machine_name: str
    role_arn: str
    revision_id: bytes
    input: bytes
    start_ms: int
    version_arn: str | None = None
    alias_arn: str | None = None
    trace_header: str | None = None
    deliveries: int = 0
    test_case: str = ""


def start_of(origin: Origin, revision_id: UUID) -> ExpressStart:
    """What the queue carries of an origin."""
    return ExpressStart(
        id=origin.id.bytes,
        arn=origin.arn,
        name=origin.name,
        machine_arn=origin.machine_arn,
        machine_name=origin.machine_name,
        role_arn=origin.role_arn,
        revision_id=revision_id.bytes,
        input=origin.input.text,
        start_ms=origin.start_ms,
        version_arn=origin.version_arn,
        alias_arn=origin.alias_arn,
        trace_header=origin.trace_header,
        test_case=origin.test_case,
    )


def origin_of(start: ExpressStart) -> Origin:
    """The origin of the execution that this start begins."""
    return Origin(
        id=UUID(bytes=start.id),
        arn=start.arn,
        name=start.name,
        machine_arn=start.machine_arn,
        machine_name=start.machine_name,
        role_arn=start.role_arn,
        input=Payload.of_text(start.input),
        start_ms=start.start_ms,
        express=True,
        version_arn=start.version_arn,
        alias_arn=start.alias_arn,
        trace_header=start.trace_header,
        test_case=start.test_case,
    )
