"""Bulk jobs in Postgres: one runner at a time, counts that add up, failures that are listed."""

from __future__ import annotations

from dataclasses import replace

import asyncpg
import pytest

from engine.execution.execution import Status
from services.store.bulk_jobs import FAILURES_MAX, executions_of
from services.store.bulk_records import BulkFailure, BulkJob, BulkResults
from services.store.postgres import PostgresStore
from services.store.records import StateMachine
from tests.integration.store.samples import ACCOUNT, IDS, NOW_MS, REGION, execution, written_machine

pytestmark = pytest.mark.asyncio


def job(machine: StateMachine, **changes: object) -> BulkJob:
    """A job over the running executions of a machine."""
    values: dict[str, object] = {
        "id": IDS.execution_id(NOW_MS),
        "account": ACCOUNT,
        "region": REGION,
        "machine_id": machine.id,
        "machine_name": machine.name,
        "action": "STOP",
        "statuses": (Status.RUNNING,),
        "started_before_ms": NOW_MS + 1,
        "created_ms": NOW_MS,
        "rate": 10,
    }
    return BulkJob(**{**values, **changes})  # type: ignore[arg-type]


async def test_what_is_written_is_read(store: PostgresStore) -> None:
    machine = await written_machine(store)
    told = job(
        machine, name_prefix="a\x00", failed_with="E", started_from_ms=5, stop_error="x", stop_cause="y", dry_run=True
    )
    await store.create_bulk_job(told)
    assert await store.bulk_job(told.id) == replace(told, name_prefix="a\ufffd")
    assert await store.bulk_job(IDS.uuid()) is None


async def test_one_runner_holds_a_job_at_a_time(store: PostgresStore) -> None:
    machine = await written_machine(store)
    told = job(machine)
    await store.create_bulk_job(told)
    assert await store.claim_bulk_job("r1", 60) == told
    assert await store.claim_bulk_job("r2", 60) is None
    await store.release_bulk_jobs("r1")
    assert await store.claim_bulk_job("r2", 60) == told
    first = execution(machine)
    assert not await store.take_bulk_executions(told.id, "r1", [first.id], first.id, 60)
    assert await store.take_bulk_executions(told.id, "r2", [first.id], first.id, 60)
    assert not await store.settle_bulk_executions(told.id, "r1", BulkResults(1, 0, ()))
    assert not await store.complete_bulk_job(told.id, "r1", NOW_MS)


async def test_a_job_whose_lease_has_passed_is_claimed_with_what_was_in_hand(store: PostgresStore) -> None:
    machine = await written_machine(store)
    told = job(machine)
    await store.create_bulk_job(told)
    await store.claim_bulk_job("r1", 60)
    taken = [IDS.execution_id(NOW_MS) for _ in range(3)]
    await store.take_bulk_executions(told.id, "r1", taken, taken[-1], 0)
    found = await store.claim_bulk_job("r2", 60)
    assert found == replace(told, pending=tuple(taken), cursor=taken[-1])


async def test_counts_and_failures_add_up(store: PostgresStore) -> None:
    machine = await written_machine(store)
    told = job(machine)
    await store.create_bulk_job(told)
    await store.claim_bulk_job("r1", 60)
    failures = sorted(
        (BulkFailure(IDS.execution_id(NOW_MS), f"e-{n}", "E", "why") for n in range(3)), key=lambda it: it.execution_id
    )
    assert await store.settle_bulk_executions(told.id, "r1", BulkResults(5, 1, tuple(failures[:2])))
    assert await store.settle_bulk_executions(told.id, "r1", BulkResults(1, 0, tuple(failures[2:])))
    assert await store.complete_bulk_job(told.id, "r1", NOW_MS + 9)
    found = await store.bulk_job(told.id)
    assert found is not None
    assert (found.status, found.done, found.skipped, found.failed, found.ended_ms) == ("COMPLETED", 6, 1, 3, NOW_MS + 9)
    assert await store.bulk_failures(told.id, None, 2) == failures[:2]
    assert await store.bulk_failures(told.id, failures[1].execution_id, 2) == failures[2:]


async def test_failures_beyond_the_limit_are_counted_and_not_kept(store: PostgresStore) -> None:
    machine = await written_machine(store)
    told = job(machine)
    await store.create_bulk_job(told)
    await store.claim_bulk_job("r1", 60)
    many = tuple(BulkFailure(IDS.execution_id(NOW_MS), "e", "E", "") for _ in range(FAILURES_MAX))
    await store.settle_bulk_executions(told.id, "r1", BulkResults(0, 0, many))
    await store.settle_bulk_executions(told.id, "r1", BulkResults(0, 0, (many[0], many[1])))
    assert len(await store.bulk_failures(told.id, None, FAILURES_MAX + 10)) == FAILURES_MAX
    found = await store.bulk_job(told.id)
    assert found is not None
    assert found.failed == FAILURES_MAX + 2


async def test_a_cancelled_job_is_nobodys(store: PostgresStore) -> None:
    machine = await written_machine(store)
    told = job(machine)
    await store.create_bulk_job(told)
    await store.claim_bulk_job("r1", 60)
    assert await store.cancel_bulk_job(told.id, NOW_MS + 5)
    assert not await store.cancel_bulk_job(told.id, NOW_MS + 6)
    assert not await store.settle_bulk_executions(told.id, "r1", BulkResults(1, 0, ()))
    assert await store.claim_bulk_job("r2", 60) is None


async def test_lists_show_an_account_newest_first(store: PostgresStore) -> None:
    machine = await written_machine(store)
    jobs = [job(machine, id=IDS.execution_id(NOW_MS + number)) for number in range(3)]
    for told in [*jobs, job(machine, account="999999999999")]:
        await store.create_bulk_job(told)
    assert [it.id for it in await store.list_bulk_jobs(ACCOUNT, REGION, None, 2)] == [jobs[2].id, jobs[1].id]
    assert [it.id for it in await store.list_bulk_jobs(ACCOUNT, REGION, jobs[1].id, 2)] == [jobs[0].id]


@pytest.mark.parametrize(
    ("changes", "most", "total"),
    [
        pytest.param({}, 100, 5, id="all"),
        pytest.param({}, 4, None, id="too-many"),
        pytest.param({"name_prefix": "b-"}, 100, 2, id="by-name"),
        pytest.param({"started_from_ms": NOW_MS - 1}, 100, 3, id="by-start"),
        pytest.param({"statuses": (Status.FAILED,)}, 100, 0, id="by-status"),
    ],
)
async def test_a_job_knows_how_many_executions_it_is_about(
    store: PostgresStore, changes: dict[str, object], most: int, total: int | None
) -> None:
    machine = await written_machine(store)
    rows = [execution(machine, name=f"a-{number}", start_ms=NOW_MS) for number in range(3)]
    rows += [execution(machine, name=f"b-{number}", start_ms=NOW_MS - 10) for number in range(2)]
    rows += [execution(machine, name="later", start_ms=NOW_MS + 1)]
    await store.admit(rows)
    told = job(machine, **changes)
    await store.create_bulk_job(told)
    await store.claim_bulk_job("r1", 60)
    await store.count_bulk_job(told, "r1", most)
    found = await store.bulk_job(told.id)
    assert found is not None
    assert found.total == total
    if total is not None:
        assert len(await store.list_executions(executions_of(told), 100)) == total


async def test_purged_jobs_take_their_failures_with_them(store: PostgresStore, database_url: str) -> None:
    machine = await written_machine(store)
    told = job(machine)
    await store.create_bulk_job(told)
    await store.claim_bulk_job("r1", 60)
    await store.settle_bulk_executions(
        told.id, "r1", BulkResults(0, 0, (BulkFailure(IDS.execution_id(NOW_MS), "e", "E", ""),))
    )
    await store.complete_bulk_job(told.id, "r1", NOW_MS)
    await store.purge_bulk_jobs(NOW_MS)
    assert await store.bulk_job(told.id) is not None
    await store.purge_bulk_jobs(NOW_MS + 1)
    assert await store.bulk_job(told.id) is None
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SELECT count(*) FROM bulk_job_failures") == 0
    await connection.close()
