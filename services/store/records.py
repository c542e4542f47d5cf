"""Rows as the other services see them. Times in Unix milliseconds; payloads as the JSON bytes they came as."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from engine.execution.execution import Status
from engine.execution.page import Page


def shard_of(execution_id: UUID, shards: int) -> int:
    """The shard that an execution belongs to for good: its random bits decide."""
    return int.from_bytes(execution_id.bytes[8:]) % shards


@dataclass(frozen=True, slots=True, kw_only=True)
class StateMachine:
    """A state machine with its current revision."""

    id: UUID
    account: str
    region: str
    name: str
    type: str
    status: str
    created_ms: int
    revision: Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """An immutable snapshot of what an update can change. `number` 0 is the one of the creation (`INITIAL`)."""

    id: UUID
    machine_id: UUID
    number: int
    definition: str
    role_arn: str
    created_ms: int
    logging: dict[str, Any] | None = None
    tracing: dict[str, Any] | None = None
    encryption: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A published version: a number that points to a revision for good."""

    machine_id: UUID
    number: int
    revision_id: UUID
    revision_number: int
    description: str
    created_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A name for one or two versions with weights: `routes` are (version number, weight)."""

    machine_id: UUID
    name: str
    description: str
    routes: tuple[tuple[int, int], ...]
    created_ms: int
    updated_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """An activity, as CreateActivity made it."""

    id: UUID
    account: str
    region: str
    name: str
    created_ms: int
    encryption: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Parent:
    """Who started a nested execution.

    Attributes:
        arn: the parent's execution ARN.
        pattern: how its task waits; only `sync` and `sync:2` want to hear of the child's end.
        attempt_name: leads to the task's attempt; "" where the task does not wait.
    """

    arn: str
    pattern: str
    attempt_name: str = ""

    @property
    def text(self) -> str:
        """As it is stored and sent: no part has a blank in it."""
        return f"{self.pattern} {self.attempt_name or '-'} {self.arn}"

    @classmethod
    def of_text(cls, text: str) -> Parent | None:
        """Read it back; None if it is not of that form."""
        parts = text.split(" ")
        return cls(parts[2], parts[0], parts[1].strip("-")) if len(parts) == 3 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapChild:
    """What a child execution of a distributed Map knows of the run that started it.

    Attributes:
        run_id, run_arn: of the map run; `run_shard` is its parent's.
        index: which child of the run it is.
        item_count: how many items it has.
        attempt: in which of the run's attempts it was started or redriven last; the run's first one is 0.
        pending_redrive: it failed in an attempt before the one that runs, and waits for its redrive.
        label: of the Map, part of the child's ARN.
        state: name of the Map state, whose ItemProcessor it runs.
        express: its ARN is an express execution's, and it has five minutes.
    """

    run_id: UUID
    run_arn: str
    run_shard: int
    index: int
    item_count: int
    label: str
    state: str
    express: bool
    attempt: int = 0
    pending_redrive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExecution:
    """What StartExecution writes, all that ExecutionStarted needs. `test_case` names the mocks that it runs on."""

    id: UUID
    shard: int
    machine_id: UUID
    revision_id: UUID
    name: str
    input: bytes
    start_ms: int
    version_number: int | None = None
    alias_name: str | None = None
    trace_header: str | None = None
    test_case: str | None = None
    parent: Parent | None = None
    map_run_id: UUID | None = None
    map_index: int | None = None
    item_count: int | None = None
    map_attempt: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredExecution:
    """An execution's row joined with its machine, for describing, listing and loading.

    `redrive_tokens` are the client tokens of its redrives, as `services.scheduler.redrive_tokens` writes them.
    """

    id: UUID
    shard: int
    machine_id: UUID
    revision_id: UUID
    account: str
    region: str
    machine_name: str
    name: str
    status: Status
    input: bytes
    start_ms: int
    role_arn: str
    machine_deleting: bool = False
    version_number: int | None = None
    alias_name: str | None = None
    trace_header: str | None = None
    output: bytes | None = None
    error: str | None = None
    cause: str | None = None
    stop_ms: int | None = None
    redrive_count: int = 0
    redrive_ms: int | None = None
    test_case: str | None = None
    parent: Parent | None = None
    map_child: MapChild | None = None
    redrive_tokens: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedExecution:
    """An execution as lists show it: no payloads."""

    id: UUID
    machine_id: UUID
    name: str
    status: Status
    start_ms: int
    version_number: int | None = None
    alias_name: str | None = None
    stop_ms: int | None = None
    redrive_count: int = 0
    redrive_ms: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionFilter:
    """Which executions a list is about; what is None or empty does not restrict.

    `machine_ids` must name at least one machine. `before` is the cursor: the id of the last execution of the page
    before. Times compare with the start.
    """

    machine_ids: tuple[UUID, ...]
    statuses: tuple[Status, ...] = ()
    name_prefix: str = ""
    error: str | None = None
    started_from_ms: int | None = None
    started_before_ms: int | None = None
    before: UUID | None = None
    version_number: int | None = None
    alias_name: str | None = None


@dataclass(frozen=True, slots=True)
class EventsPage:
    """The half of a page that the history is read from: packed events, no frames."""

    number: int
    first_event_id: int
    last_event_id: int
    events: bytes


@dataclass(frozen=True, slots=True)
class LoadedExecution:
    """What a scheduler needs to go on: the row, and the pages since the newest checkpoint, oldest first."""

    row: StoredExecution
    pages: list[Page]


@dataclass(frozen=True, slots=True)
class ShardTenure:
    """One owner's turn on a shard. `seq` is the number of its newest commit."""

    shard: int
    owner: UUID
    seq: int


@dataclass(frozen=True, slots=True)
class ExecutionChange:
    """A change of an execution's row that rides in a group commit: its end, its redrive, or its parking.

    Every field is written as it is given, so a change of a redriven execution repeats its `redrive_count`; the last
    three stay as they are where they are None. `wake_at_ms` is set while it runs (the database insists) and None once
    it has ended.
    """

    id: UUID
    status: Status
    wake_at_ms: int | None
    output: bytes | None = None
    error: str | None = None
    cause: str | None = None
    stop_ms: int | None = None
    redrive_count: int = 0
    redrive_ms: int | None = None
    start_ms: int | None = None
    redrive_tokens: str | None = None
    map_attempt: int | None = None


@dataclass(frozen=True, slots=True)
class InboxRow:
    """A command that must not be lost: msgpack of a `services.broker.messages.Command`."""

    id: int
    shard: int
    body: bytes


@dataclass(slots=True)
class Batch:
    """One group commit: everything of several shards, accepted shard by shard (the guard decides).

    `pages` and `changes` carry the shard they belong to, `inbox_done` the ids of inbox rows that are dealt with,
    `inbox_new` rows for other shards' inboxes (shard, body).
    """

    guards: list[ShardTenure]
    pages: list[tuple[int, UUID, Page]] = field(default_factory=list)
    changes: list[tuple[int, ExecutionChange]] = field(default_factory=list)
    inbox_done: list[tuple[int, int]] = field(default_factory=list)
    inbox_new: list[tuple[int, int, bytes]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Committed:
    """The answer to a group commit: which shards it was accepted for, and the database clock."""

    shards: frozenset[int]
    now_ms: int
