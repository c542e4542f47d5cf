"""The plan of every hot statement, as the hot connections make it: by index, never by a scan of a table that grows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from services.runtime.clock import SystemClock
from services.store import executions, group_commit, history, inbox, map_runs, partitions, shards
from services.store.connection import create_pool
from tests.fixtures.postgres import Databases

pytestmark = pytest.mark.asyncio

GROWING = ("executions", "execution_names", "history", "inbox", "state_machines", "revisions")
DAYS = 5
ROWS = 6_000

# Half of the machines have many executions; an id's first 48 bits are its Unix milliseconds.
FILL = """
    CREATE TEMPORARY TABLE made AS
        SELECT n, ('00000000-0000-4000-8000-' || lpad(to_hex(n % 40), 12, '0'))::uuid AS machine_id, (
            lpad(to_hex({now_ms} + n * 86400::bigint), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8'
            || lpad(to_hex(n), 15, '0')
        )::uuid AS id
        FROM generate_series(1, {rows}) AS n;
    INSERT INTO state_machines (id, account, region, name, type, status, revision_id, created_ms)
        SELECT DISTINCT machine_id, 'a', 'r', 'm' || machine_id, 'STANDARD', 'ACTIVE', machine_id, 0 FROM made;
    INSERT INTO revisions (id, machine_id, number, definition, role_arn, created_ms)
        SELECT DISTINCT machine_id, machine_id, 1, '{{}}', 'role', 0 FROM made;
    INSERT INTO execution_names SELECT machine_id, 'n' || n, id FROM made;
    INSERT INTO executions (id, machine_id, revision_id, start_ms, wake_at_ms, shard, status, name, input)
        SELECT id, machine_id, machine_id, 0, n, n % 128, n % 5, 'n' || n, '' FROM made;
    INSERT INTO history SELECT id, 1, 1, 5, true, '', '' FROM made;
    INSERT INTO inbox (shard, body) SELECT n % 128, '' FROM made;
"""
FILLED = """
    SELECT relname::text FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0
"""

ADMIT = "ARRAY[]::uuid[], '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'"
EVERY_DAY = f"'{UUID(int=0)}', '{UUID(int=executions.ID_MAX)}'"
CHILDREN = f"gen_random_uuid(), '{UUID(int=0)}'"
COMMIT = ", ".join(["'{}'"] * 3 + ["10.0"] + ["'{}'"] * 18 + [EVERY_DAY] + ["'{}'"] * 8)
LISTED = f"ARRAY[gen_random_uuid()], '{{0,1}}', {EVERY_DAY}, NULL, 100, NULL, NULL, 'a', 'b'"

STATEMENTS = [
    pytest.param(group_commit.COMMIT, COMMIT, {"executions_pkey", "inbox_pkey", "shards_pkey"}, id="commit"),
    pytest.param(executions.ADMIT, ADMIT, set(), id="admit"),
    pytest.param(executions.BY_ID, "ARRAY[gen_random_uuid()]", {"executions_pkey"}, id="load-rows"),
    pytest.param(executions.BY_MACHINE_AND_NAME, "'{}', '{}'", {"execution_names_pkey"}, id="names-lost"),
    pytest.param(
        executions.BY_NAME, "'a', 'r', 'm', 'n', ''", {"execution_names_pkey", "state_machines_name"}, id="by-name"
    ),
    pytest.param(executions.DUE, "'{1,2}', 0, 9, 10", {"executions_due"}, id="due"),
    pytest.param(executions.LIST, LISTED, {"executions_list"}, id="list"),
    pytest.param(executions.LIST_BY_PREFIX, LISTED, {"execution_names_pkey", "executions_pkey"}, id="list-prefix"),
    pytest.param(executions.COUNT_PREFIX, "'{}', 'a', 'b', 10", {"execution_names_pkey"}, id="count-prefix"),
    pytest.param(history.SINCE_CHECKPOINT, "ARRAY[gen_random_uuid()]", {"history_pkey"}, id="load-pages"),
    pytest.param(history.FORWARDS, "gen_random_uuid(), 1, 100", {"history_pkey"}, id="events"),
    pytest.param(history.BACKWARDS, "gen_random_uuid(), 1, 100", {"history_pkey"}, id="events-reversed"),
    pytest.param(history.LAST_EVENT, "gen_random_uuid()", {"history_pkey"}, id="last-event"),
    pytest.param(history.BETWEEN, "gen_random_uuid(), 1, 2", {"history_pkey"}, id="pages"),
    pytest.param(inbox.READ, "'{1,2}', 10", {"inbox_pkey"}, id="inbox"),
    pytest.param(map_runs.COUNTS, f"{CHILDREN}, 1", {"executions_children"}, id="map-run-counts"),
    pytest.param(map_runs.OPEN_CHILDREN, f"{CHILDREN}, 10", {"executions_children"}, id="map-run-open"),
    pytest.param(map_runs.PENDING_REDRIVE, f"{CHILDREN}, 1, 10", {"executions_children"}, id="map-run-pending"),
    pytest.param(
        map_runs.NOT_REDRIVABLE, f"{CHILDREN}, 1, 1, 24999", {"executions_children", "history_pkey"}, id="map-run-lost"
    ),
    pytest.param(map_runs.INPUTS, "gen_random_uuid(), 7", {"map_run_inputs_pkey"}, id="map-run-inputs"),
    pytest.param(map_runs.CHILDREN, f"{CHILDREN}, -1, 10", {"executions_children"}, id="map-run-children"),
    pytest.param(shards.RELEASE, "'{}', '{}', '{}'", {"shards_pkey"}, id="release"),
]


@pytest.fixture(scope="module", params=["empty", "filled"])
def days_url(request: pytest.FixtureRequest, postgres_server: Databases) -> Iterator[str]:
    """A database with some days of partitions: as new, and as it is once its statistics are known."""
    url = asyncio.run(postgres_server.create())
    asyncio.run(make_days(url, filled=request.param == "filled"))
    yield url
    asyncio.run(postgres_server.drop(url))


async def make_days(url: str, filled: bool) -> None:
    """Make partitions; fill them and let Postgres look at them, as autovacuum does: not at those that are empty."""
    connection = await asyncpg.connect(url)
    now_ms = SystemClock().now_ms()
    await partitions.prepare(connection, now_ms, DAYS)
    if filled:
        await connection.execute(FILL.format(now_ms=now_ms, rows=ROWS))
        for (table,) in await connection.fetch(FILLED):
            await connection.execute(f"VACUUM (ANALYZE) {table}")
    await connection.close()


@pytest_asyncio.fixture
async def hot(days_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A hot connection to it."""
    pool = await create_pool(days_url, 1)
    async with pool.acquire() as connection:
        yield connection
    await pool.close()


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every node of a plan."""
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


async def explain(connection: asyncpg.Connection, statement: str, arguments: str) -> list[dict[str, Any]]:
    await connection.execute(f"PREPARE looked_at AS {statement}")
    text = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE looked_at ({arguments})")
    return list(nodes(json.loads(text)[0]["Plan"]))


@pytest.mark.parametrize(("statement", "arguments", "indexes"), STATEMENTS)
async def test_no_hot_statement_scans_a_table_that_grows(
    hot: asyncpg.Connection, statement: str, arguments: str, indexes: set[str]
) -> None:
    plan = await explain(hot, statement, arguments)
    scanned = [node["Relation Name"] for node in plan if node["Node Type"] in ("Seq Scan", "Bitmap Heap Scan")]
    # A default partition stays empty, so Postgres, which has never looked at it, may guess what it likes.
    assert [name for name in scanned if name.startswith(GROWING) and not name.endswith("_default")] == []
    used = {node["Index Name"] for node in plan if "Index Name" in node}
    for index in indexes:
        table, _, kind = index.rpartition("_")
        assert any(name == index or (name.startswith(table) and _same_index(name, kind)) for name in used), used


def _same_index(name: str, kind: str) -> bool:
    """Whether a partition's index, whose name Postgres made of its columns, is that one of the parent's."""
    columns = {
        "due": "_shard_wake_at_ms_idx",
        "list": "_machine_id_status_id_idx",
        "children": "_map_run_id_map_index_idx",
        "pkey": "_pkey",
    }
    return name.endswith(columns.get(kind, kind))


async def test_a_list_reads_its_partitions_in_order_and_sorts_only_what_it_answers(hot: asyncpg.Connection) -> None:
    plan = await explain(hot, executions.LIST, LISTED)
    sorts = [node for node in plan if "Sort" in node["Node Type"]]
    assert len(sorts) <= 1
