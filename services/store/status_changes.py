"""Table `status_changes`: what is still to be announced of executions; triggers write it (migration 0008).

Whoever claims a change has some time to announce it and to say so; else it is due again. So every change is
announced at least once, whatever ends in between, and several processes share the work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from engine.execution.execution import Status
from services.store import executions
from services.store.map_runs import MapRunsStore
from services.store.records import StoredExecution

NOTING: Final[Mapping[str, str]] = {"stepwell.status_events": "on"}
"""What a connection says of itself whose changes are to be announced."""

PAUSE_SECONDS: Final = 10.0
"""How long a claimed change is left alone; doubled with every further try."""
_DOUBLED_MAX: Final = 6

# Plan: index status_changes_due; what another process is claiming is skipped.
CLAIM: Final = """
    WITH due AS (
        SELECT id FROM status_changes
        WHERE due <= clock_timestamp()
        ORDER BY due, id
        LIMIT $1
        FOR UPDATE SKIP LOCKED
    )
    UPDATE status_changes AS c
    SET tries = least(c.tries + 1, 32000), due = clock_timestamp() + make_interval(secs => $2 * 2 ^ least(c.tries, $3))
    FROM due
    WHERE c.id = due.id
    RETURNING c.id, c.execution_id, c.status, c.stop_ms, c.redrive_count, c.redrive_ms, c.error, c.cause,
        extract(epoch FROM clock_timestamp() - c.noted)::double precision AS age_seconds
"""

# Plan: primary key.
ENCRYPTED: Final = "SELECT id FROM revisions WHERE id = ANY($1::uuid[]) AND encryption IS NOT NULL"

# Plan: primary key.
FORGET: Final = "DELETE FROM status_changes WHERE id = ANY($1::bigint[])"

# Plan: the whole table. Where changes are announced it is nearly empty.
PURGE: Final = "DELETE FROM status_changes WHERE noted < clock_timestamp() - make_interval(secs => $1)"


@dataclass(frozen=True, slots=True)
class StatusChange:
    """One change, with the execution as it is now.

    What a later redrive overwrites in the execution is the change's own: status, stop, redrives, error and cause.

    Attributes:
        age_seconds: since it was noted.
        execution: None when retention has dropped it.
        encrypted: whether its revision has a key of the customer's.
    """

    id: int
    status: Status
    stop_ms: int | None
    redrive_count: int
    redrive_ms: int | None
    error: str | None
    cause: str | None
    age_seconds: float
    execution: StoredExecution | None
    encrypted: bool


class StatusChangesStore(MapRunsStore):
    """What the announcer of status-change events needs."""

    async def claim_status_changes(self, limit: int) -> list[StatusChange]:
        """Take changes that are due, oldest first."""
        async with self._connection() as connection:
            rows = await connection.fetch(CLAIM, limit, PAUSE_SECONDS, _DOUBLED_MAX)
            if not rows:
                return []
            found = await executions.by_id(connection, list({row["execution_id"] for row in rows}))
            encrypted = await connection.fetch(ENCRYPTED, list({one.revision_id for one in found}))
        by_id = {one.id: one for one in found}
        keyed = {row[0] for row in encrypted}
        changes = []
        for row in sorted(rows, key=lambda row: int(row["id"])):
            execution = by_id.get(row["execution_id"])
            values = {name: value for name, value in row.items() if name not in ("execution_id", "status")}
            changes.append(
                StatusChange(
                    **values,
                    status=Status(row["status"]),
                    execution=execution,
                    encrypted=execution is not None and execution.revision_id in keyed,
                )
            )
        return changes

    async def forget_status_changes(self, ids: Sequence[int]) -> None:
        """They are announced, or given up."""
        async with self._connection() as connection:
            await connection.execute(FORGET, ids)

    async def purge_status_changes(self, age_seconds: float) -> None:
        """Forget what nobody has announced for so long, as after announcing was switched off."""
        async with self._connection() as connection:
            await connection.execute(PURGE, age_seconds)
