"""Table `express_history`: ended express executions with their events, written by COPY, read for lists and details."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from engine.execution.execution import Status
from services.runtime.clock import Clock
from services.store.connection import create_pool, reaching_postgres
from services.store.records import EventsPage, ExecutionFilter, ListedExecution, StoredExecution
from services.store.user_text import storable

DAYS_AHEAD: Final = 1
DAY_MS: Final = 86_400_000
_CONNECTIONS: Final = 3
_ID_MAX: Final = (1 << 128) - 1
_COLUMNS: Final = (
    "id", "machine_id", "revision_id", "start_ms", "stop_ms", "version_number", "last_event_id", "status",
    "synchronous", "redelivered", "name", "alias_name", "trace_header", "input", "output", "error", "cause", "events",
)  # fmt: skip

# Plan: index express_history_id, in the partition that the id names.
BY_ID: Final = """
    SELECT
        e.id, e.machine_id, e.revision_id, m.account, m.region, m.name AS machine_name, e.name, e.status, e.input,
        e.start_ms, r.role_arn, e.version_number, e.alias_name, e.trace_header, e.output, e.error, e.cause, e.stop_ms
    FROM express_history AS e
    JOIN state_machines AS m ON m.id = e.machine_id
    JOIN revisions AS r ON r.id = e.revision_id
    WHERE e.id = $1
    ORDER BY e.stop_ms DESC
    LIMIT 1
"""

# Plan: as above.
EVENTS: Final = "SELECT events FROM express_history WHERE id = $1 ORDER BY stop_ms DESC LIMIT 1"

# Plan: index express_history_list, backwards, once per status; newest partitions first.
LIST: Final = """
    SELECT
        e.id, e.machine_id, e.name, e.status, e.start_ms, e.version_number, e.alias_name, e.stop_ms, e.error
    FROM unnest($1::uuid[]) AS m (id)
    CROSS JOIN unnest($2::smallint[]) AS s (status)
    CROSS JOIN LATERAL (
        SELECT * FROM express_history
        WHERE machine_id = m.id AND express_history.status = s.status AND express_history.id < $3
            AND ($5::integer IS NULL OR version_number = $5) AND ($6::text IS NULL OR alias_name = $6)
        ORDER BY express_history.id DESC
        LIMIT $4
    ) AS e
    ORDER BY e.id DESC
    LIMIT $4
"""

EXISTING: Final = """
    SELECT c.relname::text FROM pg_inherits AS i
    JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'express_history'::regclass AND c.relname <> 'express_history_default'
"""
PATIENCE: Final = "SET LOCAL lock_timeout = '2s'"
CREATE: Final = """
    CREATE TABLE express_history_{day} (LIKE express_history INCLUDING DEFAULTS INCLUDING STORAGE)
        WITH (toast_tuple_target = 8160);
    ALTER TABLE express_history ATTACH PARTITION express_history_{day} FOR VALUES FROM ('{first}') TO ('{end}');
"""
# The default partition holds few rows, so a scan is all right here.
EXPIRE_DEFAULT: Final = "DELETE FROM express_history_default WHERE stop_ms < $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpressRow:
    """An ended express execution. `pages` are its turns: number of the first event, and the packed events."""

    id: UUID
    machine_id: UUID
    revision_id: UUID
    name: str
    status: Status
    input: bytes
    start_ms: int
    stop_ms: int
    last_event_id: int
    pages: Sequence[tuple[int, bytes]]
    synchronous: bool = False
    redelivered: bool = False
    version_number: int | None = None
    alias_name: str | None = None
    trace_header: str | None = None
    output: bytes | None = None
    error: str | None = None
    cause: str | None = None

    @property
    def size_bytes(self) -> int:
        """What it holds in memory, roughly."""
        return 512 + len(self.input) + len(self.output or b"") + sum(len(events) for _, events in self.pages)


class ExpressHistory:
    """The table in the database at `url`; errors: `services.runtime.faults.StoreUnavailable`."""

    def __init__(self, url: str, clock: Clock) -> None:
        """Connect when first used."""
        self._url = url
        self._clock = clock
        self._pool: asyncpg.Pool | None = None

    async def write(self, rows: Sequence[ExpressRow]) -> None:
        """Write them with one COPY."""
        async with self._connection() as connection:
            await connection.copy_records_to_table("express_history", records=map(_record, rows), columns=_COLUMNS)

    async def by_id(self, execution_id: UUID) -> StoredExecution | None:
        """One execution; of one that ended twice the later end."""
        async with self._connection() as connection:
            row = await connection.fetchrow(BY_ID, execution_id)
        if row is None:
            return None
        return StoredExecution(**{**dict(row), "status": Status(row["status"])}, shard=0)

    async def listed(self, wanted: ExecutionFilter, limit: int) -> list[ListedExecution]:
        """Executions, newest first; of the filter only machines, statuses, version, alias and cursor count."""
        statuses = wanted.statuses or (Status.SUCCEEDED, Status.FAILED, Status.TIMED_OUT, Status.ABORTED)
        async with self._connection() as connection:
            rows = await connection.fetch(
                LIST,
                list(wanted.machine_ids),
                list(map(int, statuses)),
                wanted.before or UUID(int=_ID_MAX),
                limit,
                wanted.version_number,
                wanted.alias_name,
            )
        return [ListedExecution(**{**dict(row), "status": Status(row["status"])}) for row in rows]

    async def pages(self, execution_id: UUID) -> list[EventsPage]:
        """All pages of an execution, oldest first."""
        async with self._connection() as connection:
            packed = await connection.fetchval(EVENTS, execution_id)
        if packed is None:
            return []
        last_event_id, pages = msgspec.msgpack.decode(packed)
        lasts = [first - 1 for first, _ in pages[1:]] + [last_event_id]
        return [
            EventsPage(number, first, last, events)
            for number, ((first, events), last) in enumerate(zip(pages, lasts, strict=True), 1)
        ]

    async def maintain(self, retention_days: float) -> None:
        """Make the partitions of today and tomorrow, drop the days that retention has passed."""
        now_ms = self._clock.now_ms()
        today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
        async with self._connection() as connection:
            existing = {row[0] for row in await connection.fetch(EXISTING)}
            for day in (today + timedelta(days=number) for number in range(DAYS_AHEAD + 1)):
                if _partition(day) not in existing:
                    await _make(connection, day)
            cutoff_ms = now_ms - int(retention_days * DAY_MS)
            for name in existing:
                suffix = re.fullmatch(r"express_history_(\d{4}_\d\d_\d\d)", name)
                if suffix and _first_ms(date.fromisoformat(suffix[1].replace("_", "-"))) + DAY_MS <= cutoff_ms:
                    await _drop(connection, name)
            await connection.execute(EXPIRE_DEFAULT, cutoff_ms)

    async def close(self) -> None:
        """Disconnect."""
        if self._pool is not None:
            await self._pool.close()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        if self._pool is None:
            self._pool = await create_pool(self._url, _CONNECTIONS)
        with reaching_postgres():
            async with self._pool.acquire(timeout=10) as connection:
                yield connection


def _record(row: ExpressRow) -> tuple[Any, ...]:
    return (
        row.id, row.machine_id, row.revision_id, row.start_ms, row.stop_ms, row.version_number, row.last_event_id,
        int(row.status), row.synchronous, row.redelivered, storable(row.name), row.alias_name,
        storable(row.trace_header), row.input, row.output, storable(row.error), storable(row.cause),
        msgspec.msgpack.encode((row.last_event_id, row.pages)),
    )  # fmt: skip


async def _make(connection: asyncpg.Connection, day: date) -> None:
    """Nothing, if another makes it at the same time or the lock cannot be had: the default partition takes the rows."""
    statement = CREATE.format(
        day=day.strftime("%Y_%m_%d"),
        first=UUID(int=_first_ms(day) << 80),
        end=UUID(int=_first_ms(day + timedelta(days=1)) << 80),
    )
    try:
        async with connection.transaction():
            await connection.execute(PATIENCE)
            await connection.execute(statement)
    except (
        asyncpg.DuplicateTableError,
        asyncpg.LockNotAvailableError,
        asyncpg.CheckViolationError,
        asyncpg.UniqueViolationError,
    ):
        return


async def _drop(connection: asyncpg.Connection, name: str) -> None:
    """Nothing, if another does it at the same time or the lock cannot be had: the next round tries again."""
    try:
        async with connection.transaction():
            await connection.execute(PATIENCE)
            await connection.execute(f"DROP TABLE IF EXISTS {name}")
    except asyncpg.LockNotAvailableError:
        return


def _partition(day: date) -> str:
    return f"express_history_{day:%Y_%m_%d}"


def _first_ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
