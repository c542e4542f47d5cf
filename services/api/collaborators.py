"""What the API asks of parts that live elsewhere and are handed in when the process is put together.

Each may be missing: a process without it answers that the operation is not served here, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from engine.execution.execution import Execution, Origin
from services.store.records import EventsPage, ExecutionFilter, ListedExecution, Revision, StoredExecution


class ExpressLane(Protocol):
    """Runs express executions."""

    async def revision(self, revision_id: UUID) -> Revision:
        """The revision that an execution is to run, ready to run: read and compiled once, for it never changes."""
        ...

    async def run(self, origin: Origin, revision: Revision) -> Execution:
        """Run one to its end (StartSyncExecution); the ended execution.

        Raises:
            services.runtime.faults.Overloaded: no room now; the caller gets a ThrottlingException.
        """
        ...

    async def accept(self, origin: Origin, revision: Revision) -> None:
        """Take one over, to be run at least once (StartExecution); raises as `run`."""
        ...


class ExpressHistory(Protocol):
    """Ended express executions that were kept."""

    async def by_id(self, execution_id: UUID) -> StoredExecution | None:
        """One execution."""
        ...

    async def listed(self, wanted: ExecutionFilter, limit: int) -> Sequence[ListedExecution]:
        """Executions, newest first."""
        ...

    async def pages(self, execution_id: UUID) -> Sequence[EventsPage]:
        """All pages of an execution, oldest first."""
        ...


class StateTester(Protocol):
    """TestState."""

    async def test(self, body: Mapping[str, Any], account: str, region: str, now_ms: int) -> dict[str, Any]:
        """Run one state as the checked body of TestState asks, and answer in AWS's shape.

        Raises:
            services.api.errors.ApiError: InvalidDefinition, ValidationException, InvalidExecutionInput.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MapRunRow:
    """A map run as the API shows it."""

    id: UUID
    arn: str
    execution_id: UUID
    machine_name: str
    label: str
    status: str
    start_ms: int
    stop_ms: int | None
    max_concurrency: int
    tolerated_failure_percentage: float
    tolerated_failure_count: int
    redrive_count: int = 0
    redrive_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapRunCounts:
    """How the items and the child executions of a map run stand: AWS's ten numbers, by their names."""

    items: Mapping[str, int]
    executions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class MapRunChange:
    """UpdateMapRun: what is None stays."""

    max_concurrency: int | None = None
    tolerated_failure_percentage: float | None = None
    tolerated_failure_count: int | None = None


class MapRuns(Protocol):
    """The map runs of distributed Maps."""

    async def map_run(self, account: str, region: str, arn: str) -> MapRunRow | None:
        """One map run."""
        ...

    async def counts(self, map_run_id: UUID, now_ms: int) -> MapRunCounts | None:
        """How its items and child executions stand; None if there is no such run."""
        ...

    async def list_map_runs(self, execution_id: UUID, after: UUID | None, limit: int) -> Sequence[MapRunRow]:
        """The map runs of one execution, newest first; `after` is the id of the last one of the page before."""
        ...

    async def update_map_run(self, map_run_id: UUID, change: MapRunChange) -> bool:
        """Change a running map run; False if it has ended."""
        ...

    async def list_children(
        self, map_run_id: UUID, statuses: Sequence[str], redriven: bool | None, after: str | None, limit: int
    ) -> Sequence[dict[str, Any]]:
        """Child executions as ListExecutions shows them, newest first; `after` is the last executionArn before."""
        ...


class LogGroups(Protocol):
    """Knows which log groups exist."""

    async def exists(self, arn: str, role_arn: str) -> bool:
        """Whether the log group with this ARN (ending in `:*`) exists, as the state machine's role sees it."""
        ...
