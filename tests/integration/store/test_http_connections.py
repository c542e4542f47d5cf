"""The table of the connections of HTTP tasks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.runtime.faults import StoreUnavailable
from services.store.http_connections import ConnectionRecord, PostgresConnections

ONE = ConnectionRecord("arn:one", "one", "API_KEY", 1, 1, b"\x00sealed")


async def test_a_record_is_kept_replaced_and_forgotten(database_url: str) -> None:
    connections = PostgresConnections(database_url)
    try:
        await connections.put(ONE)
        changed = replace(ONE, kind="BASIC", changed_ms=2, sealed=b"other")
        await connections.put(changed)
        two = replace(ONE, arn="arn:two", name="two")
        await connections.put(two)
        assert await connections.get("arn:one") == changed
        assert await connections.all() == [changed, two]
        assert await connections.delete("arn:one") is True
        assert await connections.delete("arn:one") is False
        assert await connections.get("arn:one") is None
    finally:
        await connections.close()


async def test_an_unreachable_database_is_a_fault() -> None:
    connections = PostgresConnections("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(StoreUnavailable):
        await connections.get("arn:one")
    await connections.close()
