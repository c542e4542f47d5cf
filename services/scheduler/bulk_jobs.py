"""Works off bulk jobs: stops or redrives many executions, as fast as the job allows.

Each execution goes through its owner like a call of the API. A job's executions are written as pending before the
first command and counted after the last answer: a runner that takes over from a dead one looks at the pending ones as
they are now, and does only what was not done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias
from uuid import UUID

from engine.execution.execution import Status
from services.broker.messages import pack
from services.runtime.clock import Clock
from services.runtime.faults import Fault
from services.scheduler.commands import too_old_to_redrive
from services.store.bulk_jobs import executions_of
from services.store.bulk_records import BulkFailure, BulkJob, BulkResults
from services.store.interface import BulkRunnerStore
from services.store.records import ListedExecution

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 2.0
LEASE_SECONDS: Final = 60.0
JOBS_AT_ONCE: Final = 4
BATCH_MAX: Final = 100
COMMANDS_AT_ONCE: Final = 16
TRIES: Final = 5
RETRY_SECONDS: Final = 2.0
COUNTED_MAX: Final = 1_000_000
_CLOCKS_APART_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Refusal:
    """The owner's committed refusal: AWS's error code, and what it says."""

    error: str
    message: str


Ask: TypeAlias = Callable[[UUID, str, bytes], Awaitable[Refusal | None]]
"""Send a command to the owner of an execution; None once it is committed. Raises `Fault`: nobody answered."""

_DONE: Final = "done"
_SKIPPED: Final = "skipped"
_Outcome: TypeAlias = str | BulkFailure


class BulkJobs:
    """The runner of one process: `await run()` until `await stop()`."""

    def __init__(self, store: BulkRunnerStore, ask: Ask, clock: Clock, name: str) -> None:
        """`name` is new in every process life."""
        self._store = store
        self._ask = ask
        self._clock = clock
        self._name = name
        self._stopping = asyncio.Event()
        self._working: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Claim jobs and work on a few of them at a time."""
        while not self._stopping.is_set():
            job = await self._claim() if len(self._working) < JOBS_AT_ONCE else None
            if job is None:
                await self._pause(POLL_SECONDS)
                continue
            task = asyncio.create_task(self._work(job), name=f"bulk job {job.id}")
            self._working.add(task)
            task.add_done_callback(self._working.discard)

    async def stop(self) -> None:
        """Leave the jobs to others, at the place that they have reached."""
        self._stopping.set()
        working = list(self._working)
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        try:
            await self._store.release_bulk_jobs(self._name)
        except Fault:
            log.warning("bulk jobs could not be given back; their leases will pass")

    async def _claim(self) -> BulkJob | None:
        try:
            return await self._store.claim_bulk_job(self._name, LEASE_SECONDS)
        except Fault:
            return None

    async def _pause(self, seconds: float) -> None:
        waits = [asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._stopping.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def _work(self, job: BulkJob) -> None:
        """Go on with a job to its end; without the store it is left to whoever claims it later."""
        log.info("bulk job goes on", extra={"job": str(job.id), "action": job.action})
        try:
            if job.total is None and job.cursor is None:
                await self._store.count_bulk_job(job, self._name, COUNTED_MAX)
            if job.pending and not await self._settle(job, job.pending, again=True):
                return
            going: BulkJob | None = job
            while going is not None:
                going = await self._batch(going)
        except Fault as fault:
            log.warning("bulk job %s waits: %s", job.id, fault)

    async def _batch(self, job: BulkJob) -> BulkJob | None:
        """Deal with the next executions; the job behind them, None when there is nothing more to do here."""
        begun = self._clock.monotonic()
        rows = await self._store.list_executions(executions_of(job), min(job.rate, BATCH_MAX))
        if not rows:
            await self._store.complete_bulk_job(job.id, self._name, self._clock.now_ms())
            return None
        ids = [row.id for row in rows]
        if not await self._store.take_bulk_executions(job.id, self._name, ids, ids[-1], LEASE_SECONDS):
            return None
        if not await self._settle(job, ids, again=False):
            return None
        await self._pause(max(0.0, len(ids) / job.rate - (self._clock.monotonic() - begun)))
        return None if self._stopping.is_set() else replace(job, cursor=ids[-1])

    async def _settle(self, job: BulkJob, ids: Sequence[UUID], *, again: bool) -> bool:
        """Deal with executions and count what came of it; False if the job is not ours any more.

        Args:
            job: what is to be done.
            ids: executions of the job, written as pending.
            again: a runner that is gone may have dealt with them.
        """
        gate = asyncio.Semaphore(COMMANDS_AT_ONCE)

        async def one(row: ListedExecution) -> _Outcome:
            if again and _was_done(job, row):
                return _DONE
            async with gate:
                return await self._deal_with(job, row)

        rows = await self._store.listed_executions(ids)
        outcomes = await asyncio.gather(*map(one, rows))
        failures = tuple(outcome for outcome in outcomes if isinstance(outcome, BulkFailure))
        gone = len(ids) - len(rows)  # dropped by retention in between
        results = BulkResults(outcomes.count(_DONE), outcomes.count(_SKIPPED) + gone, failures)
        return await self._store.settle_bulk_executions(job.id, self._name, results)

    async def _deal_with(self, job: BulkJob, row: ListedExecution) -> _Outcome:
        if row.status not in job.statuses:
            return _SKIPPED
        if job.action == "REDRIVE":
            reason = too_old_to_redrive(row.start_ms, row.stop_ms, self._clock.now_ms())
            if reason is not None:
                return BulkFailure(row.id, row.name, "ExecutionNotRedrivable", reason)
        if job.dry_run:
            return _DONE
        if job.action == "STOP":
            refusal = await self._told(row.id, "stop", pack(job.stop_error, job.stop_cause))
        else:
            refusal = await self._told(row.id, "redrive", pack(job.id.hex))
        return _DONE if refusal is None else BulkFailure(row.id, row.name, refusal.error, refusal.message)

    async def _told(self, execution_id: UUID, kind: str, body: bytes) -> Refusal | None:
        """Ask the owner, again while there is none: a scheduler may just have died."""
        for last in (False,) * (TRIES - 1) + (True,):
            try:
                return await self._ask(execution_id, kind, body)
            except Fault as fault:
                if last:
                    return Refusal("ServiceUnavailableException", str(fault))
            await self._clock.sleep(RETRY_SECONDS)
        raise AssertionError("unreachable")


def _was_done(job: BulkJob, row: ListedExecution) -> bool:
    """Whether the execution looks as the job wanted it to, since the job began."""
    since_ms = job.created_ms - _CLOCKS_APART_MS
    if job.dry_run:
        return False
    if job.action == "STOP":
        return row.status is Status.ABORTED and row.stop_ms is not None and row.stop_ms >= since_ms
    return row.redrive_ms is not None and row.redrive_ms >= since_ms
