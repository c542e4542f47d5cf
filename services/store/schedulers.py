"""Table `schedulers`: which schedulers live, so that each can tell its fair share of the shards."""

from __future__ import annotations

from typing import Final

import asyncpg

# Plan: primary key.
RENEW: Final = """
    INSERT INTO schedulers (name, lease_until)
    VALUES ($1, clock_timestamp() + make_interval(secs => $2))
    ON CONFLICT (name) DO UPDATE SET lease_until = excluded.lease_until
"""

# Plan: a handful of rows.
FORGET: Final = "DELETE FROM schedulers WHERE name = $1 OR lease_until < clock_timestamp() - interval '1 hour'"
LIVING: Final = "SELECT count(*) FROM schedulers WHERE lease_until >= clock_timestamp()"


async def renew(connection: asyncpg.Connection, name: str, lease_seconds: float) -> int:
    """Say that this scheduler lives; returns how many live."""
    await connection.execute(RENEW, name, lease_seconds)
    number: int = await connection.fetchval(LIVING)
    return number


async def forget(connection: asyncpg.Connection, name: str) -> None:
    """Take a scheduler off the list at once, and with it those that have been silent for an hour."""
    await connection.execute(FORGET, name)
