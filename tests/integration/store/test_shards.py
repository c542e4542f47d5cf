"""Ownership: who may take what, and when."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from services.store.postgres import PostgresStore
from services.store.records import ShardTenure
from services.store.sole_owner import free_everything
from tests.integration.store.samples import IDS, all_shards

pytestmark = pytest.mark.asyncio


async def test_a_shard_is_taken_by_one_owner(store: PostgresStore) -> None:
    first, second = await asyncio.gather(
        store.take_shards(IDS.uuid(), "s1", 10, 60), store.take_shards(IDS.uuid(), "s2", 10, 60)
    )
    rest = await store.take_shards(IDS.uuid(), "s3", 16, 60)
    taken = [tenure.shard for tenure in first + second + rest]
    assert sorted(taken) == list(range(16))


async def test_a_lease_that_has_passed_frees_the_shard_and_counts_its_seq_on(store: PostgresStore) -> None:
    first = await store.take_shards(IDS.uuid(), "s1", 16, 0)
    again = await store.take_shards(IDS.uuid(), "s2", 16, 60)
    assert [(tenure.shard, tenure.seq) for tenure in again] == [(tenure.shard, tenure.seq + 1) for tenure in first]
    assert await store.take_shards(IDS.uuid(), "s3", 16, 60) == []


async def test_owners_are_where_their_schedulers_listen(store: PostgresStore) -> None:
    await store.take_shards(IDS.uuid(), "s1", 2, 60)
    await store.take_shards(IDS.uuid(), "s2", 1, 60)
    assert await store.shard_owners() == {0: "s1", 1: "s1", 2: "s2"}


async def test_an_owner_whose_lease_has_passed_is_none(store: PostgresStore) -> None:
    await store.take_shards(IDS.uuid(), "s1", 16, 0)
    assert await store.shard_owners() == {}


async def test_shards_are_given_back_at_once_unless_another_has_them(store: PostgresStore) -> None:
    tenures = await all_shards(store)
    foreign = ShardTenure(1, IDS.uuid(), tenures[1].seq)
    await store.release_shards([tenures[0], foreign])
    assert sorted(await store.shard_owners()) == list(range(1, 16))


async def test_schedulers_count_as_long_as_they_renew(store: PostgresStore) -> None:
    assert await store.register_scheduler("s1", 60) == 1
    assert await store.register_scheduler("s2", 60) == 2
    assert await store.register_scheduler("s1", 60) == 2
    assert await store.register_scheduler("s2", 0) == 1
    await store.forget_scheduler("s1")
    assert await store.register_scheduler("s3", 60) == 1


async def test_a_row_that_a_stuck_backend_holds_is_freed_after_the_lease(
    store: PostgresStore, database_url: str
) -> None:
    await all_shards(store)
    stuck = await asyncpg.connect(database_url)
    await stuck.execute("UPDATE shards SET lease_until = clock_timestamp() - interval '3 seconds' WHERE id = 5")
    await stuck.execute("BEGIN; UPDATE shards SET seq = seq WHERE id = 5")
    taken = await store.take_shards(IDS.uuid(), "s2", 1, 60)
    for _ in range(1_000):  # the backend dies when it hears the signal
        taken = taken or await store.take_shards(IDS.uuid(), "s2", 1, 60)
    assert [tenure.shard for tenure in taken] == [5]
    stuck.terminate()


async def test_the_only_process_frees_everything(store: PostgresStore, database_url: str) -> None:
    await store.register_scheduler("s1", 60)
    tenures = await all_shards(store)
    await free_everything(database_url)
    assert await store.shard_owners() == {}
    assert [tenure.seq for tenure in (await all_shards(store)).values()] == [t.seq + 2 for t in tenures.values()]


async def test_inbox_rows_come_oldest_first_for_the_shards_asked(store: PostgresStore) -> None:
    for shard, body in ((3, b"a"), (2, b"b"), (3, b"c"), (4, b"d")):
        await store.put_in_inbox(shard, body)
    assert [row.body for row in await store.inbox([2, 3], 10)] == [b"a", b"b", b"c"]
    assert [row.body for row in await store.inbox([2, 3], 2)] == [b"a", b"b"]
