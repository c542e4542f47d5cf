"""Bring a database to the newest schema: `upgrade(url)`. A database that is current costs one query.

Alembic is imported only when there is something to do; it and its packages take longer to load than the work.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import asyncpg

import migrations

if TYPE_CHECKING:
    from sqlalchemy import Connection

# Any number will do: it keeps two processes from upgrading one database at the same time.
UPGRADE_LOCK: Final = 7_305_421_108

SHARDS: Final = 16

CURRENT: Final = "SELECT version_num FROM alembic_version"
SHARDS_MISSING: Final = "SELECT count(*) < $1 FROM shards"
ADD_SHARDS: Final = "INSERT INTO shards (id) SELECT generate_series(0, $1::integer - 1) ON CONFLICT DO NOTHING"


class SchemaError(Exception):
    """The database has a schema that this release does not know."""


async def upgrade(url: str, shards: int = SHARDS) -> bool:
    """Create or upgrade the tables and make sure that there are that many shards; whether anything was done.

    Shards can become more later, not fewer: executions keep theirs.

    Raises:
        SchemaError: the database is newer than this release.
    """
    connection = await asyncpg.connect(url)
    try:
        current = await current_revision(connection)
        done = current != newest_revision()
        if done:
            await _run_alembic(url, current)
        if await connection.fetchval(SHARDS_MISSING, shards):
            await connection.execute(ADD_SHARDS, shards)
    finally:
        await connection.close()
    return done


def newest_revision() -> str:
    """The revision that this release brings: files in `migrations/versions` begin with theirs."""
    return max(path.name.split("_")[0] for path in _versions().glob("[0-9]*.py"))


async def current_revision(connection: asyncpg.Connection) -> str | None:
    """The schema revision of a database; None when it is empty."""
    try:
        revision: str | None = await connection.fetchval(CURRENT)
    except asyncpg.UndefinedTableError:
        return None
    return revision


def _versions() -> Path:
    return Path(migrations.__path__[0]) / "versions"


async def _run_alembic(url: str, current: str | None) -> None:
    if current is not None and current > newest_revision():
        raise SchemaError(f"The database has schema {current}; this release knows {newest_revision()} at most.")
    from sqlalchemy import text

    from services.store.connection import create_engine

    engine = create_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": UPGRADE_LOCK})
            await connection.run_sync(_upgrade_to_head)
    finally:
        await engine.dispose()


def _upgrade_to_head(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_versions().parent))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
