"""What each service asks of the store. The Postgres store and the simulator's fake both speak it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from services.store.records import (
    Batch,
    Committed,
    InboxRow,
    LoadedExecution,
    NewExecution,
    Revision,
    ShardTenure,
    StoredExecution,
)


class SchedulerStore(Protocol):
    """The scheduler's half: shards, group commits, loading."""

    async def register_scheduler(self, scheduler: str, lease_seconds: float) -> int:
        """Say that this scheduler lives (renewed by calling again); returns how many live, for sharing the shards."""
        ...

    async def take_shards(self, owner: UUID, scheduler: str, count: int, lease_seconds: float) -> list[ShardTenure]:
        """Take up to `count` shards that are free or whose lease has passed (R1), noting where their owner listens."""
        ...

    async def release_shards(self, tenures: Sequence[ShardTenure]) -> None:
        """Give shards back at once (clean stop, or too many)."""
        ...

    async def commit(self, batch: Batch, lease_seconds: float) -> Committed:
        """Write everything of the shards whose guard holds (owner and seq), nothing of the others; renews leases.

        Raises:
            services.runtime.faults.CommitUnknown: the answer was lost; drop the shards and take them again (R7).
        """
        ...

    async def due(self, shards: Sequence[int], before_ms: int, limit: int) -> list[UUID]:
        """Running executions whose wake_at has come, oldest first."""
        ...

    async def load(self, ids: Sequence[UUID]) -> list[LoadedExecution]:
        """Rows and pages of those executions; unknown ids are left out."""
        ...

    async def inbox(self, shards: Sequence[int], limit: int) -> list[InboxRow]:
        """Commands waiting for these shards, oldest first."""
        ...

    async def revision(self, revision_id: UUID) -> Revision:
        """A revision, for compiling its program."""
        ...


class AdmissionStore(Protocol):
    """StartExecution's half."""

    async def admit(self, rows: Sequence[NewExecution]) -> list[StoredExecution | None]:
        """Write new executions in one transaction; for a name already taken, the execution that has it, else None."""
        ...

    async def shard_owners(self) -> dict[int, str]:
        """Where the owner of each shard listens (queue name of the scheduler); shards without owner are left out."""
        ...

    async def put_in_inbox(self, shard: int, body: bytes) -> None:
        """Leave a command for the shard's owner."""
        ...
