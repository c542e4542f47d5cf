"""The store on Postgres: `open_store(url, clock)`. Speaks `SchedulerStore`, `AdmissionStore` and `ApiStore`.

The hot half is in `hot.py`; here are the resources (state machines, versions, aliases, tags, activities). Each
method is one transaction on the SQLAlchemy engine around a function of the table's own file.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final
from uuid import UUID

import asyncpg

from services.runtime.clock import Clock
from services.runtime.faults import StoreUnavailable
from services.store import activities, aliases, partitions, shards, state_machines, versions
from services.store import tags as tag_rows
from services.store.account_counts import AccountCountsStore
from services.store.connection import create_engine, create_pool, reaching_postgres, transaction
from services.store.migrate import current_revision, newest_revision
from services.store.records import Activity, Alias, Revision, StateMachine, Version
from services.store.status_changes import NOTING

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

OLDEST_POSTGRES: Final = 15

COMMIT_CONNECTIONS: Final = 3
CONNECTIONS: Final = 8

# How long a deleted machine goes on to answer DELETING after its last execution has ended.
DELETING_MS: Final = 60_000

# A change of status that nobody has announced by then is of no use to anybody.
STATUS_CHANGES_SECONDS: Final = 2 * 24 * 3600.0


async def open_store(url: str, clock: Clock, *, note_status_changes: bool = False) -> PostgresStore:
    """Connect to a database that `services.store.migrate.upgrade` has prepared, and make today's partitions.

    Args:
        url: of the database.
        clock: of the process.
        note_status_changes: keep what this process changes of executions' status for whoever announces it.

    Raises:
        services.runtime.faults.StoreUnavailable: it cannot be reached or used; the message says why.
    """
    session = NOTING if note_status_changes else {}
    commits, pool = await asyncio.gather(
        create_pool(url, COMMIT_CONNECTIONS, session), create_pool(url, CONNECTIONS, session)
    )
    try:
        with reaching_postgres():
            async with pool.acquire(timeout=10) as connection:
                await _check(connection)
                await partitions.prepare(connection, clock.now_ms())
                shard_count = await shards.count(connection)
    except BaseException as error:
        await asyncio.gather(commits.close(), pool.close())
        if isinstance(error, asyncpg.PostgresError):  # no such database, a wrong password, missing rights
            raise StoreUnavailable(str(error)) from error
        raise
    return PostgresStore(url, commits, pool, shard_count, clock)


async def _check(connection: asyncpg.Connection) -> None:
    if connection.get_server_version().major < OLDEST_POSTGRES:
        raise StoreUnavailable(f"Postgres {OLDEST_POSTGRES} or newer is needed")
    found, wanted = await current_revision(connection), newest_revision()
    if found is None or found < wanted:
        raise StoreUnavailable(f"its schema is {found or 'empty'}, this release needs {wanted}: run `stepwell migrate`")


class PostgresStore(AccountCountsStore):
    """Everything that the services keep. Errors: `StoreUnavailable`, and from `commit` also `CommitUnknown`."""

    def __init__(self, url: str, commits: asyncpg.Pool, pool: asyncpg.Pool, shard_count: int, clock: Clock) -> None:
        """Use `open_store`."""
        super().__init__(commits, pool, shard_count, clock)
        self._url = url
        self._engine: AsyncEngine | None = None
        self._engine_lock = asyncio.Lock()

    async def close(self) -> None:
        """Close all connections."""
        await super().close()
        if self._engine is not None:
            await self._engine.dispose()

    async def maintain(self, retention_days: float) -> None:
        """Make partitions ahead, drop what retention has passed, finish deletions of machines."""
        await self.maintain_partitions(retention_days)
        now_ms = self._clock.now_ms()
        expired_ms = now_ms - int(retention_days * partitions.DAY_MS)
        await self.finish_deletions(now_ms - DELETING_MS)
        await self.purge_bulk_jobs(expired_ms)
        await self.purge_status_changes(STATUS_CHANGES_SECONDS)
        await self.purge_map_runs(expired_ms - 2 * partitions.DAY_MS)  # after the last child
        async with self._transaction() as tx:
            await state_machines.purge(tx, expired_ms)

    # State machines and revisions

    async def create_machine(
        self, machine: StateMachine, tags: Mapping[str, str], published: str | None = None
    ) -> StateMachine | None:
        """Write a machine with its first revision and tags; None, or the machine that has the name already."""
        while True:
            async with self._transaction() as tx:
                if await state_machines.create(tx, machine):
                    await tag_rows.put(tx, machine.id, tags)
                    if published is not None:
                        await versions.publish(tx, machine.id, machine.revision.id, published, machine.created_ms)
                    return None
                existing = await state_machines.by_name(tx, machine.account, machine.region, machine.name)
            if existing is not None:
                return existing

    async def update_machine(self, revision: Revision) -> bool:
        """Make this the current revision; False unless it follows the current one of an ACTIVE machine."""
        async with self._transaction() as tx:
            return await state_machines.update(tx, revision)

    async def machine_by_name(self, account: str, region: str, name: str) -> StateMachine | None:
        """The machine of that name, ACTIVE or DELETING."""
        async with self._transaction() as tx:
            return await state_machines.by_name(tx, account, region, name)

    async def machine_by_id(self, machine_id: UUID) -> StateMachine | None:
        """A machine, also one that is only kept for its executions."""
        async with self._transaction() as tx:
            return await state_machines.by_id(tx, machine_id)

    async def list_machines(self, account: str, region: str, after: str | None, limit: int) -> list[StateMachine]:
        """ACTIVE machines by name, without definitions."""
        async with self._transaction() as tx:
            return await state_machines.listed(tx, account, region, after, limit)

    async def delete_machine(self, machine_id: UUID, now_ms: int) -> bool:
        """Mark it DELETING, with its versions, aliases and tags gone at once; False if it was so already."""
        async with self._transaction() as tx:
            if not await state_machines.delete(tx, machine_id, now_ms):
                return False
            await tag_rows.remove_all(tx, machine_id)
            return True

    async def finish_deletions(self, deleted_before_ms: int) -> int:
        """Let deleted machines without a running execution become DELETED; returns how many."""
        async with self._transaction() as tx:
            return await state_machines.finish_deletions(tx, deleted_before_ms)

    async def revision(self, revision_id: UUID) -> Revision:
        """A revision; KeyError if there is none."""
        async with self._transaction() as tx:
            return await state_machines.revision(tx, revision_id)

    # Versions

    async def publish_version(
        self, machine_id: UUID, revision_id: UUID, description: str, now_ms: int
    ) -> Version | None:
        """The version of that revision, new or as published before; None if the revision is not the current one."""
        async with self._transaction() as tx:
            return await versions.publish(tx, machine_id, revision_id, description, now_ms)

    async def version(self, machine_id: UUID, number: int) -> Version | None:
        """One version."""
        async with self._transaction() as tx:
            return await versions.by_number(tx, machine_id, number)

    async def list_versions(self, machine_id: UUID, before: int | None, limit: int) -> list[Version]:
        """Versions, newest first."""
        async with self._transaction() as tx:
            return await versions.listed(tx, machine_id, before, limit)

    async def delete_version(self, machine_id: UUID, number: int) -> list[str]:
        """Delete it, or return the names of the aliases that route to it and leave it."""
        async with self._transaction() as tx:
            return await versions.delete(tx, machine_id, number)

    # Aliases

    async def create_alias(self, alias: Alias) -> Alias | None:
        """Write it; None, or the alias that has the name already. KeyError if a version it routes to is gone."""
        while True:
            async with self._transaction() as tx:
                existing = await aliases.by_name(tx, alias.machine_id, alias.name)
                if existing is not None:
                    return existing
                if await aliases.create(tx, alias):
                    return None

    async def update_alias(
        self,
        machine_id: UUID,
        name: str,
        now_ms: int,
        description: str | None = None,
        routes: tuple[tuple[int, int], ...] | None = None,
    ) -> Alias | None:
        """Change what is given; the alias as it is now, None if there is none. KeyError as above."""
        async with self._transaction() as tx:
            if await aliases.by_name(tx, machine_id, name) is None:
                return None
            await aliases.update(tx, machine_id, name, now_ms, description, routes)
            return await aliases.by_name(tx, machine_id, name)

    async def alias(self, machine_id: UUID, name: str) -> Alias | None:
        """One alias."""
        async with self._transaction() as tx:
            return await aliases.by_name(tx, machine_id, name)

    async def list_aliases(
        self, machine_id: UUID, after: tuple[int, str] | None, limit: int, version_number: int | None = None
    ) -> list[Alias]:
        """Aliases (that route to a version), oldest first."""
        async with self._transaction() as tx:
            return await aliases.listed(tx, machine_id, after, limit, version_number)

    async def delete_alias(self, machine_id: UUID, name: str) -> bool:
        """Delete it; False if there was none."""
        async with self._transaction() as tx:
            return await aliases.delete(tx, machine_id, name)

    # Tags

    async def tags(self, resource_id: UUID) -> dict[str, str]:
        """The tags of a machine or an activity, by key."""
        async with self._transaction() as tx:
            return await tag_rows.read(tx, resource_id)

    async def put_tags(self, resource_id: UUID, tags: Mapping[str, str], most: int) -> bool:
        """Add or replace; False, and nothing changed, if the resource would have more than `most`."""
        async with self._transaction() as tx:
            return await tag_rows.put(tx, resource_id, tags, most)

    async def remove_tags(self, resource_id: UUID, keys: Sequence[str]) -> None:
        """Remove those that are there."""
        async with self._transaction() as tx:
            await tag_rows.remove(tx, resource_id, keys)

    # Activities

    async def create_activity(self, activity: Activity, tags: Mapping[str, str]) -> Activity | None:
        """Write it with its tags; None, or the activity that has the name already."""
        while True:
            async with self._transaction() as tx:
                if await activities.create(tx, activity):
                    await tag_rows.put(tx, activity.id, tags)
                    return None
                existing = await activities.by_name(tx, activity.account, activity.region, activity.name)
            if existing is not None:
                return existing

    async def activity_by_name(self, account: str, region: str, name: str) -> Activity | None:
        """One activity."""
        async with self._transaction() as tx:
            return await activities.by_name(tx, account, region, name)

    async def list_activities(self, account: str, region: str, after: str | None, limit: int) -> list[Activity]:
        """Activities by name."""
        async with self._transaction() as tx:
            return await activities.listed(tx, account, region, after, limit)

    async def missing_activities(self, arns: Collection[str]) -> frozenset[str]:
        """Those of the activity ARNs that name no activity."""
        async with self._transaction() as tx:
            return await activities.missing(tx, arns)

    async def delete_activity(self, activity_id: UUID) -> bool:
        """Delete it and its tags; False if there was none."""
        async with self._transaction() as tx:
            await tag_rows.remove_all(tx, activity_id)
            return await activities.delete(tx, activity_id)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        """A transaction; at the first one SQLAlchemy is loaded, in a thread, for it takes a quarter of a second."""
        if self._engine is None:
            async with self._engine_lock:
                if self._engine is None:
                    self._engine = await asyncio.to_thread(create_engine, self._url)
        async with transaction(self._engine) as tx:
            yield tx
