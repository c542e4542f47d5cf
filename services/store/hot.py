"""The hot half of the Postgres store, on raw asyncpg: shards, group commits, admission, loading, history.

Group commits have connections of their own (two or three: Postgres works on one batch while Python builds the
next), so that no long list or load ever stands in front of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

import asyncpg

from engine.execution.page import Page
from services.runtime.clock import Clock
from services.runtime.faults import CommitUnknown, StoreUnavailable
from services.store import executions, group_commit, history, inbox, partitions, schedulers, shards
from services.store.connection import reaching_postgres
from services.store.records import (
    Batch,
    Committed,
    EventsPage,
    ExecutionFilter,
    InboxRow,
    ListedExecution,
    LoadedExecution,
    NewExecution,
    ShardTenure,
    StoredExecution,
)

ADMIT_TRIES: Final = 3
_ANY: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class HotStore:
    """Everything that a running execution needs of Postgres."""

    def __init__(self, commits: asyncpg.Pool, pool: asyncpg.Pool, shard_count: int, clock: Clock) -> None:
        """Takes over both pools and closes them."""
        self._commits = commits
        self._pool = pool
        self._shard_count = shard_count
        self._clock = clock

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return self._shard_count

    async def close(self) -> None:
        """Close the connections; statements under way are waited for."""
        await asyncio.gather(self._commits.close(), self._pool.close())

    async def ping(self) -> None:
        """Ask Postgres for a sign of life, for readiness checks; StoreUnavailable if there is none."""
        async with self._connection() as connection:
            await connection.fetchval("SELECT 1")

    # Schedulers and shards

    async def register_scheduler(self, scheduler: str, lease_seconds: float) -> int:
        """Say that this scheduler lives; returns how many live."""
        async with self._connection() as connection:
            return await schedulers.renew(connection, scheduler, lease_seconds)

    async def forget_scheduler(self, scheduler: str) -> None:
        """Take it off the list of the living."""
        async with self._connection() as connection:
            await schedulers.forget(connection, scheduler)

    async def take_shards(self, owner: UUID, scheduler: str, count: int, lease_seconds: float) -> list[ShardTenure]:
        """Take up to `count` shards that are free or whose lease has passed."""
        async with self._connection() as connection:
            taken = await shards.take(connection, owner, scheduler, count, lease_seconds)
            if len(taken) < count and await shards.end_blockers(connection):
                taken += await shards.take(connection, owner, scheduler, count - len(taken), lease_seconds)
            return taken

    async def release_shards(self, tenures: Sequence[ShardTenure]) -> None:
        """Give shards back at once."""
        async with self._connection() as connection:
            await shards.release(connection, tenures)

    async def shard_owners(self) -> dict[int, str]:
        """Where the owner of each shard listens; shards without owner are left out."""
        async with self._connection() as connection:
            return await shards.owners(connection)

    # Group commit

    async def commit(self, batch: Batch, lease_seconds: float) -> Committed:
        """Write everything of the shards whose guard holds, nothing of the others; renews leases.

        Whatever goes wrong once the statement is out counts as a lost answer: the caller drops its shards, takes
        them again and reads what is true (R7).
        """
        try:
            connection = await self._commits.acquire(timeout=10)
        except _ANY as error:
            raise StoreUnavailable(str(error) or type(error).__name__) from error
        try:
            return await group_commit.write(connection, batch, lease_seconds)
        except _ANY as error:
            raise CommitUnknown(f"{type(error).__name__}: {error}") from error
        finally:
            await self._commits.release(connection)

    # Loading and waking

    async def due(self, shards: Sequence[int], before_ms: int, limit: int, from_ms: int = 0) -> list[UUID]:
        """Running executions with `from_ms <= wake_at < before_ms`, oldest first."""
        async with self._connection() as connection:
            return await executions.due(connection, shards, from_ms, before_ms, limit)

    async def load(self, ids: Sequence[UUID]) -> list[LoadedExecution]:
        """Rows and the pages since the newest checkpoint; unknown ids are left out."""
        async with self._connection() as connection:
            rows = await executions.by_id(connection, ids)
            pages = await history.since_checkpoint(connection, [row.id for row in rows])
        return [LoadedExecution(row, pages[row.id]) for row in rows]

    async def inbox(self, shards: Sequence[int], limit: int) -> list[InboxRow]:
        """Commands waiting for these shards, oldest first."""
        async with self._connection() as connection:
            return await inbox.read(connection, shards, limit)

    async def put_in_inbox(self, shard: int, body: bytes) -> None:
        """Leave a command for the shard's owner."""
        async with self._connection() as connection:
            await inbox.put(connection, shard, body)

    # Admission

    async def admit(self, rows: Sequence[NewExecution]) -> list[StoredExecution | None]:
        """Write new executions in one statement; for a name already taken, the execution that has it, else None.

        A name may be lost to another admission that commits while ours waits for it: the holder is read afterwards.
        """
        answers: list[StoredExecution | None] = [None] * len(rows)
        left = list(range(len(rows)))
        for _ in range(ADMIT_TRIES):
            async with self._connection() as connection:
                won = await executions.admit(connection, [rows[index] for index in left])
                lost = [index for index in left if rows[index].id not in won]
                if not lost:
                    return answers
                names = [(rows[index].machine_id, rows[index].name) for index in lost]
                holders = await executions.by_machine_and_name(connection, names)
            for index, name in zip(lost, names, strict=True):
                answers[index] = holders.get(name)
            left = [index for index in lost if answers[index] is None]
            if not left:
                return answers
        raise StoreUnavailable("names came and went while executions were admitted")

    # Reading for the API

    async def execution_by_name(
        self, account: str, region: str, machine_name: str, name: str
    ) -> StoredExecution | None:
        """The newest execution of that name."""
        async with self._connection() as connection:
            return await executions.by_name(connection, account, region, machine_name, name)

    async def execution_by_id(self, execution_id: UUID) -> StoredExecution | None:
        """One execution."""
        async with self._connection() as connection:
            found = await executions.by_id(connection, [execution_id])
        return found[0] if found else None

    async def list_executions(self, wanted: ExecutionFilter, limit: int) -> list[ListedExecution]:
        """Executions, newest first."""
        async with self._connection() as connection:
            return await executions.listed(connection, wanted, limit)

    async def history_pages(
        self, execution_id: UUID, from_event: int | None, limit: int, reverse: bool = False
    ) -> list[EventsPage]:
        """The pages that hold `limit` events from `from_event` on, in the order asked for."""
        async with self._connection() as connection:
            return await history.events(connection, execution_id, from_event, limit, reverse)

    async def pages(self, execution_id: UUID, first: int, last: int) -> list[Page]:
        """Whole pages by number, both ends included."""
        async with self._connection() as connection:
            return await history.between(connection, execution_id, first, last)

    # Partitions

    async def maintain_partitions(self, retention_days: float) -> None:
        """Make the partitions of the coming days and drop those that retention has passed."""
        async with self._connection() as connection:
            await partitions.prepare(connection, self._clock.now_ms())
            await partitions.drop_expired(connection, self._clock.now_ms(), retention_days)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        with reaching_postgres():
            async with self._pool.acquire(timeout=10) as connection:
                yield connection
