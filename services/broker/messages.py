"""The messages between API, schedulers and workers. Each may be lost, doubled, late or out of order (protocol, R9-R18).

A body on the wire is a msgpack array of messages, so one broker message carries whatever is ready.
`execution_id` is the 16 bytes of the UUID; payloads are JSON text.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

import msgspec

log = logging.getLogger(__name__)


class Hint(msgspec.Struct, array_like=True, tag=1):
    """API to scheduler: these executions have just been admitted."""

    execution_ids: list[bytes]


class Offer(msgspec.Struct, array_like=True, tag=2):
    """Scheduler to a pool's workers: an attempt waits for a slot. `reply_to` is the scheduler's queue.

    An activity's attempt is offered to one API process at a time, among those that wished for it (`Wish`), on the
    queue that its wish names; `activity` is then the activity's ARN and a claim must come within a few seconds.
    """

    execution_id: bytes
    shard: int
    path: str
    token: bytes
    reply_to: str
    activity: str = ""


class Claim(msgspec.Struct, array_like=True, tag=3):
    """Worker to scheduler: I have a slot for that attempt. `queues.incarnation(incarnation)` is where it listens.

    For an activity the API process is the incarnation and `worker_name` is what GetActivityTask said; `callback` is
    the digest of the secret that goes into the caller's task token. The answer is a `Grant` after the commit that
    holds ActivityStarted (of its job only `input`, `region` and `execution_arn` are read; no result follows, SendTask*
    do), or a `Refusal`.
    """

    execution_id: bytes
    shard: int
    path: str
    token: bytes
    incarnation: str
    worker_name: str | None = None
    callback: bytes = b""


class Refusal(msgspec.Struct, array_like=True, tag=4):
    """Scheduler to worker: not yours (another claimed it, or it is over); free the slot."""

    token: bytes


class TaskJob(msgspec.Struct, array_like=True):
    """What a worker must know to run one attempt.

    `timeout_ms` and `heartbeat_ms` are what is left when the grant is written, None without a deadline.
    `attempt_name` is how the end of a nested execution finds this attempt again, "" where the task does not wait for
    one. `key` is constant for one attempt: the idempotency key offered to integrations.
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
    attempt_name: str
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

    | kind         | means                                                                                |
    |--------------|--------------------------------------------------------------------------------------|
    | `succeeded`  | done: `output`                                                                       |
    | `failed`     | `error`, `cause`                                                                     |
    | `submitted`  | the call answered `output`, the task goes on; `job` (JSON) says what to poll, if any |
    | `given-back` | never started; the grant may be forgotten and the attempt offered again              |
    | `timed-out`  | the call was dropped because the attempt's time is up; the scheduler's timer says when it is |
    | `lost`       | the worker stopped while it ran; the same as a worker that was lost                  |

    The answer to a `Poll` is sent once, without being kept: `succeeded`, `failed` or `pending`, which means that the
    job still runs (`output`: seconds until the next look, as JSON). Its `incarnation` is the one that looked.
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


MAP_CHILD_ENDED: Final = "map-child-ended"
REDRIVE_CHILD: Final = "redrive-child"


class Command(msgspec.Struct, array_like=True, tag=10):
    """API to scheduler: something that is answered after its commit (R18).

    `request_id` "" wants no reply (inbox). `body` is the msgpack array named below, packed by `pack`; the reply's
    body likewise. An error reply's body holds the one value that AWS's text names.

    | kind             | body                         | reply              | errors                                    |
    |------------------|------------------------------|--------------------|-------------------------------------------|
    | `stop`           | [error, cause] (or nil),     | [stop_ms]          | ExecutionDoesNotExist []                  |
    |                  | [.., .., attempt] of a run   |                    |                                           |
    | `task-succeeded` | [path, secret, output bytes] | []                 | TaskTimedOut [resource]                   |
    | `task-failed`    | [path, secret, error, cause] | []                 | TaskTimedOut [resource]                   |
    | `task-heartbeat` | [path, secret]               | []                 | TaskTimedOut [resource]                   |
    | `child-succeeded`| [path, token, output bytes]  | none (a hint)      |                                           |
    | `child-failed`   | [path, token, error, cause]  | none (a hint)      |                                           |
    | `redrive`        | [client_token] (or nil)      | [redrive_ms]       | ExecutionNotRedrivable [reason],          |
    |                  |                              |                    | ExecutionDoesNotExist []                  |
    | `redrive-child`  | [attempt]                    | none (sent again)  |                                           |
    | `machine-deleted`| [machine id, 16 bytes]       | none               |                                           |
    | `map-child-ended`| [map run id, 16 bytes]       | none (a hint)      |                                           |

    A stop of an execution that has ended answers its original stop_ms. `secret` is that of a task token, `token` the
    attempt's own. `resource` is what AWS names as timed out: the Resource of the task state. A client_token that
    redrove before answers the redrive_ms of that time. The two commands that a map run sends to its children name the
    attempt of the run that they are about: a stop of an attempt before the child's own and a redrive for one that it is
    in already change nothing. `machine-deleted` goes to every scheduler, with `execution_id` b"" and shard 0.
    """

    request_id: str
    reply_to: str
    execution_id: bytes
    shard: int
    kind: str
    body: bytes


class Reply(msgspec.Struct, array_like=True, tag=11):
    """Scheduler to API: the answer. `error` is "" or AWS's error code; `Command` says what `body` holds.

    The error `NotOwner` means: the shard has another owner now, ask that one.
    """

    request_id: str
    error: str
    body: bytes = b""


class Wish(msgspec.Struct, array_like=True, tag=12):
    """API to every scheduler: that many GetActivityTask calls wait for each of these activities, by ARN.

    A wish replaces the one before for the same `reply_to` and activity (0 takes it back) and is forgotten after 15
    seconds; it is sent again every 5 seconds while anybody waits. A scheduler that has open, unbound attempts of an
    activity offers as many as are wished for.
    """

    reply_to: str
    activities: list[tuple[str, int]]


Message: TypeAlias = Hint | Offer | Claim | Refusal | Grant | Result | Ack | Beat | Poll | Command | Reply | Wish

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


def readable(bodies: Iterable[bytes]) -> Iterator[Message]:
    """Every message of these bodies; a body that is none of ours is dropped and logged, for nobody can answer it."""
    for body in bodies:
        try:
            messages = decode(body)
        except msgspec.DecodeError as problem:
            log.warning("a message that nobody can read was dropped", extra={"problem": str(problem)})
            continue
        yield from messages


def pack(*values: bytes | str | int | None) -> bytes:
    """Pack the body of a command or a reply."""
    return _encoder.encode(values)


def unpack(body: bytes) -> list[Any]:
    """Unpack the body of a command or a reply; an empty one is no values."""
    return msgspec.msgpack.decode(body, type=list[Any]) if body else []
