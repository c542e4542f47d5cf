"""Frames: the places where control is in an execution, and what each of them waits for.

Frames ride in history pages. They are versioned structs: a new field goes to the end and has a default, so an
old page always loads. What is derived (children, parent) is rebuilt on load and never written.
"""

from __future__ import annotations

import hashlib
from typing import Final, TypeAlias

import msgspec

from engine.payload import Payload

_KEY_DIGITS: Final = 32


class Until(msgspec.Struct, array_like=True, tag="until"):
    """Waits for a moment (a Wait state). Unix milliseconds."""

    due_ms: int


class BackOff(msgspec.Struct, array_like=True, tag="back-off"):
    """Waits for the next attempt of a retrier; `cause_id` is the event that the next attempt's first event follows."""

    due_ms: int
    cause_id: int


class Ready(msgspec.Struct, array_like=True, tag="ready"):
    """Waits for nothing: the turn's transition budget was used up before this frame could go on."""


class Attempt(msgspec.Struct, array_like=True, tag="attempt"):
    """Waits for one try of a task.

    Attributes:
        token: random, names this attempt between schedulers and workers; results without it are stale.
        input: the evaluated Parameters or Arguments.
        scheduled_id, started_id, submitted_id: history event ids; 0 while there is none.
        incarnation, grant: who may run it and under which grant; empty while unbound.
        timeout_ms, heartbeat_ms: deadlines, None without one. An activity's start counting at its lease.
        timeout_seconds, heartbeat_seconds: as evaluated from the state, None when the state sets none.
        role_arn: evaluated Credentials.RoleArn.
        job: what a `.sync` integration needs to poll and cancel its job; None before TaskSubmitted.
        number: 0 for the first attempt of a visit.
        early_output, early_failure: a result by task token that came before TaskSubmitted; it counts after it.
        callback: digest of the secret in the task token that was handed out; empty without one.
        early_secret: of the token that `early_output` came by; it is used up, so it may be kept.
    """

    token: bytes
    input: Payload
    scheduled_id: int
    started_id: int = 0
    submitted_id: int = 0
    incarnation: str = ""
    grant: bytes = b""
    timeout_ms: int | None = None
    heartbeat_ms: int | None = None
    timeout_seconds: int | None = None
    heartbeat_seconds: int | None = None
    role_arn: str | None = None
    job: Payload | None = None
    number: int = 0
    early_output: Payload | None = None
    early_failure: tuple[str | None, str | None] | None = None
    callback: bytes = b""
    early_secret: bytes = b""

    @property
    def key(self) -> str:
        """The idempotency key of its call. The world is told no more of the token than this."""
        return hashlib.sha256(self.token).hexdigest()[:_KEY_DIGITS]

    @property
    def answered(self) -> bool:
        """Whether a result has come already that will count once the call is submitted."""
        return self.early_output is not None or self.early_failure is not None

    @property
    def bound(self) -> bool:
        """Whether a committed start record names who runs it."""
        return bool(self.incarnation)

    @property
    def due_ms(self) -> int | None:
        """The nearer of the two deadlines."""
        if self.timeout_ms is None or self.heartbeat_ms is None:
            return self.heartbeat_ms if self.timeout_ms is None else self.timeout_ms
        return min(self.timeout_ms, self.heartbeat_ms)


class Children(msgspec.Struct, array_like=True, tag="children"):
    """Waits for branches or iterations, which are frames of their own at `<path>/<index>`.

    Attributes:
        started_id: the ParallelStateStarted or MapStateStarted event.
        count: branches or items in all.
        concurrency: how many may be open at once (Map); equals `count` for Parallel.
        items: the Map's items as one JSON array, None for Parallel.
    """

    started_id: int
    count: int
    concurrency: int
    items: Payload | None = None


class MapRun(msgspec.Struct, array_like=True, tag="map-run"):
    """Waits for a distributed Map's run.

    Attributes:
        arn: of the run.
        started_id: MapRunStarted, or the newest MapRunRedriven.
        input: all that the run needs, evaluated.
        redrive_count: redrives of the run.
        state_started_id: MapStateStarted, which every MapRunRedriven follows; 0 if it is the event before `started_id`.
        spent: the run itself is done and what failed came after it, so a redrive asks for a new one.
    """

    arn: str
    started_id: int
    input: Payload
    redrive_count: int = 0
    state_started_id: int = 0
    spent: bool = False


class Ended(msgspec.Struct, array_like=True, tag="ended"):
    """A branch or iteration that succeeded; its frame stays until the parent has collected the output."""

    output: Payload
    last_id: int


Wait: TypeAlias = Until | BackOff | Ready | Attempt | Children | MapRun | Ended


class Frame(msgspec.Struct, array_like=True):
    """One place where control is.

    Attributes:
        path: `0` is the root; a branch or iteration of it is `0/2`, and so on.
        state: name of the state it is in.
        input: raw input of that state.
        waits: what it waits for.
        visit: counts the states entered by this frame; a stimulus for an older visit is stale.
        entered_id, entered_ms: the StateEntered event and its time; 0 while the state has not been entered.
        last_id: the event that the next one of this frame follows.
        variables: assigned in this frame's own scope (outer scopes are found through the parents).
        retry_counts: attempts used by each retrier of the state.
        retry_count: `$$.State.RetryCount`.
        item: (index, value) of a Map iteration, for `$$.Map.Item`.
    """

    path: str
    state: str
    input: Payload
    waits: Wait
    visit: int = 0
    entered_id: int = 0
    entered_ms: int = 0
    last_id: int = 0
    variables: dict[str, Payload] = {}
    retry_counts: list[int] = []
    retry_count: int = 0
    item: tuple[int, Payload] | None = None

    @property
    def parent_path(self) -> str:
        """Path of the frame whose branch or iteration this is; "" for the root."""
        return self.path.rpartition("/")[0]

    @property
    def index(self) -> int:
        """Which branch or iteration of the parent this is."""
        return int(self.path.rpartition("/")[2])


ROOT = "0"


def path_order(frame: Frame) -> tuple[int, ...]:
    """Sort key: parents before children, branches and iterations by their index."""
    return tuple(map(int, frame.path.split("/")))
