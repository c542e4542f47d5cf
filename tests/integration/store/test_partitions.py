"""Partitions by start day: made ahead, dropped whole, survivors kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from engine.execution.execution import Status
from services.runtime.clock import Clock
from services.store import partitions
from services.store.postgres import PostgresStore, open_store
from services.store.records import Batch, ExecutionFilter, NewExecution
from tests.integration.store.samples import (
    ACCOUNT,
    NOW_MS,
    REGION,
    StandingClock,
    all_shards,
    end,
    execution,
    page,
    written_machine,
)

pytestmark = pytest.mark.asyncio

DAY_MS = partitions.DAY_MS
PLACE = "SELECT tableoid::regclass::text FROM {table} WHERE {column} = $1"


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest_asyncio.fixture
async def old_store(database_url: str, clock: Clock) -> AsyncIterator[PostgresStore]:
    """A store whose today is the day of `NOW_MS`."""
    opened = await open_store(database_url, clock)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


async def ran(store: PostgresStore, news: list[NewExecution], stop_ms: int | None) -> None:
    """Admit them with a page each; ended at that time, or still running."""
    assert await store.admit(news) == [None] * len(news)
    tenures = await all_shards(store)
    batch = Batch(list(tenures.values()), pages=[(new.shard, new.id, page(1)) for new in news])
    if stop_ms is not None:
        batch.changes = [(new.shard, end(new.id, stop_ms=stop_ms)) for new in news]
    assert len((await store.commit(batch, 0)).shards) == store.shards


async def place_of(connection: asyncpg.Connection, new: NewExecution) -> tuple[str, str]:
    row = await connection.fetchval(PLACE.format(table="executions", column="id"), new.id)
    history = await connection.fetchval(PLACE.format(table="history", column="execution_id"), new.id)
    return row, history


async def test_an_execution_lies_with_its_history_in_the_day_of_its_start(
    old_store: PostgresStore, connection: asyncpg.Connection
) -> None:
    of = await written_machine(old_store)
    midnight = NOW_MS - NOW_MS % DAY_MS
    first, last = execution(of, start_ms=midnight), execution(of, start_ms=midnight + DAY_MS - 1)
    await ran(old_store, [first, last], NOW_MS)
    expected = ("executions_2025_11_20", "history_2025_11_20")
    assert [await place_of(connection, new) for new in (first, last)] == [expected, expected]


async def test_without_a_partition_the_default_one_takes_it_and_everything_works(
    old_store: PostgresStore, connection: asyncpg.Connection
) -> None:
    of = await written_machine(old_store)
    far = execution(of, start_ms=NOW_MS + 40 * DAY_MS)
    await ran(old_store, [far], NOW_MS + 41 * DAY_MS)
    assert await place_of(connection, far) == ("executions_default", "history_default")
    assert [one.id for one in await old_store.list_executions(ExecutionFilter(machine_ids=(of.id,)), 10)] == [far.id]
    assert len((await old_store.load([far.id]))[0].pages) == 1


async def test_days_are_made_once_and_ahead(old_store: PostgresStore, connection: asyncpg.Connection) -> None:
    assert await partitions.prepare(connection, NOW_MS) == 0
    assert await partitions.prepare(connection, NOW_MS + DAY_MS) == 1
    assert await partitions.prepare(connection, NOW_MS, ahead=6) == 2


async def test_two_that_make_the_same_days_do_not_disturb_each_other(database_url: str) -> None:
    both = [await asyncpg.connect(database_url) for _ in range(2)]
    made = await asyncio.gather(*(partitions.prepare(one, NOW_MS, ahead=5) for one in both))
    assert sum(made) == 6
    for one in both:
        await one.close()


async def test_a_day_that_the_default_partition_holds_rows_of_is_left_to_it(
    old_store: PostgresStore, connection: asyncpg.Connection
) -> None:
    of = await written_machine(old_store)
    await ran(old_store, [execution(of, start_ms=NOW_MS + 10 * DAY_MS)], None)
    assert await partitions.prepare(connection, NOW_MS + 10 * DAY_MS, ahead=0) == 0


async def test_retention_drops_a_day_with_its_names_and_history(
    old_store: PostgresStore, clock: StandingClock, connection: asyncpg.Connection
) -> None:
    of = await written_machine(old_store)
    old = [execution(of, name=f"n{number}") for number in range(3)]
    young = execution(of, start_ms=NOW_MS + DAY_MS)
    await ran(old_store, [*old, young], NOW_MS + DAY_MS)
    clock.ms = NOW_MS + 91 * DAY_MS + 1
    await old_store.maintain(90)
    assert await connection.fetchval("SELECT to_regclass('executions_2025_11_20')") is None
    assert await connection.fetchval("SELECT to_regclass('history_2025_11_20')") is None
    assert await old_store.execution_by_name(ACCOUNT, REGION, "Order", "n0") is None
    assert [row[0] for row in await connection.fetch("SELECT name FROM execution_names")] == [young.name]
    assert await old_store.admit([execution(of, name="n0", start_ms=clock.ms)]) == [None]


async def test_a_day_is_kept_until_its_last_moment_is_old_enough(
    old_store: PostgresStore, clock: StandingClock, connection: asyncpg.Connection
) -> None:
    of = await written_machine(old_store)
    await ran(old_store, [execution(of)], NOW_MS + 1)
    end_of_day = NOW_MS - NOW_MS % DAY_MS + DAY_MS
    clock.ms = end_of_day + 90 * DAY_MS - 1
    await old_store.maintain(90)
    assert await connection.fetchval("SELECT count(*) FROM executions_2025_11_20") == 1
    clock.ms += 1
    await old_store.maintain(90)
    assert await connection.fetchval("SELECT to_regclass('executions_2025_11_20')") is None


async def test_what_still_runs_or_ended_late_outlives_its_day(
    old_store: PostgresStore, clock: StandingClock, connection: asyncpg.Connection
) -> None:
    of = await written_machine(old_store)
    gone, late, running = (execution(of, name=name) for name in ("gone", "late", "running"))
    await ran(old_store, [gone], NOW_MS + 1)
    await ran(old_store, [late], NOW_MS + 50 * DAY_MS)
    await ran(old_store, [running], None)
    clock.ms = NOW_MS + 100 * DAY_MS
    await old_store.maintain(90)
    assert await connection.fetchval("SELECT to_regclass('executions_2025_11_20')") is None
    loaded = {one.row.name: len(one.pages) for one in await old_store.load([gone.id, late.id, running.id])}
    assert loaded == {"late": 1, "running": 1}
    assert await old_store.due(range(16), clock.ms, 10) == [running.id]
    tenures = await all_shards(old_store)
    batch = Batch([tenures[running.shard]], pages=[(running.shard, running.id, page(2))])
    batch.changes = [(running.shard, end(running.id, Status.FAILED, clock.ms))]
    assert (await old_store.commit(batch, 0)).shards == {running.shard}
    clock.ms = NOW_MS + 150 * DAY_MS
    await old_store.maintain(90)
    assert [one.row.name for one in await old_store.load([late.id, running.id])] == ["running"]
    clock.ms = NOW_MS + 200 * DAY_MS
    await old_store.maintain(90)
    assert await connection.fetch("SELECT FROM executions") == []
    assert await connection.fetch("SELECT FROM history") == []
    assert await connection.fetch("SELECT FROM execution_names") == []


async def test_two_that_drop_the_same_days_do_not_disturb_each_other(
    old_store: PostgresStore, clock: StandingClock, connection: asyncpg.Connection
) -> None:
    of = await written_machine(old_store)
    news = [execution(of, start_ms=NOW_MS + day * DAY_MS) for day in range(3)]
    await ran(old_store, news, NOW_MS + 3 * DAY_MS)
    clock.ms = NOW_MS + 100 * DAY_MS
    await asyncio.gather(*(old_store.maintain(90) for _ in range(3)))
    await old_store.maintain(90)
    assert await connection.fetch("SELECT FROM executions") == []
    assert await connection.fetch("SELECT FROM execution_names") == []


async def test_a_deleted_machine_is_forgotten_with_its_last_execution(
    old_store: PostgresStore, clock: StandingClock
) -> None:
    of = await written_machine(old_store)
    await ran(old_store, [execution(of)], NOW_MS)
    await old_store.delete_machine(of.id, NOW_MS)
    clock.ms = NOW_MS + 2 * DAY_MS
    await old_store.maintain(90)
    found = await old_store.machine_by_id(of.id)
    assert found is not None
    assert found.status == "DELETED"
    clock.ms = NOW_MS + 95 * DAY_MS
    await old_store.maintain(90)
    assert await old_store.machine_by_id(of.id) is None
    with pytest.raises(KeyError):
        await old_store.revision(of.revision.id)


async def test_a_day_that_somebody_reads_for_long_waits_for_the_next_round(
    old_store: PostgresStore, clock: StandingClock, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "PATIENCE", "SET LOCAL lock_timeout = '20ms'")
    of = await written_machine(old_store)
    await ran(old_store, [execution(of)], NOW_MS)
    clock.ms = NOW_MS + 100 * DAY_MS
    async with connection.transaction():
        await connection.fetch("SELECT FROM executions_2025_11_20")
        await old_store.maintain(90)
    assert await connection.fetchval("SELECT to_regclass('executions_2025_11_20')") is not None
    await old_store.maintain(90)
    assert await connection.fetchval("SELECT to_regclass('executions_2025_11_20')") is None
