"""Lists at size: what a table that has grown must not do to the plan of a list."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
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
