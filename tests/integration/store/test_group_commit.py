"""The guarded statement: what is accepted is written whole, what is refused leaves nothing."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from engine.execution.execution import Status
from services.runtime.clock import SystemClock
from services.runtime.faults import CommitUnknown
from services.store.postgres import PostgresStore
from services.store.records import Batch, ExecutionChange, ShardTenure
from tests.integration.store.samples import (
    IDS,
    NOW_MS,
    all_shards,
    end,
    execution,
    page,
    written_machine,
)

pytestmark = pytest.mark.asyncio


async def test_pages_come_back_as_they_were_written(store: PostgresStore) -> None:
    new = execution(await written_machine(store))
    await store.admit([new])
    tenure = (await all_shards(store))[new.shard]
    pages = [page(1), page(2, size=5_000), page(3, size=300_000)]
    committed = await store.commit(Batch([tenure], pages=[(new.shard, new.id, one) for one in pages]), 60)
    assert committed.shards == {new.shard}
    (loaded,) = await store.load([new.id])
    assert loaded.pages == pages
    assert loaded.row.status is Status.RUNNING


async def test_the_answer_carries_the_database_clock(store: PostgresStore) -> None:
    tenures = await all_shards(store)
    before = SystemClock().now_ms()
    committed = await store.commit(Batch([tenures[0]]), 60)
    assert before - 1 <= committed.now_ms <= SystemClock().now_ms() + 1


async def test_only_the_shards_whose_guard_holds_are_written(store: PostgresStore) -> None:
    machine = await written_machine(store)
    tenures = await all_shards(store)
    news = [execution(machine, shard=shard) for shard in (3, 4, 5)]
    await store.admit(news)
    stale = ShardTenure(4, tenures[4].owner, tenures[4].seq - 1)
    foreign = ShardTenure(5, IDS.uuid(), tenures[5].seq)
    await store.put_in_inbox(4, b"waits")
    (waiting,) = await store.inbox([4], 10)
    batch = Batch(
        [foreign, stale, tenures[3]],
        pages=[(new.shard, new.id, page(1)) for new in news],
        changes=[(new.shard, end(new.id)) for new in news],
        inbox_done=[(4, waiting.id)],
        inbox_new=[(3, 9, b"sent"), (4, 9, b"never sent")],
    )
    assert (await store.commit(batch, 60)).shards == {3}
    loaded = {one.row.id: one for one in await store.load([new.id for new in news])}
    assert [len(loaded[new.id].pages) for new in news] == [1, 0, 0]
    assert [loaded[new.id].row.status.name for new in news] == ["SUCCEEDED", "RUNNING", "RUNNING"]
    assert [row.body for row in await store.inbox(range(16), 10)] == [b"waits", b"sent"]


async def test_each_commit_needs_the_seq_of_the_one_before(store: PostgresStore) -> None:
    tenure = (await all_shards(store))[7]
    assert (await store.commit(Batch([tenure]), 60)).shards == {7}
    assert (await store.commit(Batch([tenure]), 60)).shards == frozenset()
    following = ShardTenure(7, tenure.owner, tenure.seq + 1)
    assert (await store.commit(Batch([following]), 60)).shards == {7}


async def test_a_deposed_owner_writes_nothing(store: PostgresStore) -> None:
    new = execution(await written_machine(store))
    await store.admit([new])
    first = await store.take_shards(IDS.uuid(), "s1", 16, 0)
    deposed = next(tenure for tenure in first if tenure.shard == new.shard)
    await all_shards(store, "s2")
    assert (await store.commit(Batch([deposed], pages=[(new.shard, new.id, page(1))]), 60)).shards == frozenset()
    (loaded,) = await store.load([new.id])
    assert loaded.pages == []


async def test_a_page_number_that_is_taken_refuses_the_whole_batch(store: PostgresStore) -> None:
    machine = await written_machine(store)
    new, other = execution(machine, shard=1), execution(machine, shard=2)
    await store.admit([new, other])
    tenures = await all_shards(store)
    batch = Batch([tenures[1], tenures[2]], pages=[(1, new.id, page(1)), (2, other.id, page(1)), (1, new.id, page(1))])
    with pytest.raises(CommitUnknown, match="UniqueViolation"):
        await store.commit(batch, 60)
    assert (await store.commit(Batch([tenures[1], tenures[2]]), 60)).shards == {1, 2}
    assert [one.pages for one in await store.load([new.id, other.id])] == [[], []]


async def test_a_running_execution_without_a_wake_up_cannot_be_committed(store: PostgresStore) -> None:
    new = execution(await written_machine(store), shard=1)
    await store.admit([new])
    tenure = (await all_shards(store))[1]
    with pytest.raises(CommitUnknown, match="CheckViolation"):
        await store.commit(Batch([tenure], changes=[(1, ExecutionChange(new.id, Status.RUNNING, None))]), 60)


async def test_an_end_is_written_with_all_its_fields(store: PostgresStore) -> None:
    new = execution(await written_machine(store), shard=1)
    await store.admit([new])
    tenure = (await all_shards(store))[1]
    change = end(new.id, Status.FAILED, NOW_MS + 9, error="E", cause="C", redrive_count=2, redrive_ms=NOW_MS + 7)
    await store.commit(Batch([tenure], changes=[(1, change)]), 60)
    row = await store.execution_by_id(new.id)
    assert row is not None
    assert (row.status, row.error, row.cause, row.stop_ms) == (Status.FAILED, "E", "C", NOW_MS + 9)
    assert (row.redrive_count, row.redrive_ms, row.output) == (2, NOW_MS + 7, None)


async def test_a_connection_cut_in_the_middle_is_an_unknown_commit_and_the_next_one_works(
    store: PostgresStore, database_url: str
) -> None:
    tenures = await all_shards(store)
    blocker = await asyncpg.connect(database_url)
    try:
        async with blocker.transaction():
            await blocker.execute("SELECT FROM shards WHERE id = 0 FOR UPDATE")
            commit = asyncio.create_task(store.commit(Batch([tenures[0]]), 60))
            waiting: list[asyncpg.Record] = []
            for _ in range(10_000):  # the signal is on the server, every look a round trip
                waiting = waiting or await blocker.fetch("SELECT pid FROM pg_locks WHERE NOT granted")
            for (pid,) in waiting:
                await blocker.execute("SELECT pg_terminate_backend($1)", pid)
            with pytest.raises(CommitUnknown):
                await commit
    finally:
        await blocker.close()
    assert (await store.commit(Batch([tenures[0]]), 60)).shards == {0}
