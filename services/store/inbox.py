"""Table `inbox`: commands that must not be lost and could not be handed to the owner of their shard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import asyncpg

from services.store.records import InboxRow

# Plan: primary key, shard by shard.
READ: Final = """
    SELECT i.id, i.shard, i.body
    FROM unnest($1::smallint[]) AS s (shard)
    CROSS JOIN LATERAL (
        SELECT id, shard, body FROM inbox WHERE inbox.shard = s.shard ORDER BY id LIMIT $2
    ) AS i
    ORDER BY i.id
    LIMIT $2
"""

PUT: Final = "INSERT INTO inbox (shard, body) VALUES ($1, $2)"


async def read(connection: asyncpg.Connection, shards: Sequence[int], limit: int) -> list[InboxRow]:
    """Commands waiting for these shards, oldest first."""
    rows = await connection.fetch(READ, shards, limit)
    return [InboxRow(row["id"], row["shard"], row["body"]) for row in rows]


async def put(connection: asyncpg.Connection, shard: int, body: bytes) -> None:
    """Leave a command for the shard's owner."""
    await connection.execute(PUT, shard, body)
