"""The messages between API, schedulers and workers. Each may be lost, doubled, late or out of order (protocol, R9-R18).

A body on the wire is a msgpack array of messages, so one broker message carries whatever is ready.
`execution_id` is the 16 bytes of the UUID; payloads are JSON text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec


class Hint(msgspec.Struct, array_like=True, tag=1):
    """API to scheduler: these executions have just been admitted."""

    execution_ids: list[bytes]


class Offer(msgspec.Struct, array_like=True, tag=2):
    """Scheduler to a pool's workers: an attempt waits for a slot. `reply_to` is the scheduler's queue."""

    execution_id: bytes
    shard: int
    path: str
    token: bytes
    reply_to: str


class Claim(msgspec.Struct, array_like=True, tag=3):
    """Worker to scheduler: I have a slot for that attempt. `queue` is where the incarnation listens."""

    execution_id: bytes
    shard: int
    path: str
    token: bytes
    incarnation: str


class Refusal(msgspec.Struct, array_like=True, tag=4):
    """Scheduler to worker: not yours (another claimed it, or it is over); free the slot."""

    token: bytes


class TaskJob(msgspec.Struct, array_like=True):
    """What a worker must know to run one attempt.

    `timeout_ms` and `heartbeat_ms` are what is left when the grant is written, None without a deadline.
    `task_token` is the text for `.waitForTaskToken`, "" otherwise. `key` is constant for one attempt: the
    idempotency key offered to integrations.
    """

    resource: str
    service: str
    action: str
    pattern: str
    input: bytes
    execution_arn: str
    machine_arn: str
    state: str
    region: str
    role_arn: str
    timeout_ms: int | None
    heartbeat_ms: int | None
    task_token: str
    key: str
    credentials_role_arn: str | None = None
    trace_header: str | None = None
    attempt: int = 0
    visit: int = 0
    test_case: str = ""


class Grant(msgspec.Struct, array_like=True, tag=5):
    """Scheduler to one incarnation: run this attempt, at most once per grant id (R12)."""

    execution_id: bytes
    shard: int
    path: str
    token: bytes
    grant: bytes
    incarnation: str
    reply_to: str
    job: TaskJob


class Result(msgspec.Struct, array_like=True, tag=6):
    """Worker to scheduler: how the attempt ended. Sent again until acknowledged (R13).

    `kind`: `succeeded` (output), `failed` (error, cause), `submitted` (output, job), `given-back`.
    """

    execution_id: bytes
    shard: int
    path: str
    token: bytes
    grant: bytes
    incarnation: str
    kind: str
    output: bytes | None = None
    error: str | None = None
    cause: str | None = None
    job: bytes | None = None


class Ack(msgspec.Struct, array_like=True, tag=7):
    """Scheduler to one incarnation: the results of these grants are committed (or stale); forget them."""

    grants: list[bytes]


class Beat(msgspec.Struct, array_like=True, tag=8):
    """Worker to schedulers: alive, with that many free slots in this pool (credits for pre-grants, R11)."""

    incarnation: str
    pool: str
    free_slots: int
    stopping: bool = False


class Poll(msgspec.Struct, array_like=True, tag=9):
    """Scheduler to a pool's workers: look after a submitted `.sync` job once; the answer is a `Result`."""

    execution_id: bytes
    shard: int
    path: str
    token: bytes
    grant: bytes
    reply_to: str
    job: TaskJob
    submitted_job: bytes
    cancel: bool = False


class Command(msgspec.Struct, array_like=True, tag=10):
    """API to scheduler: something that is answered after its commit (R18).

    `kind`: `stop`, `task-succeeded`, `task-failed`, `task-heartbeat`, `redrive`, `activity-lease`, `machine-deleted`.
    `request_id` "" wants no reply (inbox). `body` is msgpack of what the kind needs.
    """

    request_id: str
    reply_to: str
    execution_id: bytes
    shard: int
    kind: str
    body: bytes


class Reply(msgspec.Struct, array_like=True, tag=11):
    """Scheduler to API: the answer. `error` is "" or AWS's error code; `body` is msgpack of what the kind answers."""

    request_id: str
    error: str
    body: bytes = b""


Message: TypeAlias = Hint | Offer | Claim | Refusal | Grant | Result | Ack | Beat | Poll | Command | Reply

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Message])


def encode(messages: Sequence[Message]) -> bytes:
    """Pack messages into one body."""
    return _encoder.encode(messages)


def decode(body: bytes) -> list[Message]:
    """Unpack a body.

    Raises:
        msgspec.DecodeError: not a body of ours.
    """
    return _decoder.decode(body)
