"""Partitions of `executions` and `history`: a pair per day of the start, made ahead and dropped when they are old.

Rows that find no partition (a clock far off, nobody made partitions for days) go to the default ones and work there.
A day is dropped when its executions ended long enough ago. The few that still run, or ended late, move to the
default partition first; when they are many, the day waits.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

DAYS_AHEAD: Final = 3
DAY_MS: Final = 86_400_000
SURVIVORS_MAX: Final = 20_000
NAMES_PER_DELETE: Final = 5_000

# A lock that is not to be had at once is left for the next round: writers must not queue behind us.
PATIENCE: Final = "SET LOCAL lock_timeout = '2s'"

EXISTING: Final = """
    SELECT c.relname::text FROM pg_inherits AS i
    JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'executions'::regclass AND c.relname <> 'executions_default'
"""

# Creating apart and attaching locks the parent less than CREATE TABLE ... PARTITION OF does. Pages up to 8 kB stay in
# the row: they are written once, and a second table with its index costs more than it saves.
CREATE: Final = """
    CREATE TABLE executions_{day} (LIKE executions INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE);
    CREATE TABLE history_{day} (LIKE history INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)
        WITH (toast_tuple_target = 8160);
    ALTER TABLE executions ATTACH PARTITION executions_{day} FOR VALUES FROM ('{first}') TO ('{end}');
    ALTER TABLE history ATTACH PARTITION history_{day} FOR VALUES FROM ('{first}') TO ('{end}');
"""

SURVIVORS: Final = "SELECT id FROM executions_{day} WHERE status = 0 OR stop_ms >= $1 LIMIT $2"

# Plan: primary key of the partition for the batch, then primary key of execution_names.
FORGET_NAMES: Final = """
    WITH batch AS (
        SELECT id, machine_id, name FROM executions_{day} WHERE id > $1 AND status <> 0 AND stop_ms < $2
        ORDER BY id LIMIT $3
    ), gone AS (
        DELETE FROM execution_names AS n USING batch AS b
        WHERE n.machine_id = b.machine_id AND n.name = b.name AND n.execution_id = b.id
    )
    SELECT id FROM batch ORDER BY id DESC LIMIT 1
"""

# The rows that come back have not changed: no trigger may take them for new ones.
DROP: Final = """
    SET LOCAL stepwell.status_events = 'off';
    LOCK TABLE executions_{day}, history_{day} IN ACCESS EXCLUSIVE MODE;
    CREATE TEMPORARY TABLE kept_executions ON COMMIT DROP AS
        SELECT * FROM executions_{day} WHERE status = 0 OR stop_ms >= {cutoff_ms};
    CREATE TEMPORARY TABLE kept_history ON COMMIT DROP AS
        SELECT * FROM history_{day} WHERE execution_id IN (SELECT id FROM kept_executions);
    DROP TABLE executions_{day}, history_{day};
    INSERT INTO executions SELECT * FROM kept_executions;
    INSERT INTO history SELECT * FROM kept_history;
"""

# The default partitions hold few rows, so a scan is all right here.
EXPIRE_DEFAULT: Final = """
    WITH gone AS (
        DELETE FROM executions_default WHERE status <> 0 AND stop_ms < $1 RETURNING id, machine_id, name
    ), names AS (
        DELETE FROM execution_names AS n USING gone AS g
        WHERE n.machine_id = g.machine_id AND n.name = g.name AND n.execution_id = g.id
    )
    DELETE FROM history_default AS h USING gone AS g WHERE h.execution_id = g.id
"""


async def prepare(connection: asyncpg.Connection, now_ms: int, ahead: int = DAYS_AHEAD) -> int:
    """Make the partitions of today and of the days ahead; returns how many days were made."""
    today = _day(now_ms)
    existing = {row[0] for row in await connection.fetch(EXISTING)}
    made = 0
    for day in (today + timedelta(days=number) for number in range(ahead + 1)):
        if f"executions_{_suffix(day)}" not in existing:
            made += await _make(connection, day)
    return made


async def drop_expired(connection: asyncpg.Connection, now_ms: int, retention_days: float) -> int:
    """Drop the days whose executions all ended at least that long ago; returns how many days were dropped."""
    cutoff_ms = now_ms - int(retention_days * DAY_MS)
    dropped = 0
    for (name,) in sorted(await connection.fetch(EXISTING)):
        suffix = re.fullmatch(r"executions_(\d{4}_\d\d_\d\d)", name)
        if suffix is not None and _first_ms(date.fromisoformat(suffix[1].replace("_", "-"))) + DAY_MS <= cutoff_ms:
            # Another scheduler may do the same at this moment, or somebody reads for long: the next round looks again.
            with suppress(asyncpg.UndefinedTableError, asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
                dropped += await _drop(connection, suffix[1], cutoff_ms)
    await connection.execute(EXPIRE_DEFAULT, cutoff_ms)
    return dropped


async def _make(connection: asyncpg.Connection, day: date) -> bool:
    """False if another makes it too, if the lock is not to be had, or if the default holds rows of that day."""
    first, end = _first_id(day), _first_id(day + timedelta(days=1))
    try:
        async with connection.transaction():
            await connection.execute(PATIENCE)
            await connection.execute(CREATE.format(day=_suffix(day), first=first, end=end))
    except (asyncpg.DuplicateTableError, asyncpg.LockNotAvailableError, asyncpg.CheckViolationError):
        return False
    except (asyncpg.UniqueViolationError, asyncpg.DuplicateObjectError, asyncpg.DeadlockDetectedError):  # two at once
        return False
    return True


async def _drop(connection: asyncpg.Connection, suffix: str, cutoff_ms: int) -> bool:
    survivors = await connection.fetch(SURVIVORS.format(day=suffix), cutoff_ms, SURVIVORS_MAX)
    if len(survivors) == SURVIVORS_MAX:
        return False
    last: UUID | None = UUID(int=0)
    while last is not None:
        last = await connection.fetchval(FORGET_NAMES.format(day=suffix), last, cutoff_ms, NAMES_PER_DELETE)
    async with connection.transaction():
        await connection.execute(PATIENCE)
        await connection.execute(DROP.format(day=suffix, cutoff_ms=cutoff_ms))
    return True


def _day(now_ms: int) -> date:
    return datetime.fromtimestamp(now_ms / 1000, UTC).date()


def _first_ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def _first_id(day: date) -> UUID:
    return UUID(int=_first_ms(day) << 80)


def _suffix(day: date) -> str:
    return day.strftime("%Y_%m_%d")
