"""How many open executions, state machines and activities an account has in a region; counting ends at a number."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from engine.execution.execution import Status
from services.store.status_changes import StatusChangesStore

_FIRST_ID: Final = UUID(int=0)

# Plan: index state_machines_name, then index executions_list in each partition. The status is a parameter and the
# range one of rows for the reason told at `executions.LIST`: the index of what is due would be walked once a machine.
OPEN_EXECUTIONS: Final = """
    SELECT count(*) FROM (
        SELECT FROM state_machines AS m
        CROSS JOIN LATERAL (
            SELECT FROM executions AS e
            WHERE e.machine_id = m.id AND e.status = $4 AND (e.machine_id, e.status, e.id) >= (m.id, $4, $5)
        ) AS e
        WHERE m.account = $1 AND m.region = $2
        LIMIT $3
    ) AS open
"""

# Plan: index state_machines_living_name.
MACHINES: Final = """
    SELECT count(*) FROM (
        SELECT FROM state_machines WHERE account = $1 AND region = $2 AND status <> 'DELETED' LIMIT $3
    ) AS living
"""

# Plan: the unique index of activities.
ACTIVITIES: Final = """
    SELECT count(*) FROM (SELECT FROM activities WHERE account = $1 AND region = $2 LIMIT $3) AS there
"""


class AccountCountsStore(StatusChangesStore):
    """What the quotas of accounts are compared with."""

    async def count_open_executions(self, account: str, region: str, most: int) -> int:
        """Executions that run, children of Maps included."""
        return await self._count(OPEN_EXECUTIONS, account, region, most, int(Status.RUNNING), _FIRST_ID)

    async def count_machines(self, account: str, region: str, most: int) -> int:
        """State machines, those in deletion included."""
        return await self._count(MACHINES, account, region, most)

    async def count_activities(self, account: str, region: str, most: int) -> int:
        """Activities."""
        return await self._count(ACTIVITIES, account, region, most)

    async def _count(self, statement: str, *values: Any) -> int:
        async with self._connection() as connection:
            return int(await connection.fetchval(statement, *values))
