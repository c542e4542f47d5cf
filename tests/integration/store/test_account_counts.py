"""Counts of what an account has: running executions only, living machines only, and of nobody else."""

from __future__ import annotations

import asyncpg
import pytest

from services.store import account_counts
from services.store.postgres import PostgresStore
from services.store.records import Activity
from tests.integration.store.samples import ACCOUNT, IDS, NOW_MS, REGION, end, execution, machine, written_machine
from tests.integration.store.test_status_changes import commit

pytestmark = pytest.mark.asyncio


async def test_only_what_runs_is_open(store: PostgresStore) -> None:
    one, other = await written_machine(store, "one"), await written_machine(store, "other")
    news = [execution(one), execution(one), execution(other)]
    await store.admit(news)
    foreign = machine(account="999999999999")
    await store.create_machine(foreign, {})
    await store.admit([execution(foreign)])
    assert await store.count_open_executions(ACCOUNT, REGION, 100) == 3
    assert await store.count_open_executions(ACCOUNT, REGION, 2) == 2
    await commit(store, news[0].shard, end(news[0].id))
    assert await store.count_open_executions(ACCOUNT, REGION, 100) == 2
    assert await store.count_open_executions(ACCOUNT, "eu-west-9", 100) == 0


async def test_only_living_machines_count(store: PostgresStore) -> None:
    for name in ("a", "b", "c"):
        await written_machine(store, name)
    gone = await written_machine(store, "gone")
    await store.delete_machine(gone.id, NOW_MS)
    assert await store.count_machines(ACCOUNT, REGION, 100) == 4
    await store.finish_deletions(NOW_MS + 1)
    assert await store.count_machines(ACCOUNT, REGION, 100) == 3
    assert await store.count_machines(ACCOUNT, REGION, 2) == 2


async def test_activities_count(store: PostgresStore) -> None:
    for name in ("a", "b"):
        await store.create_activity(
            Activity(id=IDS.uuid(), account=ACCOUNT, region=REGION, name=name, created_ms=NOW_MS), {}
        )
    assert await store.count_activities(ACCOUNT, REGION, 100) == 2
    assert await store.count_activities("999999999999", REGION, 100) == 0


async def test_counting_reads_indexes_alone(database_url: str, store: PostgresStore) -> None:
    new = execution(await written_machine(store))
    await store.admit([new])
    connection = await asyncpg.connect(database_url)
    await connection.execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
    for statement, index in (
        (account_counts.OPEN_EXECUTIONS, "machine_id_status_id"),
        (account_counts.MACHINES, "state_machines_living_name"),
        (account_counts.ACTIVITIES, "activities_account_region_name"),
    ):
        await connection.execute(f"PREPARE counted AS {statement}")
        more = f", 0, '{new.id}'" if statement is account_counts.OPEN_EXECUTIONS else ""
        rows = await connection.fetch(f"EXPLAIN EXECUTE counted('{ACCOUNT}', '{REGION}', 10{more})")
        plan = "\n".join(row[0] for row in rows)
        assert index in plan and "Seq Scan" not in plan, plan
        await connection.execute("DEALLOCATE counted")
    await connection.close()
