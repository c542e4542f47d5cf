"""The plan of every hot statement, as the hot connections make it: by index, never by a scan of a table that grows."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from services.runtime.clock import SystemClock
from services.store import executions, group_commit, history, inbox, partitions, shards
from services.store.connection import create_pool
from services.store.postgres import PostgresStore

pytestmark = pytest.mark.asyncio

GROWING = ("executions", "execution_names", "history", "inbox", "state_machines", "revisions")
DAYS = 5

ADMIT = "ARRAY[]::uuid[], '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'"
COMMIT = ", ".join(["'{}'"] * 3 + ["10.0"] + ["'{}'"] * 18 + ["gen_random_uuid()"] * 2 + ["'{}'"] * 5)
LISTED = "ARRAY[gen_random_uuid()], '{0,1}', gen_random_uuid(), gen_random_uuid(), NULL, 100, NULL, NULL, 'a', 'b'"

STATEMENTS = [
    pytest.param(group_commit.COMMIT, COMMIT, {"executions_pkey", "inbox_pkey", "shards_pkey"}, id="commit"),
    pytest.param(executions.ADMIT, ADMIT, set(), id="admit"),
    pytest.param(executions.BY_ID, "ARRAY[gen_random_uuid()]", {"executions_pkey"}, id="load-rows"),
    pytest.param(executions.BY_MACHINE_AND_NAME, "'{}', '{}'", {"execution_names_pkey"}, id="names-lost"),
    pytest.param(
        executions.BY_NAME, "'a', 'r', 'm', 'n'", {"execution_names_pkey", "state_machines_name"}, id="by-name"
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
    pytest.param(shards.RELEASE, "'{}', '{}', '{}'", {"shards_pkey"}, id="release"),
]


@pytest_asyncio.fixture
async def hot(store: PostgresStore, database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A hot connection to a database with some days of partitions."""
    pool = await create_pool(database_url, 1)
    async with pool.acquire() as connection:
        await partitions.prepare(connection, SystemClock().now_ms(), DAYS)
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
    assert [name for name in scanned if name.startswith(GROWING)] == []
    used = {node["Index Name"] for node in plan if "Index Name" in node}
    for index in indexes:
        table, _, kind = index.rpartition("_")
        assert any(name == index or (name.startswith(table) and _same_index(name, kind)) for name in used), used


def _same_index(name: str, kind: str) -> bool:
    """Whether a partition's index, whose name Postgres made of its columns, is that one of the parent's."""
    columns = {"due": "_shard_wake_at_ms_idx", "list": "_machine_id_status_id_idx", "pkey": "_pkey"}
    return name.endswith(columns.get(kind, kind))


async def test_a_list_reads_its_partitions_in_order_and_sorts_only_what_it_answers(hot: asyncpg.Connection) -> None:
    plan = await explain(hot, executions.LIST, LISTED)
    sorts = [node for node in plan if "Sort" in node["Node Type"]]
    assert len(sorts) <= 1
