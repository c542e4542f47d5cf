"""Lists at size: what a table that has grown must not do to the plan of a list."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from services.runtime.clock import SystemClock
from services.runtime.ids import SystemIds
from services.store import executions, partitions
from services.store.connection import create_pool
from services.store.postgres import PostgresStore
from services.store.records import ExecutionFilter
from tests.integration.store.samples import NOW_MS, execution, written_machine

pytestmark = pytest.mark.asyncio

FILL = """
    INSERT INTO executions (id, machine_id, revision_id, start_ms, stop_ms, shard, status, name, input)
    SELECT
        (lpad(to_hex(ms), 12, '0') || '7' || substr(luck, 1, 3) || '8' || substr(luck, 4, 15))::uuid,
        $1, $1, ms, ms, 0, CASE WHEN i % 10 = 0 THEN 2 ELSE 1 END, 'e' || i, ''
    FROM (
        SELECT i, md5(i::text) AS luck, (extract(epoch FROM clock_timestamp()) * 1000)::bigint - i AS ms
        FROM generate_series(1, 20000) AS i
    ) AS new
"""


@pytest_asyncio.fixture
async def hot(store: PostgresStore, database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A hot connection to a database with some days of partitions."""
    pool = await create_pool(database_url, 1)
    async with pool.acquire() as connection:
        await partitions.prepare(connection, SystemClock().now_ms(), 5)
        yield connection
    await pool.close()


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every node of a plan."""
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


@pytest.mark.parametrize("statuses", ["{0,1,2,3,4,5}", "{2}", "{0}"], ids=["all", "some", "none"])
async def test_a_list_of_many_executions_looks_at_no_more_than_it_shows(hot: asyncpg.Connection, statuses: str) -> None:
    """Statistics must not talk the planner into walking over what has another status."""
    machine = SystemIds().uuid()
    await hot.execute(FILL, machine)
    await hot.execute("ANALYZE executions")
    await hot.execute(f"PREPARE listed AS {executions.LIST}")
    first, last = UUID(int=0), UUID(int=executions.ID_MAX)
    text = await hot.fetchval(
        f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE listed (ARRAY['{machine}']::uuid[], '{statuses}', '{first}', "
        f"'{last}', NULL, 101, NULL, NULL, NULL, NULL)"
    )
    scans = [node for node in nodes(json.loads(text)[0]["Plan"]) if node["Node Type"].startswith("Index")]
    assert sum(node.get("Rows Removed by Filter", 0) * node["Actual Loops"] for node in scans) == 0
    assert sum(node["Actual Rows"] * node["Actual Loops"] for node in scans) <= 2 * 102


async def test_the_newest_executions_of_many_machines_are_found_by_a_walk_from_the_newest(
    hot: asyncpg.Connection,
) -> None:
    machines = [SystemIds().uuid() for _ in range(100)]
    await hot.execute(FILL, machines[0])
    await hot.execute("ANALYZE executions")
    await hot.execute(f"PREPARE newest AS {executions.LIST_NEWEST}")
    first, last = UUID(int=0), UUID(int=executions.ID_MAX)
    listed = ", ".join(f"'{machine}'" for machine in machines)
    text = await hot.fetchval(
        f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE newest (ARRAY[{listed}]::uuid[], '{{0,1,2,3,4,5}}', '{first}', "
        f"'{last}', NULL, 101, NULL, NULL, NULL, NULL)"
    )
    plan = list(nodes(json.loads(text)[0]["Plan"]))
    assert not [node for node in plan if "Sort" in node["Node Type"]]
    scanned = sum(node["Actual Rows"] * node["Actual Loops"] for node in plan if "Index Name" in node)
    assert scanned <= 102


async def test_of_many_machines_the_same_is_listed_as_of_few(store: PostgresStore) -> None:
    machines = [await written_machine(store, f"m{number}") for number in range(executions.MANY_MACHINES + 1)]
    rows = [execution(one, start_ms=NOW_MS + number) for number, one in enumerate(machines * 3)]
    await store.admit(rows)
    wanted = ExecutionFilter(machine_ids=tuple(one.id for one in machines), started_from_ms=NOW_MS + 5)
    found = await store.list_executions(wanted, 30)
    newest = sorted((row for row in rows if row.start_ms >= NOW_MS + 5), key=lambda row: row.id, reverse=True)
    assert [row.id for row in found] == [row.id for row in newest][:30]
    assert await store.list_executions(replace(wanted, before=found[9].id), 20) == found[10:]
