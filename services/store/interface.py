"""What each service asks of the store. The Postgres store and the simulator's fake both speak it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from engine.execution.page import Page
from services.store.bulk_records import BulkFailure, BulkJob, BulkResults
from services.store.map_run_records import MapRun, MapRunEnd, RunCounts
from services.store.records import (
    Activity,
    Alias,
    Batch,
    Committed,
    EventsPage,
    ExecutionFilter,
    InboxRow,
    ListedExecution,
    LoadedExecution,
    NewExecution,
    Revision,
    ShardTenure,
    StateMachine,
    StoredExecution,
    Version,
)


class AdmissionStore(Protocol):
    """StartExecution's half."""

    @property
    def shards(self) -> int:
        """How many shards there are, for `shard_of`."""
        ...

    async def admit(self, rows: Sequence[NewExecution]) -> list[StoredExecution | None]:
        """Write new executions in one transaction; for a name already taken, the execution that has it, else None."""
        ...

    async def shard_owners(self) -> dict[int, str]:
        """Where the owner of each shard listens (queue name of the scheduler); shards without owner are left out."""
        ...

    async def put_in_inbox(self, shard: int, body: bytes) -> None:
        """Leave a command for the shard's owner."""
        ...


class MapRunStore(AdmissionStore, Protocol):
    """What driving a map run asks for."""

    async def create_map_run(self, run: MapRun) -> MapRun:
        """Write a run, unless it is there; the run as it stands."""
        ...

    async def map_run(self, run_id: UUID) -> MapRun | None:
        """One run."""
        ...

    async def begin_map_inputs(self, run_id: UUID) -> int:
        """Begin to read the items of a run: what others have kept halfway is dropped, the number of this reading."""
        ...

    async def put_map_inputs(self, run_id: UUID, reading: int, first_index: int, inputs: bytes) -> None:
        """Keep the inputs of some children, as long as nobody else has begun to read and not all are there."""
        ...

    async def map_inputs(self, run_id: UUID, index: int) -> tuple[int, bytes] | None:
        """The kept inputs among which that child's is, with the index of the first one."""
        ...

    async def plan_map_run(self, run_id: UUID, reading: int, items: int, executions: int) -> None:
        """Write how much there is to do: the inputs of all children are kept now."""
        ...

    async def redrive_map_run(self, run: MapRun, redrive_count: int, now_ms: int) -> None:
        """Let the next attempt of a run that has ended begin, if it has not begun."""
        ...

    async def end_map_run(self, run: MapRun, end: MapRunEnd) -> None:
        """Let this attempt of it end, if it has not ended."""
        ...

    async def map_children_to_redrive(self, run: MapRun, limit: int) -> list[UUID]:
        """Children that failed in an attempt before this one, in the order of the items."""
        ...

    async def left_over_map_runs(self, shards: Sequence[int], limit: int) -> list[MapRun]:
        """Open runs of these shards whose parent has ended."""
        ...

    async def map_run_counts(self, run: MapRun) -> RunCounts:
        """How its children stand."""
        ...

    async def open_map_children(self, run: MapRun, limit: int) -> list[UUID]:
        """Children that still run."""
        ...

    async def map_children(self, run: MapRun, after: int, limit: int) -> list[StoredExecution]:
        """Children in the order of the items, behind that index."""
        ...


class SchedulerStore(MapRunStore, Protocol):
    """The scheduler's half: shards, group commits, loading."""

    @property
    def shards(self) -> int:
        """How many shards there are, for fair shares and `shard_of`."""
        ...

    async def register_scheduler(self, scheduler: str, lease_seconds: float) -> int:
        """Say that this scheduler lives (renewed by calling again); returns how many live, for sharing the shards."""
        ...

    async def forget_scheduler(self, scheduler: str) -> None:
        """Say that this scheduler stops, so that the others share its shards at once."""
        ...

    async def take_shards(self, owner: UUID, scheduler: str, count: int, lease_seconds: float) -> list[ShardTenure]:
        """Take up to `count` shards that are free or whose lease has passed (R1), noting where their owner listens."""
        ...

    async def release_shards(self, tenures: Sequence[ShardTenure]) -> None:
        """Give shards back at once (clean stop, or too many)."""
        ...

    async def commit(self, batch: Batch, lease_seconds: float) -> Committed:
        """Write everything of the shards whose guard holds (owner and seq), nothing of the others; renews leases.

        Raises:
            services.runtime.faults.CommitUnknown: the answer was lost; drop the shards and take them again (R7).
            services.runtime.faults.StoreUnavailable: nothing was sent; the same batch may be tried again.
        """
        ...

    async def due(self, shards: Sequence[int], before_ms: int, limit: int, from_ms: int = 0) -> list[UUID]:
        """Running executions with `from_ms <= wake_at < before_ms`, oldest first.

        What an owner holds in memory keeps the wake_at of its start, so a periodic scan passes the time of the scan
        before (less some overlap) as `from_ms`; a new owner begins at 0.
        """
        ...

    async def load(self, ids: Sequence[UUID]) -> list[LoadedExecution]:
        """Rows and pages of those executions; unknown ids are left out."""
        ...

    async def inbox(self, shards: Sequence[int], limit: int) -> list[InboxRow]:
        """Commands waiting for these shards, oldest first."""
        ...

    async def revision(self, revision_id: UUID) -> Revision:
        """A revision, for compiling its program."""
        ...

    async def missing_activities(self, arns: Collection[str]) -> frozenset[str]:
        """Those of the activity ARNs that name no activity."""
        ...

    async def maintain(self, retention_days: float) -> None:
        """Make the partitions of the coming days, drop what retention has passed, finish deletions of machines.

        For one scheduler at its start and then every hour or so; doing it twice, or at the same time, is harmless.
        """
        ...


class BulkRunnerStore(Protocol):
    """The half of bulk jobs that works them off. A method that takes a runner does nothing once it lost the job."""

    async def claim_bulk_job(self, runner: str, lease_seconds: float) -> BulkJob | None:
        """Take a running job that no living runner holds."""
        ...

    async def count_bulk_job(self, job: BulkJob, runner: str, most: int) -> None:
        """Count the executions that a job is about; more than `most` stay uncounted."""
        ...

    async def list_executions(self, wanted: ExecutionFilter, limit: int) -> list[ListedExecution]:
        """Executions, newest first."""
        ...

    async def listed_executions(self, ids: Sequence[UUID]) -> list[ListedExecution]:
        """Those executions as they are now, in the order of the ids."""
        ...

    async def take_bulk_executions(
        self, job_id: UUID, runner: str, pending: Sequence[UUID], cursor: UUID, lease_seconds: float
    ) -> bool:
        """Write which executions are about to be dealt with, and keep the job; False if it is not held any more."""
        ...

    async def settle_bulk_executions(self, job_id: UUID, runner: str, results: BulkResults) -> bool:
        """Count what came of the pending executions; False if the job is not held any more."""
        ...

    async def complete_bulk_job(self, job_id: UUID, runner: str, now_ms: int) -> bool:
        """Every execution has been dealt with; False if the job is not held any more."""
        ...

    async def release_bulk_jobs(self, runner: str) -> None:
        """Give back what this runner holds."""
        ...


class ApiStore(AdmissionStore, Protocol):
    """Everything the API reads and writes. Storage only: what AWS would answer is the API's business.

    Every method is one transaction. Lists take the cursor of the last row of the page before (None: from the start).
    """

    # State machines and revisions

    async def create_machine(
        self, machine: StateMachine, tags: Mapping[str, str], published: str | None = None
    ) -> StateMachine | None:
        """Write a machine with its revision (number 0) and tags; None, or the machine that has the name already.

        `published` is the description of a version 1 that is written with it.
        """
        ...

    async def update_machine(self, revision: Revision) -> bool:
        """Make this the current revision; False unless the machine is ACTIVE and its current one is `number - 1`."""
        ...

    async def machine_by_name(self, account: str, region: str, name: str) -> StateMachine | None:
        """The machine of that name, ACTIVE or DELETING."""
        ...

    async def machine_by_id(self, machine_id: UUID) -> StateMachine | None:
        """A machine, also one that is gone and only kept for its executions (status DELETED)."""
        ...

    async def list_machines(self, account: str, region: str, after: str | None, limit: int) -> list[StateMachine]:
        """ACTIVE machines by name; `after` is a name. Definitions are left empty."""
        ...

    async def delete_machine(self, machine_id: UUID, now_ms: int) -> bool:
        """Mark it DELETING, with its versions, aliases and tags gone at once; False if it was so already."""
        ...

    async def finish_deletions(self, deleted_before_ms: int) -> int:
        """Let machines without a running execution, deleted before that time, become DELETED; returns how many."""
        ...

    async def revision(self, revision_id: UUID) -> Revision:
        """A revision; KeyError if there is none."""
        ...

    # Versions

    async def publish_version(
        self, machine_id: UUID, revision_id: UUID, description: str, now_ms: int
    ) -> Version | None:
        """The version of that revision, new or as published before; None if the revision is not the current one."""
        ...

    async def version(self, machine_id: UUID, number: int) -> Version | None:
        """One version."""
        ...

    async def list_versions(self, machine_id: UUID, before: int | None, limit: int) -> list[Version]:
        """Versions, newest first; `before` is a number."""
        ...

    async def delete_version(self, machine_id: UUID, number: int) -> list[str]:
        """Delete it, or return the names of the aliases that route to it and leave it."""
        ...

    # Aliases

    async def create_alias(self, alias: Alias) -> Alias | None:
        """Write it; None, or the alias that has the name already.

        Raises:
            KeyError: a version it routes to is gone.
        """
        ...

    async def update_alias(
        self,
        machine_id: UUID,
        name: str,
        now_ms: int,
        description: str | None = None,
        routes: tuple[tuple[int, int], ...] | None = None,
    ) -> Alias | None:
        """Change what is given; the alias as it is now, None if there is none. KeyError as above.

        An alias that is so already keeps the date of its change.
        """
        ...

    async def alias(self, machine_id: UUID, name: str) -> Alias | None:
        """One alias."""
        ...

    async def list_aliases(
        self, machine_id: UUID, after: tuple[int, str] | None, limit: int, version_number: int | None = None
    ) -> list[Alias]:
        """Aliases (that route to a version), oldest first; `after` is (created_ms, name)."""
        ...

    async def delete_alias(self, machine_id: UUID, name: str) -> bool:
        """Delete it; False if there was none."""
        ...

    # Tags: of a machine or an activity, by its id

    async def tags(self, resource_id: UUID) -> dict[str, str]:
        """The tags of a resource, by key."""
        ...

    async def put_tags(self, resource_id: UUID, tags: Mapping[str, str], most: int) -> bool:
        """Add or replace; False, and nothing changed, if the resource would have more than `most`."""
        ...

    async def remove_tags(self, resource_id: UUID, keys: Sequence[str]) -> None:
        """Remove those that are there."""
        ...

    # What the quotas of accounts are compared with; counting ends at `most`

    async def count_open_executions(self, account: str, region: str, most: int) -> int:
        """Executions that run."""
        ...

    async def count_machines(self, account: str, region: str, most: int) -> int:
        """State machines, ACTIVE or DELETING."""
        ...

    async def count_activities(self, account: str, region: str, most: int) -> int:
        """Activities."""
        ...

    # Activities

    async def create_activity(self, activity: Activity, tags: Mapping[str, str]) -> Activity | None:
        """Write it; None, or the activity that has the name already."""
        ...

    async def activity_by_name(self, account: str, region: str, name: str) -> Activity | None:
        """One activity."""
        ...

    async def list_activities(self, account: str, region: str, after: str | None, limit: int) -> list[Activity]:
        """Activities by name; `after` is a name."""
        ...

    async def delete_activity(self, activity_id: UUID) -> bool:
        """Delete it and its tags; False if there was none."""
        ...

    # Executions and their history

    async def execution_by_name(
        self, account: str, region: str, machine_name: str, name: str
    ) -> StoredExecution | None:
        """The newest execution of that name (a machine may have been deleted and created again)."""
        ...

    async def execution_by_id(self, execution_id: UUID) -> StoredExecution | None:
        """One execution."""
        ...

    async def list_executions(self, wanted: ExecutionFilter, limit: int) -> list[ListedExecution]:
        """Executions, newest first."""
        ...

    async def history_pages(
        self, execution_id: UUID, from_event: int | None, limit: int, reverse: bool = False
    ) -> list[EventsPage]:
        """The pages that hold `limit` events from `from_event` on (None: from the first, or the last if reverse).

        Pages come in the order asked for; the first and the last may hold events beyond what was asked for, and
        events inside a page always ascend.
        """
        ...

    async def pages(self, execution_id: UUID, first: int, last: int) -> list[Page]:
        """Whole pages by number, both ends included: for the frames as they were."""
        ...

    # Bulk jobs

    async def create_bulk_job(self, job: BulkJob) -> None:
        """Write a new job."""
        ...

    async def bulk_job(self, job_id: UUID) -> BulkJob | None:
        """One job."""
        ...

    async def list_bulk_jobs(self, account: str, region: str, before: UUID | None, limit: int) -> list[BulkJob]:
        """Jobs, newest first; `before` is an id."""
        ...

    async def bulk_failures(self, job_id: UUID, after: UUID | None, limit: int) -> list[BulkFailure]:
        """What a job could not do, by execution; `after` is an execution's id."""
        ...

    async def cancel_bulk_job(self, job_id: UUID, now_ms: int) -> bool:
        """End a running job where it is; False if it has ended."""
        ...
