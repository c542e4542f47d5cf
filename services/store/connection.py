"""Connections to Postgres: two raw asyncpg pools for the hot tables, one SQLAlchemy engine for the resources.

The pools never reset a connection when it comes back: none of our statements leaves anything behind, and the reset
is a round trip. Plans are generic, made once per connection: with many partitions planning costs more than running.

SQLAlchemy is imported when it is first used: it takes longer to load than everything else a scheduler needs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from services.runtime.faults import StoreUnavailable

if TYPE_CHECKING:
    from sqlalchemy import CursorResult
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

# Every hot statement is meant to go by index; a table that was small when its plan was made must not pin a scan.
# The server gives up a client that is gone, or sits in a transaction, before it blocks a takeover (protocol R4).
SESSION: Final = {
    "application_name": "stepwell",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "idle_in_transaction_session_timeout": "5000",
    "tcp_user_timeout": "10000",
}

UNREACHABLE: Final = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what a statement gets whose connection ends while it is being sent
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)


class HotConnection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that is given back as it is."""

    def get_reset_query(self) -> str:
        """Nothing to reset."""
        return ""


async def create_pool(url: str, connections: int, session: Mapping[str, str] | None = None) -> asyncpg.Pool:
    """A pool that opens its connections when they are needed; `session` comes beside `SESSION`."""
    with reaching_postgres():
        return await asyncpg.create_pool(
            url,
            min_size=0,
            max_size=connections,
            max_inactive_connection_lifetime=0,
            connection_class=HotConnection,
            server_settings={**SESSION, **(session or {})},
            statement_cache_size=200,
            max_cached_statement_lifetime=0,
            command_timeout=60,
        )


def create_engine(url: str, connections: int = 5) -> AsyncEngine:
    """The SQLAlchemy engine for everything that is not hot; it connects when it is used."""
    from sqlalchemy import make_url
    from sqlalchemy.ext.asyncio import create_async_engine

    return create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"), pool_size=connections, max_overflow=0
    )


@contextmanager
def reaching_postgres() -> Iterator[None]:
    """Turn what asyncpg raises when Postgres cannot be reached, or cannot serve, into the fault."""
    try:
        yield
    except UNREACHABLE as error:
        raise StoreUnavailable(str(error) or type(error).__name__) from error


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A transaction on the engine, committed at the end; the fault is raised as above.

    SQLAlchemy wraps what asyncpg raised: the chain of causes holds it.
    """
    from sqlalchemy.exc import DBAPIError

    try:
        with reaching_postgres():
            async with engine.begin() as tx:
                yield tx
    except DBAPIError as error:
        cause = error.__cause__
        while cause is not None and not isinstance(cause, UNREACHABLE):
            cause = cause.__cause__
        if cause is None:
            raise
        raise StoreUnavailable(str(cause) or type(cause).__name__) from error


async def run(tx: AsyncConnection, statement: str, values: Mapping[str, Any]) -> CursorResult[Any]:
    """Execute a statement constant with its `:name` values in the caller's transaction."""
    result: CursorResult[Any] = await tx.execute(_text(statement), values)
    return result


@cache
def _text(statement: str) -> Any:
    from sqlalchemy import text

    return text(statement)
