"""What asyncpg raises when Postgres goes away becomes the fault that callers expect."""

from __future__ import annotations

import asyncpg
import pytest

from services.runtime.faults import StoreUnavailable
from services.store.connection import reaching_postgres


@pytest.mark.parametrize(
    "error",
    [
        OSError("gone"),
        TimeoutError(),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress"),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        asyncpg.TooManyConnectionsError("sorry, too many clients already"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_connection_that_ends_is_a_store_that_cannot_be_reached(error: Exception) -> None:
    with pytest.raises(StoreUnavailable), reaching_postgres():
        raise error


def test_a_statement_that_is_wrong_stays_an_error() -> None:
    with pytest.raises(asyncpg.UndefinedTableError), reaching_postgres():
        raise asyncpg.UndefinedTableError("relation does not exist")
