"""Table `aliases`: names for one or two versions, with weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from services.store.connection import run
from services.store.records import Alias
from services.store.user_text import storable
from services.store.versions import LOCK_MACHINE

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

_SELECT: Final = """
    SELECT machine_id, name, description, version_numbers, weights, created_ms, updated_ms FROM aliases
"""

# Plan: primary key decides.
CREATE: Final = """
    INSERT INTO aliases (machine_id, name, description, version_numbers, weights, created_ms, updated_ms)
    VALUES (:machine_id, :name, :description, :version_numbers, :weights, :created_ms, :updated_ms)
    ON CONFLICT (machine_id, name) DO NOTHING
"""

# Plan: primary key. What is so already keeps the date of its change.
UPDATE: Final = """
    UPDATE aliases SET
        description = COALESCE(CAST(:description AS text), description),
        version_numbers = COALESCE(CAST(:version_numbers AS integer[]), version_numbers),
        weights = COALESCE(CAST(:weights AS integer[]), weights),
        updated_ms = :now_ms
    WHERE machine_id = :machine_id AND name = :name AND (
        description <> COALESCE(CAST(:description AS text), description)
        OR version_numbers <> COALESCE(CAST(:version_numbers AS integer[]), version_numbers)
        OR weights <> COALESCE(CAST(:weights AS integer[]), weights)
    )
"""

# Plan: primary key.
BY_NAME: Final = _SELECT + "WHERE machine_id = :machine_id AND name = :name"

# Plan: primary key; at most a hundred aliases of the machine, sorted.
LIST: Final = (
    _SELECT
    + """
    WHERE machine_id = :machine_id AND (created_ms, name) > (:created_ms, :name)
        AND (CAST(:number AS integer) IS NULL OR :number = ANY (version_numbers))
    ORDER BY created_ms, name
    LIMIT :limit
"""
)

DELETE: Final = "DELETE FROM aliases WHERE machine_id = :machine_id AND name = :name"

# Plan: primary key.
VERSIONS_FOUND: Final = """
    SELECT count(*) FROM versions WHERE machine_id = :machine_id AND number = ANY (CAST(:numbers AS integer[]))
"""


async def create(tx: AsyncConnection, alias: Alias) -> bool:
    """Write it; False if the name is taken, KeyError if a version that it routes to is gone."""
    await _check_versions(tx, alias.machine_id, alias.routes)
    numbers, weights = _columns(alias.routes)
    written = await run(
        tx,
        CREATE,
        {
            "machine_id": alias.machine_id,
            "name": alias.name,
            "description": storable(alias.description),
            "version_numbers": numbers,
            "weights": weights,
            "created_ms": alias.created_ms,
            "updated_ms": alias.updated_ms,
        },
    )
    return written.rowcount == 1


async def update(
    tx: AsyncConnection,
    machine_id: UUID,
    name: str,
    now_ms: int,
    description: str | None,
    routes: tuple[tuple[int, int], ...] | None,
) -> None:
    """Change what is given and is not so already; KeyError as in `create`."""
    numbers: list[int] | None = None
    weights: list[int] | None = None
    if routes is not None:
        await _check_versions(tx, machine_id, routes)
        numbers, weights = _columns(routes)
    values = {"machine_id": machine_id, "name": name, "now_ms": now_ms, "description": storable(description)}
    await run(tx, UPDATE, values | {"version_numbers": numbers, "weights": weights})


async def by_name(tx: AsyncConnection, machine_id: UUID, name: str) -> Alias | None:
    """One alias."""
    row = (await run(tx, BY_NAME, {"machine_id": machine_id, "name": name})).one_or_none()
    return None if row is None else _alias(row)


async def listed(
    tx: AsyncConnection, machine_id: UUID, after: tuple[int, str] | None, limit: int, version_number: int | None
) -> list[Alias]:
    """Aliases (that route to a version), oldest first."""
    created_ms, name = after or (-1, "")
    values = {"machine_id": machine_id, "created_ms": created_ms, "name": name, "number": version_number}
    return [_alias(row) for row in await run(tx, LIST, values | {"limit": limit})]


async def delete(tx: AsyncConnection, machine_id: UUID, name: str) -> bool:
    """Delete it; False if there was none."""
    return (await run(tx, DELETE, {"machine_id": machine_id, "name": name})).rowcount == 1


async def _check_versions(tx: AsyncConnection, machine_id: UUID, routes: tuple[tuple[int, int], ...]) -> None:
    """The lock keeps the versions from being deleted before the alias points at them."""
    await run(tx, LOCK_MACHINE, {"machine_id": machine_id})
    numbers = sorted({number for number, _ in routes})
    found = (await run(tx, VERSIONS_FOUND, {"machine_id": machine_id, "numbers": numbers})).scalar_one()
    if found != len(numbers):
        raise KeyError(numbers)


def _columns(routes: tuple[tuple[int, int], ...]) -> tuple[list[int], list[int]]:
    return [number for number, _ in routes], [weight for _, weight in routes]


def _alias(row: Row[Any]) -> Alias:
    return Alias(
        machine_id=row.machine_id,
        name=row.name,
        description=row.description,
        routes=tuple(zip(row.version_numbers, row.weights, strict=True)),
        created_ms=row.created_ms,
        updated_ms=row.updated_ms,
    )
