"""Stimuli: everything that can reach an execution from outside. A stale one changes nothing, so delivery may repeat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from engine.payload import Payload


@dataclass(frozen=True, slots=True)
class Start:
    """Begin: only the first one counts."""


@dataclass(frozen=True, slots=True)
class Continue:
    """Go on after a turn whose transition budget was used up (a frame is `Ready`)."""


@dataclass(frozen=True, slots=True)
class TimerDue:
    """The deadline of the frame at `path` may have passed; the engine compares with its own `now_ms`."""

    path: str
    visit: int


@dataclass(frozen=True, slots=True)
class ExecutionTimerDue:
    """The deadline of the whole execution may have passed."""


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """A worker incarnation (or an activity worker) has the attempt: write the start record.

    `callback` is the digest of the secret that an activity worker is given with its task token.
    """

    path: str
    token: bytes
    incarnation: str
    grant: bytes
    worker_name: str | None = None
    callback: bytes = b""


@dataclass(frozen=True, slots=True)
class TaskSubmitted:
    """The call of a `.sync` or `.waitForTaskToken` task answered; the task itself goes on."""

    path: str
    token: bytes
    output: Payload
    job: Payload | None = None


@dataclass(frozen=True, slots=True)
class TaskSucceeded:
    """The attempt ended well. `grant` is empty when the result came by task token; `secret` is that token's."""

    path: str
    token: bytes
    output: Payload
    grant: bytes = b""
    secret: bytes = b""


@dataclass(frozen=True, slots=True)
class TaskFailed:
    """The attempt ended badly. `error` and `cause` may be absent (SendTaskFailure without them)."""

    path: str
    token: bytes
    error: str | None
    cause: str | None
    grant: bytes = b""


@dataclass(frozen=True, slots=True)
class TaskHeartbeat:
    """The attempt is alive."""

    path: str
    token: bytes


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """The incarnation that holds the grant is gone; nobody can know whether the call was made."""

    path: str
    token: bytes
    grant: bytes


@dataclass(frozen=True, slots=True)
class TaskGivenBack:
    """The incarnation will never run that grant: the attempt is open again for another one."""

    path: str
    token: bytes
    grant: bytes


@dataclass(frozen=True, slots=True)
class CallDropped:
    """The incarnation has dropped the call because the attempt's time seems up; the engine's own clock decides."""

    path: str
    token: bytes
    grant: bytes


@dataclass(frozen=True, slots=True)
class MapRunEnded:
    """A distributed Map's run ended: its output, or the error that failed it. A retry's run has another `arn`.

    Attributes:
        redrive_count: of the run; the end of an attempt before the newest redrive is stale.
    """

    path: str
    arn: str
    output: Payload | None
    error: str | None = None
    cause: str | None = None
    redrive_count: int = 0


@dataclass(frozen=True, slots=True)
class Stop:
    """StopExecution."""

    error: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class BudgetExceeded:
    """The host has no more room for this execution (the express lane's memory budget): it fails."""

    error: str
    cause: str


@dataclass(frozen=True, slots=True)
class MachineDeleted:
    """The state machine was deleted: the next transition ends the execution."""


@dataclass(frozen=True, slots=True)
class Redrive:
    """RedriveExecution: go on where it failed."""


Stimulus: TypeAlias = (
    Start
    | Continue
    | TimerDue
    | ExecutionTimerDue
    | TaskStarted
    | TaskSubmitted
    | TaskSucceeded
    | TaskFailed
    | TaskHeartbeat
    | WorkerLost
    | TaskGivenBack
    | CallDropped
    | MapRunEnded
    | Stop
    | BudgetExceeded
    | MachineDeleted
    | Redrive
)
