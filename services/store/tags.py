"""Table `tags`: of machines and activities, by the resource's id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final
from uuid import UUID

from services.store.connection import run
from services.store.user_text import storable

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


# Plan: primary key.
READ: Final = "SELECT key, value FROM tags WHERE resource_id = :resource_id ORDER BY key"

# Two that tag one resource at the same time take turns, so that together they keep the limit.
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended(CAST(:resource_id AS text), 0))"

# Plan: primary key decides.
PUT: Final = """
    INSERT INTO tags (resource_id, key, value)
    SELECT :resource_id, key, value FROM unnest(CAST(:keys AS text[]), CAST(:values AS text[])) AS t (key, value)
    ON CONFLICT (resource_id, key) DO UPDATE SET value = excluded.value
"""

# Plan: primary key.
REMOVE: Final = "DELETE FROM tags WHERE resource_id = :resource_id AND key = ANY (CAST(:keys AS text[]))"
REMOVE_ALL: Final = "DELETE FROM tags WHERE resource_id = :resource_id"


async def read(tx: AsyncConnection, resource_id: UUID) -> dict[str, str]:
    """The tags of a resource, by key."""
    return {row.key: row.value for row in await run(tx, READ, {"resource_id": resource_id})}


async def put(tx: AsyncConnection, resource_id: UUID, tags: Mapping[str, str], most: int | None = None) -> bool:
    """Add or replace; False, and nothing changed, if the resource would have more than `most`."""
    if not tags:
        return True
    if most is not None:
        await run(tx, LOCK, {"resource_id": str(resource_id)})
        if len({*await read(tx, resource_id), *tags}) > most:
            return False
    await run(
        tx,
        PUT,
        {
            "resource_id": resource_id,
            "keys": [storable(key) for key in tags],
            "values": [storable(value) for value in tags.values()],
        },
    )
    return True


async def remove(tx: AsyncConnection, resource_id: UUID, keys: Sequence[str]) -> None:
    """Remove those that are there."""
    await run(tx, REMOVE, {"resource_id": resource_id, "keys": [storable(key) for key in keys]})


async def remove_all(tx: AsyncConnection, resource_id: UUID) -> None:
    """Remove every tag of a resource that is going away."""
    await run(tx, REMOVE_ALL, {"resource_id": resource_id})
