"""Bulk jobs count every execution once and keep their rate, whoever dies or loses the job on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest

from engine.execution.execution import Status
from services.runtime.faults import StoreUnavailable
from services.scheduler.bulk_jobs import TRIES, BulkJobs, Refusal
from services.store.bulk_records import BulkFailure, BulkJob, BulkResults
from services.store.records import ExecutionFilter, ListedExecution
from tests.fixtures.virtual_loop import EPOCH_MS, VirtualClock, run_virtually

MACHINE = UUID(int=7)
JOB = BulkJob(
    id=UUID(int=1),
    account="000000000000",
    region="us-east-1",
    machine_id=MACHINE,
    machine_name="m",
    action="STOP",
    statuses=(Status.RUNNING,),
    started_before_ms=EPOCH_MS + 1,
    created_ms=EPOCH_MS,
    rate=100,
)


class Store:
    """One job, some executions; `held` says whether the runner still has the job."""

    def __init__(self, job: BulkJob, rows: Sequence[ListedExecution]) -> None:
        self.job = job
        self.rows = {row.id: row for row in rows}
        self.held = True
        self.claimed = False
        self.failures: list[BulkFailure] = []
        self.down = False

    async def claim_bulk_job(self, runner: str, lease_seconds: float) -> BulkJob | None:
        if self.claimed or self.job.status != "RUNNING":
            return None
        self.claimed = True
        return self.job

    async def count_bulk_job(self, job: BulkJob, runner: str, most: int) -> None:
        self.job = replace(self.job, total=len(self.rows))

    async def list_executions(self, wanted: ExecutionFilter, limit: int) -> list[ListedExecution]:
        if self.down:
            raise StoreUnavailable("down")
        before = wanted.before.int if wanted.before is not None else 1 << 128
        found = [row for row in self.rows.values() if row.status in wanted.statuses and row.id.int < before]
        return sorted(found, key=lambda row: row.id, reverse=True)[:limit]

    async def listed_executions(self, ids: Sequence[UUID]) -> list[ListedExecution]:
        return [self.rows[one] for one in ids if one in self.rows]

    async def take_bulk_executions(
        self, job_id: UUID, runner: str, pending: Sequence[UUID], cursor: UUID, lease_seconds: float
    ) -> bool:
        if self.held:
            self.job = replace(self.job, pending=tuple(pending), cursor=cursor)
        return self.held

    async def settle_bulk_executions(self, job_id: UUID, runner: str, results: BulkResults) -> bool:
        if self.held:
            self.failures += results.failures
            self.job = replace(
                self.job,
                pending=(),
                done=self.job.done + results.done,
                skipped=self.job.skipped + results.skipped,
                failed=self.job.failed + len(results.failures),
            )
        return self.held

    async def complete_bulk_job(self, job_id: UUID, runner: str, now_ms: int) -> bool:
        self.job = replace(self.job, status="COMPLETED", ended_ms=now_ms)
        return True

    async def release_bulk_jobs(self, runner: str) -> None:
        self.claimed = False


class Owner:
    """Carries commands out on the store's rows; `answers` are raised or returned first, one per command."""

    def __init__(self, store: Store, clock: VirtualClock, answers: Sequence[Exception | Refusal] = ()) -> None:
        self.store = store
        self.clock = clock
        self.answers = list(answers)
        self.asked: list[tuple[float, UUID, str]] = []

    async def ask(self, execution_id: UUID, kind: str, body: bytes) -> Refusal | None:
        self.asked.append((self.clock.monotonic(), execution_id, kind))
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        row = self.store.rows[execution_id]
        now_ms = self.store.job.created_ms + 1
        if kind == "stop":
            row = replace(row, status=Status.ABORTED, stop_ms=now_ms)
        else:
            row = replace(row, status=Status.RUNNING, redrive_ms=now_ms, redrive_count=row.redrive_count + 1)
        self.store.rows[execution_id] = row
        return None


def row(number: int, status: Status = Status.RUNNING, **more: int) -> ListedExecution:
    return ListedExecution(
        id=UUID(int=number), machine_id=MACHINE, name=f"e-{number}", status=status, start_ms=EPOCH_MS - 500, **more
    )


def work(store: Store, answers: Sequence[Exception | Refusal] = (), seconds: float = 60.0) -> Owner:
    """Run a runner for some seconds of virtual time."""

    async def run() -> Owner:
        clock = VirtualClock()
        owner = Owner(store, clock, answers)
        jobs = BulkJobs(store, owner.ask, clock, "r1")
        running = asyncio.create_task(jobs.run())
        await clock.sleep(seconds)
        await jobs.stop()
        await running
        return owner

    return run_virtually(run())


def test_a_job_stops_every_execution_once() -> None:
    store = Store(JOB, [row(number) for number in range(1, 251)])
    owner = work(store)
    assert (store.job.status, store.job.total, store.job.done, store.job.failed) == ("COMPLETED", 250, 250, 0)
    assert sorted(asked[1].int for asked in owner.asked) == list(range(1, 251))


def test_a_job_keeps_its_rate() -> None:
    store = Store(replace(JOB, rate=5), [row(number) for number in range(1, 31)])
    moments = [asked[0] for asked in work(store).asked]
    assert max(moments) - min(moments) >= 5.0
    assert all(sum(begin <= moment < begin + 1.0 for moment in moments) <= 5 for begin in moments)


def test_a_dry_run_counts_and_does_nothing() -> None:
    store = Store(replace(JOB, dry_run=True), [row(1), row(2)])
    assert work(store).asked == []
    assert (store.job.status, store.job.done) == ("COMPLETED", 2)


def test_what_a_dead_runner_had_in_hand_is_counted_and_not_done_twice() -> None:
    stopped = row(3, Status.ABORTED, stop_ms=JOB.created_ms + 5)
    ended = row(2, Status.SUCCEEDED, stop_ms=JOB.created_ms + 5)
    pending = (UUID(int=4), UUID(int=3), UUID(int=2))
    store = Store(replace(JOB, cursor=UUID(int=2), pending=pending), [row(4), stopped, ended, row(1)])
    owner = work(store)
    assert sorted(asked[1].int for asked in owner.asked) == [1, 4]
    assert (store.job.done, store.job.skipped) == (3, 1)


def test_an_execution_that_failed_again_after_its_redrive_is_not_redriven_twice() -> None:
    job = replace(JOB, action="REDRIVE", statuses=(Status.FAILED,), cursor=UUID(int=1), pending=(UUID(int=1),))
    again = row(1, Status.FAILED, stop_ms=JOB.created_ms + 9, redrive_ms=JOB.created_ms + 5)
    store = Store(job, [again])
    assert work(store).asked == []
    assert store.job.done == 1


def test_a_refusal_is_listed_with_its_reason() -> None:
    job = replace(JOB, action="REDRIVE", statuses=(Status.FAILED,))
    store = Store(job, [row(1, Status.FAILED, stop_ms=EPOCH_MS - 400)])
    work(store, [Refusal("ExecutionNotRedrivable", "Execution history event limit exceeded")])
    assert store.failures == [
        BulkFailure(UUID(int=1), "e-1", "ExecutionNotRedrivable", "Execution history event limit exceeded")
    ]


def test_an_execution_too_old_to_redrive_is_listed_without_asking() -> None:
    job = replace(JOB, action="REDRIVE", statuses=(Status.FAILED,))
    store = Store(job, [row(1, Status.FAILED, stop_ms=EPOCH_MS - 15 * 24 * 3_600_000)])
    assert work(store).asked == []
    assert [failure.message for failure in store.failures] == ["Execution redrivable period exceeded"]


@pytest.mark.parametrize(("silences", "done", "failed"), [(TRIES - 1, 1, 0), (TRIES, 0, 1)])
def test_an_owner_that_is_silent_is_asked_again(silences: int, done: int, failed: int) -> None:
    store = Store(JOB, [row(1)])
    work(store, [StoreUnavailable("nobody answers")] * silences)
    assert (store.job.status, store.job.done, store.job.failed) == ("COMPLETED", done, failed)


def test_a_runner_that_lost_the_job_does_nothing_more() -> None:
    store = Store(JOB, [row(1)])
    store.held = False
    assert work(store).asked == []
    assert (store.job.status, store.job.done) == ("RUNNING", 0)


def test_without_the_store_a_job_waits() -> None:
    store = Store(JOB, [row(1)])
    store.down = True
    work(store)
    assert store.job.status == "RUNNING"


def test_a_runner_that_stops_gives_its_jobs_back() -> None:
    store = Store(replace(JOB, rate=1), [row(number) for number in range(1, 101)])
    work(store, seconds=10.0)
    assert not store.claimed
    assert 0 < store.job.done < 100
