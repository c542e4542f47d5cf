"""Table `http_connections`: how the servers of HTTP tasks are told who calls. Secrets come here sealed.

Workers read it too, so it has an engine of its own, which connects when the first HTTP task needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from services.store.connection import create_engine, run, transaction

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncEngine

Kind: TypeAlias = Literal["API_KEY", "BASIC", "OAUTH_CLIENT_CREDENTIALS"]

_CONNECTIONS: Final = 2
_SELECT: Final = "SELECT arn, name, kind, created_ms, changed_ms, sealed FROM http_connections "

# Plan: primary key.
PUT: Final = """
    INSERT INTO http_connections (arn, name, kind, created_ms, changed_ms, sealed)
    VALUES (:arn, :name, :kind, :created_ms, :changed_ms, :sealed)
    ON CONFLICT (arn) DO UPDATE SET kind = EXCLUDED.kind, changed_ms = EXCLUDED.changed_ms, sealed = EXCLUDED.sealed
"""

# Plan: primary key.
GET: Final = _SELECT + "WHERE arn = :arn"

# Plan: the whole table, in the order of its primary key; an operator looks at it.
ALL: Final = _SELECT + "ORDER BY arn"

# Plan: primary key.
DELETE: Final = "DELETE FROM http_connections WHERE arn = :arn"


@dataclass(frozen=True, slots=True)
class ConnectionRecord:
    """A connection as stored: everything but `sealed` may be shown."""

    arn: str
    name: str
    kind: Kind
    created_ms: int
    changed_ms: int
    sealed: bytes


class PostgresConnections:
    """The table in the database at `url`.

    Every method raises `services.runtime.faults.StoreUnavailable` when Postgres cannot be reached.
    """

    def __init__(self, url: str) -> None:
        """Nothing is connected yet."""
        self._url = url
        self._engine: AsyncEngine | None = None

    async def put(self, record: ConnectionRecord) -> None:
        """Write or replace the record of that ARN."""
        async with transaction(self._open()) as tx:
            await run(tx, PUT, asdict(record))

    async def get(self, arn: str) -> ConnectionRecord | None:
        """The record of an ARN."""
        async with transaction(self._open()) as tx:
            row = (await run(tx, GET, {"arn": arn})).one_or_none()
        return None if row is None else _record(row)

    async def all(self) -> Sequence[ConnectionRecord]:
        """Every record, by ARN."""
        async with transaction(self._open()) as tx:
            return [_record(row) for row in await run(tx, ALL, {})]

    async def delete(self, arn: str) -> bool:
        """Forget one; False when there was none."""
        async with transaction(self._open()) as tx:
            return (await run(tx, DELETE, {"arn": arn})).rowcount == 1

    async def close(self) -> None:
        """Disconnect."""
        if self._engine is not None:
            await self._engine.dispose()

    def _open(self) -> AsyncEngine:
        if self._engine is None:
            self._engine = create_engine(self._url, _CONNECTIONS)
        return self._engine


def _record(row: Row[Any]) -> ConnectionRecord:
    return ConnectionRecord(row.arn, row.name, row.kind, row.created_ms, row.changed_ms, bytes(row.sealed))
