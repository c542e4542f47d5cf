"""Rows of bulk jobs as the other services see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from engine.execution.execution import Status

BulkAction = Literal["STOP", "REDRIVE"]
BulkStatus = Literal["RUNNING", "COMPLETED", "CANCELLED"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkJob:
    """A job that stops or redrives many executions of one state machine, and how far it has come.

    Attributes:
        dry_run: count what would be done, and do nothing.
        statuses, name_prefix, failed_with, started_from_ms, started_before_ms: which executions it is about.
        stop_error, stop_cause: what a stop writes into the history.
        rate: executions per second at most.
        total: how many executions it is about; None while that is not known, or too many to count.
        cursor: the last execution that was taken into `pending`; they are walked newest first.
        pending: taken and perhaps not dealt with: after a crash they are looked at again.
        done, skipped, failed: how many were dealt with, needed nothing, could not be dealt with.
    """

    id: UUID
    account: str
    region: str
    machine_id: UUID
    machine_name: str
    action: BulkAction
    statuses: tuple[Status, ...]
    started_before_ms: int
    created_ms: int
    rate: int
    dry_run: bool = False
    name_prefix: str = ""
    failed_with: str | None = None
    started_from_ms: int | None = None
    stop_error: str | None = None
    stop_cause: str | None = None
    status: BulkStatus = "RUNNING"
    ended_ms: int | None = None
    total: int | None = None
    cursor: UUID | None = None
    pending: tuple[UUID, ...] = ()
    done: int = 0
    skipped: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class BulkFailure:
    """One execution that a job could not deal with, and why."""

    execution_id: UUID
    execution_name: str
    error: str
    message: str


@dataclass(frozen=True, slots=True)
class BulkResults:
    """What came of a job's pending executions."""

    done: int
    skipped: int
    failures: tuple[BulkFailure, ...]
