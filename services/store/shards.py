"""Table `shards`: who owns which slice of the executions (protocol R1-R4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg

from services.store.records import ShardTenure

# Plan: the shards are a handful of rows, read in order of their primary key; rows locked by another taker are skipped.
TAKE: Final = """
    WITH free AS (
        SELECT id FROM shards
        WHERE owner IS NULL OR lease_until < clock_timestamp()
        ORDER BY id
        LIMIT $4
        FOR UPDATE SKIP LOCKED
    )
    UPDATE shards AS s
    SET owner = $1, scheduler = $2, seq = s.seq + 1, lease_until = clock_timestamp() + make_interval(secs => $3)
    FROM free
    WHERE s.id = free.id
    RETURNING s.id, s.seq
"""

# Plan: primary key.
RELEASE: Final = """
    UPDATE shards AS s
    SET owner = NULL, scheduler = NULL, seq = s.seq + 1, lease_until = clock_timestamp()
    FROM unnest($1::smallint[], $2::uuid[], $3::bigint[]) AS t (shard, owner, seq)
    WHERE s.id = t.shard AND s.owner = t.owner AND s.seq = t.seq
"""

# A row whose lease passed two seconds ago and that is still locked belongs to a backend that waits for a client which
# is gone, or for a standby. It must not block the takeover (R4). xmax of the row names the transaction that holds it.
# Plan: primary key of shards, then the lock table.
END_BLOCKERS: Final = """
    SELECT pg_terminate_backend(l.pid)
    FROM shards AS s
    JOIN pg_locks AS l ON l.locktype = 'transactionid' AND l.transactionid = s.xmax AND l.granted
    WHERE s.owner IS NOT NULL AND s.lease_until < clock_timestamp() - interval '2 seconds'
"""

OWNERS: Final = "SELECT id, scheduler FROM shards WHERE owner IS NOT NULL AND lease_until >= clock_timestamp()"
COUNT: Final = "SELECT count(*) FROM shards"


async def take(
    connection: asyncpg.Connection, owner: UUID, scheduler: str, count: int, lease_seconds: float
) -> list[ShardTenure]:
    """Take up to `count` shards that are free or whose lease has passed."""
    rows = await connection.fetch(TAKE, owner, scheduler, lease_seconds, count)
    return [ShardTenure(row["id"], owner, row["seq"]) for row in sorted(rows)]


async def end_blockers(connection: asyncpg.Connection) -> int:
    """Terminate backends that hold a shard's row long after its lease has passed; returns how many."""
    return len(await connection.fetch(END_BLOCKERS))


async def release(connection: asyncpg.Connection, tenures: Sequence[ShardTenure]) -> None:
    """Give shards back at once."""
    ordered = sorted(tenures, key=lambda tenure: tenure.shard)
    await connection.execute(RELEASE, [t.shard for t in ordered], [t.owner for t in ordered], [t.seq for t in ordered])


async def owners(connection: asyncpg.Connection) -> dict[int, str]:
    """Where the owner of each shard listens."""
    return {row["id"]: row["scheduler"] for row in await connection.fetch(OWNERS)}


async def count(connection: asyncpg.Connection) -> int:
    """How many shards there are."""
    number: int = await connection.fetchval(COUNT)
    return number
