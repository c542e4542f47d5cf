"""Table `versions`: published numbers, each pointing to a revision for good. Numbers are never used twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

from services.store.connection import run
from services.store.records import Version
from services.store.user_text import storable

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_SELECT: Final = """
    SELECT v.machine_id, v.number, v.revision_id, r.number AS revision_number, v.description, v.created_ms
    FROM versions AS v JOIN revisions AS r ON r.id = v.revision_id
"""

# Plan: primary key. Publishing, updating, deleting and pointing an alias at a version take turns on the machine's row.
LOCK_MACHINE: Final = "SELECT revision_id FROM state_machines WHERE id = :machine_id AND status = 'ACTIVE' FOR UPDATE"

# Plan: primary key; at most a thousand versions of the machine.
OF_REVISION: Final = _SELECT + "WHERE v.machine_id = :machine_id AND v.revision_id = :revision_id"

# Plan: primary key.
NEXT_NUMBER: Final = """
    UPDATE state_machines SET last_version_number = last_version_number + 1 WHERE id = :machine_id
    RETURNING last_version_number
"""

PUBLISH: Final = """
    INSERT INTO versions (machine_id, number, revision_id, description, created_ms)
    VALUES (:machine_id, :number, :revision_id, :description, :created_ms)
"""

# Plan: primary key.
BY_NUMBER: Final = _SELECT + "WHERE v.machine_id = :machine_id AND v.number = :number"

# Plan: primary key, backwards.
LIST: Final = _SELECT + "WHERE v.machine_id = :machine_id AND v.number < :before ORDER BY v.number DESC LIMIT :limit"

# Plan: primary key of aliases; at most a hundred of the machine.
USED_BY: Final = """
    SELECT name FROM aliases WHERE machine_id = :machine_id AND :number = ANY (version_numbers)
    ORDER BY created_ms, name
"""

DELETE: Final = "DELETE FROM versions WHERE machine_id = :machine_id AND number = :number"

NUMBER_MAX: Final = 2**31 - 1


async def publish(
    tx: AsyncConnection, machine_id: UUID, revision_id: UUID, description: str, now_ms: int
) -> Version | None:
    """The version of that revision, new or as published before; None if the revision is not the current one."""
    current = (await run(tx, LOCK_MACHINE, {"machine_id": machine_id})).scalar_one_or_none()
    if current != revision_id:
        return None
    wanted = {"machine_id": machine_id, "revision_id": revision_id}
    row = (await run(tx, OF_REVISION, wanted)).one_or_none()
    if row is not None:
        return Version(**row._mapping)
    number = (await run(tx, NEXT_NUMBER, {"machine_id": machine_id})).scalar_one()
    await run(tx, PUBLISH, wanted | {"number": number, "description": storable(description), "created_ms": now_ms})
    return await by_number(tx, machine_id, number)


async def by_number(tx: AsyncConnection, machine_id: UUID, number: int) -> Version | None:
    """One version."""
    row = (await run(tx, BY_NUMBER, {"machine_id": machine_id, "number": number})).one_or_none()
    return None if row is None else Version(**row._mapping)


async def listed(tx: AsyncConnection, machine_id: UUID, before: int | None, limit: int) -> list[Version]:
    """Versions, newest first."""
    values = {"machine_id": machine_id, "before": NUMBER_MAX if before is None else before, "limit": limit}
    return [Version(**row._mapping) for row in await run(tx, LIST, values)]


async def delete(tx: AsyncConnection, machine_id: UUID, number: int) -> list[str]:
    """Delete it, or return the names of the aliases that route to it and leave it."""
    wanted = {"machine_id": machine_id, "number": number}
    await run(tx, LOCK_MACHINE, {"machine_id": machine_id})
    names = list((await run(tx, USED_BY, wanted)).scalars())
    if not names:
        await run(tx, DELETE, wanted)
    return names
