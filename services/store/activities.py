"""Table `activities`."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from services.store.connection import run
from services.store.records import Activity
from services.store.state_machines import of_json, to_json

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

_SELECT: Final = "SELECT id, account, region, name, encryption, created_ms FROM activities "

# Plan: the unique index of account, region and name decides.
CREATE: Final = """
    INSERT INTO activities (id, account, region, name, encryption, created_ms)
    VALUES (:id, :account, :region, :name, :encryption, :created_ms)
    ON CONFLICT (account, region, name) DO NOTHING
"""

# Plan: the same index.
BY_NAME: Final = _SELECT + "WHERE account = :account AND region = :region AND name = :name"

# Plan: the same index, in its order.
LIST: Final = _SELECT + "WHERE account = :account AND region = :region AND name > :after ORDER BY name LIMIT :limit"

# Plan: the same index, once per ARN.
EXISTING: Final = """
    SELECT given.arn
    FROM unnest(CAST(:arns AS text[])) AS given (arn)
    JOIN activities
      ON activities.account = split_part(given.arn, ':', 5)
     AND activities.region = split_part(given.arn, ':', 4)
     AND activities.name = split_part(given.arn, ':', 7)
"""

# Plan: primary key.
DELETE: Final = "DELETE FROM activities WHERE id = :id"


async def create(tx: AsyncConnection, activity: Activity) -> bool:
    """Write it; False if the name is taken."""
    written = await run(
        tx,
        CREATE,
        {
            "id": activity.id,
            "account": activity.account,
            "region": activity.region,
            "name": activity.name,
            "encryption": to_json(activity.encryption),
            "created_ms": activity.created_ms,
        },
    )
    return written.rowcount == 1


async def by_name(tx: AsyncConnection, account: str, region: str, name: str) -> Activity | None:
    """One activity."""
    row = (await run(tx, BY_NAME, {"account": account, "region": region, "name": name})).one_or_none()
    return None if row is None else _activity(row)


async def missing(tx: AsyncConnection, arns: Collection[str]) -> frozenset[str]:
    """Those of the activity ARNs that name no activity."""
    rows = await run(tx, EXISTING, {"arns": list(arns)})
    return frozenset(arns) - {row.arn for row in rows}


async def listed(tx: AsyncConnection, account: str, region: str, after: str | None, limit: int) -> list[Activity]:
    """Activities by name."""
    values = {"account": account, "region": region, "after": after or "", "limit": limit}
    return [_activity(row) for row in await run(tx, LIST, values)]


async def delete(tx: AsyncConnection, activity_id: UUID) -> bool:
    """Delete it; False if there was none."""
    return (await run(tx, DELETE, {"id": activity_id})).rowcount == 1


def _activity(row: Row[Any]) -> Activity:
    return Activity(
        id=row.id,
        account=row.account,
        region=row.region,
        name=row.name,
        created_ms=row.created_ms,
        encryption=of_json(row.encryption),
    )
