"""Tables `state_machines` and `revisions`: the named resource, and each state that it has had.

A machine that was deleted keeps its rows for its executions: DELETING while one runs, then DELETED.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import orjson

from services.store.connection import run
from services.store.records import Revision, StateMachine

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

_COLUMNS: Final = """
    m.id, m.account, m.region, m.name, m.type, m.status, m.created_ms AS machine_created_ms,
    r.id AS revision_id, r.machine_id, r.number, r.role_arn, r.created_ms, r.logging, r.tracing, r.encryption
"""

# Plan: unique index state_machines_living_name decides.
CREATE: Final = """
    INSERT INTO state_machines (id, account, region, name, type, status, revision_id, created_ms)
    VALUES (:id, :account, :region, :name, :type, 'ACTIVE', :revision_id, :created_ms)
    ON CONFLICT (account, region, name) WHERE status <> 'DELETED' DO NOTHING
"""

ADD_REVISION: Final = """
    INSERT INTO revisions (id, machine_id, number, definition, role_arn, logging, tracing, encryption, created_ms)
    VALUES (:id, :machine_id, :number, :definition, :role_arn, :logging, :tracing, :encryption, :created_ms)
"""

# Plan: primary keys. The row lock orders this against other updates, publishing and deletion.
CURRENT_NUMBER: Final = """
    SELECT r.number FROM state_machines AS m JOIN revisions AS r ON r.id = m.revision_id
    WHERE m.id = :id AND m.status = 'ACTIVE'
    FOR UPDATE OF m
"""

SET_REVISION: Final = "UPDATE state_machines SET revision_id = :revision_id WHERE id = :id"

# Plan: unique index state_machines_living_name, then primary key.
BY_NAME: Final = f"""
    SELECT {_COLUMNS}, r.definition
    FROM state_machines AS m JOIN revisions AS r ON r.id = m.revision_id
    WHERE m.account = :account AND m.region = :region AND m.name = :name AND m.status <> 'DELETED'
"""

# Plan: primary keys.
BY_ID: Final = f"""
    SELECT {_COLUMNS}, r.definition
    FROM state_machines AS m JOIN revisions AS r ON r.id = m.revision_id
    WHERE m.id = :id
"""

# Plan: unique index state_machines_living_name in its order, then primary key.
LIST: Final = f"""
    SELECT {_COLUMNS}, '' AS definition
    FROM state_machines AS m JOIN revisions AS r ON r.id = m.revision_id
    WHERE m.account = :account AND m.region = :region AND m.name > :after AND m.status = 'ACTIVE'
    ORDER BY m.name
    LIMIT :limit
"""

# Plan: primary key.
DELETE: Final = """
    UPDATE state_machines SET status = 'DELETING', deleted_ms = :now_ms WHERE id = :id AND status = 'ACTIVE'
"""
DELETE_ALIASES: Final = "DELETE FROM aliases WHERE machine_id = :id"
DELETE_VERSIONS: Final = "DELETE FROM versions WHERE machine_id = :id"

# Plan: few machines are being deleted; for each, index executions_list, one row.
FINISH: Final = """
    UPDATE state_machines AS m SET status = 'DELETED'
    WHERE status = 'DELETING' AND deleted_ms < :before_ms
        AND NOT EXISTS (SELECT FROM executions AS e WHERE e.machine_id = m.id AND e.status = 0)
"""

# Plan: few machines are deleted and not yet purged; for each, index executions_list, one row.
PURGE: Final = """
    DELETE FROM state_machines AS m
    WHERE status = 'DELETED' AND deleted_ms < :before_ms
        AND NOT EXISTS (SELECT FROM executions AS e WHERE e.machine_id = m.id)
"""

# Plan: primary key.
REVISION: Final = """
    SELECT id AS revision_id, machine_id, number, definition, role_arn, created_ms, logging, tracing, encryption
    FROM revisions WHERE id = :id
"""


async def create(tx: AsyncConnection, machine: StateMachine) -> bool:
    """Write a machine and its first revision; False if the name is taken."""
    written = await run(
        tx,
        CREATE,
        {
            "id": machine.id,
            "account": machine.account,
            "region": machine.region,
            "name": machine.name,
            "type": machine.type,
            "revision_id": machine.revision.id,
            "created_ms": machine.created_ms,
        },
    )
    if written.rowcount == 0:
        return False
    await _add_revision(tx, machine.revision)
    return True


async def update(tx: AsyncConnection, revision: Revision) -> bool:
    """Make this the current revision; False unless it follows the current one of an ACTIVE machine."""
    current = (await run(tx, CURRENT_NUMBER, {"id": revision.machine_id})).scalar_one_or_none()
    if current is None or current != revision.number - 1:
        return False
    await _add_revision(tx, revision)
    await run(tx, SET_REVISION, {"id": revision.machine_id, "revision_id": revision.id})
    return True


async def by_name(tx: AsyncConnection, account: str, region: str, name: str) -> StateMachine | None:
    """The machine of that name, ACTIVE or DELETING."""
    row = (await run(tx, BY_NAME, {"account": account, "region": region, "name": name})).one_or_none()
    return None if row is None else _machine(row)


async def by_id(tx: AsyncConnection, machine_id: UUID) -> StateMachine | None:
    """A machine, also a DELETED one."""
    row = (await run(tx, BY_ID, {"id": machine_id})).one_or_none()
    return None if row is None else _machine(row)


async def listed(tx: AsyncConnection, account: str, region: str, after: str | None, limit: int) -> list[StateMachine]:
    """ACTIVE machines by name, without definitions."""
    values = {"account": account, "region": region, "after": after or "", "limit": limit}
    return [_machine(row) for row in await run(tx, LIST, values)]


async def delete(tx: AsyncConnection, machine_id: UUID, now_ms: int) -> bool:
    """Mark it DELETING and delete its aliases and versions; False if it was so already."""
    if (await run(tx, DELETE, {"id": machine_id, "now_ms": now_ms})).rowcount == 0:
        return False
    await run(tx, DELETE_ALIASES, {"id": machine_id})
    await run(tx, DELETE_VERSIONS, {"id": machine_id})
    return True


async def finish_deletions(tx: AsyncConnection, deleted_before_ms: int) -> int:
    """Let DELETING machines without a running execution become DELETED; returns how many."""
    return (await run(tx, FINISH, {"before_ms": deleted_before_ms})).rowcount


async def purge(tx: AsyncConnection, deleted_before_ms: int) -> int:
    """Remove DELETED machines that no execution refers to any more; returns how many."""
    return (await run(tx, PURGE, {"before_ms": deleted_before_ms})).rowcount


async def revision(tx: AsyncConnection, revision_id: UUID) -> Revision:
    """A revision; KeyError if there is none."""
    row = (await run(tx, REVISION, {"id": revision_id})).one_or_none()
    if row is None:
        raise KeyError(revision_id)
    return _revision(row)


async def _add_revision(tx: AsyncConnection, new: Revision) -> None:
    values = {
        "id": new.id,
        "machine_id": new.machine_id,
        "number": new.number,
        "definition": new.definition,
        "role_arn": new.role_arn,
        "logging": to_json(new.logging),
        "tracing": to_json(new.tracing),
        "encryption": to_json(new.encryption),
        "created_ms": new.created_ms,
    }
    await run(tx, ADD_REVISION, values)


def _machine(row: Row[Any]) -> StateMachine:
    return StateMachine(
        id=row.id,
        account=row.account,
        region=row.region,
        name=row.name,
        type=row.type,
        status=row.status,
        created_ms=row.machine_created_ms,
        revision=_revision(row),
    )


def _revision(row: Row[Any]) -> Revision:
    return Revision(
        id=row.revision_id,
        machine_id=row.machine_id,
        number=row.number,
        definition=row.definition,
        role_arn=row.role_arn,
        created_ms=row.created_ms,
        logging=of_json(row.logging),
        tracing=of_json(row.tracing),
        encryption=of_json(row.encryption),
    )


def to_json(configuration: dict[str, Any] | None) -> str | None:
    """A configuration as it is kept: JSON text."""
    return None if configuration is None else orjson.dumps(configuration).decode()


def of_json(kept: str | None) -> dict[str, Any] | None:
    """The way back."""
    if kept is None:
        return None
    configuration: dict[str, Any] = orjson.loads(kept)
    return configuration
