"""Changes of status that are to be announced: noted with the change itself, taken by one process at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest
import pytest_asyncio

from engine.execution.execution import Status
from services.store import partitions, status_changes
from services.store.postgres import PostgresStore, open_store
from services.store.records import Batch, ExecutionChange
from services.store.status_changes import StatusChange
from tests.integration.store.samples import NOW_MS, StandingClock, all_shards, end, execution, page, written_machine

pytestmark = pytest.mark.asyncio
DAY_MS = partitions.DAY_MS


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest_asyncio.fixture
async def noting(database_url: str, clock: StandingClock) -> AsyncIterator[PostgresStore]:
    """A store that keeps changes of status for whoever announces them."""
    opened = await open_store(database_url, clock, note_status_changes=True)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


async def commit(store: PostgresStore, shard: int, change: ExecutionChange, number: int = 1) -> None:
    tenures = await all_shards(store)
    batch = Batch(list(tenures.values()), pages=[(shard, change.id, page(number))], changes=[(shard, change)])
    assert len((await store.commit(batch, 0)).shards) == store.shards


def seen(changes: list[StatusChange]) -> list[tuple[str, int | None, int]]:
    return [(change.status.name, change.stop_ms, change.redrive_count) for change in changes]


async def test_the_start_a_failure_a_redrive_and_the_end_are_noted_as_they_were(noting: PostgresStore) -> None:
    new = execution(await written_machine(noting))
    await noting.admit([new])
    failed = replace(end(new.id, stop_ms=NOW_MS + 1), status=Status.FAILED, output=None, error="E", cause="why")
    again = replace(
        failed, status=Status.RUNNING, stop_ms=None, error=None, cause=None, wake_at_ms=NOW_MS, redrive_count=1,
        redrive_ms=NOW_MS + 2,
    )  # fmt: skip
    parked = replace(again, wake_at_ms=NOW_MS + 1_000_000)
    ended = replace(end(new.id, stop_ms=NOW_MS + 3), redrive_count=1, redrive_ms=NOW_MS + 2)
    for number, change in enumerate((failed, again, parked, ended), 1):
        await commit(noting, new.shard, change, number)
    changes = await noting.claim_status_changes(10)
    assert seen(changes) == [
        ("RUNNING", None, 0),
        ("FAILED", NOW_MS + 1, 0),
        ("RUNNING", None, 1),
        ("SUCCEEDED", NOW_MS + 3, 1),
    ]
    assert (changes[1].error, changes[1].cause) == ("E", "why")
    assert {change.execution.name for change in changes if change.execution} == {new.name}
    assert changes[3].execution is not None and changes[3].execution.output == ended.output


async def test_a_redrive_that_fails_in_the_same_turn_is_two_changes(noting: PostgresStore) -> None:
    new = execution(await written_machine(noting))
    await noting.admit([new])
    failed = end(new.id, Status.FAILED, NOW_MS + 1, error="E")
    again = replace(failed, stop_ms=NOW_MS + 3, redrive_count=1, redrive_ms=NOW_MS + 2)
    for number, change in enumerate((failed, again), 1):
        await commit(noting, new.shard, change, number)
    changes = await noting.claim_status_changes(10)
    assert seen(changes)[2:] == [("RUNNING", None, 1), ("FAILED", NOW_MS + 3, 1)]
    assert (changes[2].error, changes[3].error) == (None, "E")


async def test_a_lost_commit_notes_nothing(noting: PostgresStore) -> None:
    new = execution(await written_machine(noting))
    await noting.admit([new])
    assert len(await noting.claim_status_changes(10)) == 1
    tenures = await all_shards(noting)
    stale = [replace(tenure, seq=tenure.seq - 1) for tenure in tenures.values()]
    batch = Batch(stale, pages=[(new.shard, new.id, page(1))], changes=[(new.shard, end(new.id))])
    assert not (await noting.commit(batch, 0)).shards
    assert await noting.claim_status_changes(10) == []


async def test_nothing_is_noted_where_nobody_announces(store: PostgresStore, database_url: str) -> None:
    new = execution(await written_machine(store))
    await store.admit([new])
    await commit(store, new.shard, end(new.id))
    assert await store.claim_status_changes(10) == []


async def test_a_claimed_change_is_due_again_later_and_then_rarely(
    noting: PostgresStore, connection: asyncpg.Connection
) -> None:
    await noting.admit([execution(await written_machine(noting))])
    pauses = []
    for _ in range(9):
        (change,) = await noting.claim_status_changes(10)
        assert await noting.claim_status_changes(10) == []  # a crash of the claimant costs this pause, no event
        pauses.append(
            round(await connection.fetchval("SELECT extract(epoch FROM due - clock_timestamp()) FROM status_changes"))
        )
        await connection.execute("UPDATE status_changes SET due = clock_timestamp()")
    assert pauses == [10, 20, 40, 80, 160, 320, 640, 640, 640]
    await noting.forget_status_changes([change.id])
    assert await connection.fetchval("SELECT count(*) FROM status_changes") == 0


async def test_two_processes_share_the_changes(noting: PostgresStore) -> None:
    of = await written_machine(noting)
    await noting.admit([execution(of) for _ in range(6)])
    first, second = await noting.claim_status_changes(4), await noting.claim_status_changes(4)
    assert (len(first), len(second)) == (4, 2)
    assert not {one.id for one in first} & {one.id for one in second}


async def test_an_execution_that_outlives_its_day_has_not_changed(
    noting: PostgresStore, clock: StandingClock, connection: asyncpg.Connection
) -> None:
    await noting.admit([execution(await written_machine(noting))])
    await noting.forget_status_changes([one.id for one in await noting.claim_status_changes(10)])
    clock.ms += 100 * DAY_MS
    await noting.maintain_partitions(90)
    assert await connection.fetchval("SELECT count(*) FROM executions_default") == 1
    assert await noting.claim_status_changes(10) == []


async def test_partitions_that_are_made_later_note_too(noting: PostgresStore, clock: StandingClock) -> None:
    of = await written_machine(noting)
    clock.ms += 20 * DAY_MS
    await noting.maintain_partitions(90)
    await noting.admit([execution(of, start_ms=clock.ms)])
    assert len(await noting.claim_status_changes(10)) == 1


async def test_what_nobody_announces_is_forgotten(noting: PostgresStore, connection: asyncpg.Connection) -> None:
    await noting.admit([execution(await written_machine(noting))])
    await noting.purge_status_changes(3600)
    assert await connection.fetchval("SELECT count(*) FROM status_changes") == 1
    await connection.execute("UPDATE status_changes SET noted = noted - interval '2 hours'")
    await noting.purge_status_changes(3600)
    assert await connection.fetchval("SELECT count(*) FROM status_changes") == 0


async def test_a_change_whose_execution_is_gone_is_still_told(
    noting: PostgresStore, connection: asyncpg.Connection
) -> None:
    await noting.admit([execution(await written_machine(noting))])
    await connection.execute("DELETE FROM executions")
    assert [change.execution for change in await noting.claim_status_changes(10)] == [None]


async def test_the_plan_of_a_claim_scans_nothing(connection: asyncpg.Connection) -> None:
    await connection.execute("SET enable_seqscan = off")
    plan = "\n".join(
        row[0]
        for row in await connection.fetch(
            "EXPLAIN " + status_changes.CLAIM.replace("$1", "10").replace("$2", "10.0").replace("$3", "6")
        )
    )
    assert "status_changes_due" in plan and "Seq Scan" not in plan
