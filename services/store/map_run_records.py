"""Rows of map runs as the other services see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias
from uuid import UUID

from engine.execution.execution import Status

RunStatus: TypeAlias = Literal["RUNNING", "SUCCEEDED", "FAILED", "ABORTED"]

COUNT_GIVEN = 1
PERCENTAGE_GIVEN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class MapRun:
    """One run of a distributed Map.

    Attributes:
        id: the last part of its ARN.
        execution_id, shard, path: who waits for it: the parent, its shard, the frame.
        state, label, express: what the children run, and how their ARNs look.
        status, start_ms, stop_ms, error, cause: its life.
        max_concurrency: 0 is "as many as the service lets".
        tolerated_percentage, tolerated_count: as DescribeMapRun shows them.
        threshold_given: which of the two counts, as bits; none of them is a count of 0.
        planned_items, planned_executions: all there is to do; known once the items have been read.
        planned: they have been read, and the inputs of all children are kept.
        reading: counts who began to read them; only the last one's inputs are kept.
        redrive_count, redrive_ms: redrives so far and when the last one was; the count numbers the attempts.
        results: what the ResultWriter has written so far (`services.scheduler.map_runs.results`), None for nothing.
    """

    id: UUID
    arn: str
    execution_id: UUID
    shard: int
    path: str
    state: str
    label: str
    express: bool
    status: RunStatus = "RUNNING"
    start_ms: int
    stop_ms: int | None = None
    max_concurrency: int = 0
    tolerated_percentage: float = 0.0
    tolerated_count: int = 0
    threshold_given: int = 0
    planned_items: int = 0
    planned_executions: int = 0
    error: str | None = None
    cause: str | None = None
    planned: bool = False
    reading: int = 0
    redrive_count: int = 0
    redrive_ms: int | None = None
    results: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapRunEnd:
    """How an attempt of a run ends; `results` None leaves what is written there."""

    status: RunStatus
    stop_ms: int
    error: str | None = None
    cause: str | None = None
    results: str | None = None


@dataclass(frozen=True, slots=True)
class RunCounts:
    """How a run's children stand: by status (executions, items).

    Those that failed in an attempt before the one that runs count as PENDING_REDRIVE.
    """

    by_status: Mapping[Status, tuple[int, int]]

    def executions(self, *statuses: Status) -> int:
        """How many children have one of these; without any, all."""
        return sum(self.by_status.get(status, (0, 0))[0] for status in statuses or Status)

    def items(self, *statuses: Status) -> int:
        """How many items they have."""
        return sum(self.by_status.get(status, (0, 0))[1] for status in statuses or Status)
