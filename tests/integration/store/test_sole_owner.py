"""After a kill, the next `up` need not wait for the leases of the dead."""

from __future__ import annotations

from uuid import UUID

from services.store.postgres import PostgresStore
from services.store.sole_owner import free_everything


async def test_shards_of_a_dead_scheduler_are_free_at_once(store: PostgresStore, database_url: str) -> None:
    dead, living = UUID(int=1), UUID(int=2)
    await store.register_scheduler("dead", 60.0)
    taken = await store.take_shards(dead, "dead", 100, 60.0)
    assert len(taken) == store.shards
    assert await store.take_shards(living, "living", 100, 60.0) == []

    await free_everything(database_url)

    assert await store.register_scheduler("living", 60.0) == 1
    again = await store.take_shards(living, "living", 100, 60.0)
    assert {tenure.shard for tenure in again} == {tenure.shard for tenure in taken}
    assert min(tenure.seq for tenure in again) > max(tenure.seq for tenure in taken)
