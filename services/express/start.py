"""ExpressStart: everything about an asynchronous start that the lane needs, so that it never asks for the execution."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec

from engine.execution.execution import Origin
from engine.payload import Payload

HEAD_BYTES: Final = 18
_COUNT_MAX: Final = 255


class ExpressStart(msgspec.Struct, array_like=True, omit_defaults=True):
    """One start, as the API makes it and the queue carries it. Times in Unix milliseconds.

    `id`, `revision_id` are the 16 bytes of UUIDs. `deliveries` counts the lanes that were given it and did not hand it
    back; `returns` how often one did, because it was stopped. `reason` says why it is a dead letter.
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
    returns: int = 0
    reason: str = ""

    @property
    def redelivered(self) -> bool:
        """Whether a lane has begun it before."""
        return self.deliveries > 1 or self.returns > 0


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(ExpressStart).decode


def pack_start(start: ExpressStart) -> bytes:
    """The queue's bytes: id, deliveries, returns (in front, so that scripts can change them), then the start."""
    counts = bytes((min(start.deliveries, _COUNT_MAX), min(start.returns, _COUNT_MAX)))
    return start.id + counts + _encode(start)


def unpack_start(body: bytes) -> ExpressStart:
    """Read what `pack_start` made; the counts in front are the true ones.

    Raises:
        msgspec.DecodeError: it is not a start of this release.
    """
    start = _decode(body[HEAD_BYTES:])
    start.deliveries, start.returns = body[16], body[17]
    return start


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
        input=Payload(text=start.input),
        start_ms=start.start_ms,
        express=True,
        version_arn=start.version_arn,
        alias_arn=start.alias_arn,
        trace_header=start.trace_header,
        test_case=start.test_case,
    )
