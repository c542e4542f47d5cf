"""Fakes of what the API stands on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest

from services.broker.messages import Message, decode
from services.store.records import NewExecution, StoredExecution


class Ids:
    """Counts instead of drawing."""

    def __init__(self) -> None:
        self._next = 0

    def entropy(self, count: int) -> bytes:
        self._next += 1
        return self._next.to_bytes(count)

    def execution_id(self, now_ms: int) -> UUID:
        return self.uuid()

    def uuid(self) -> UUID:
        self._next += 1
        return UUID(int=self._next)


class Broker:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Message]] = []
        self.handler: Callable[[list[bytes]], None] | None = None

    def send(self, queue: str, body: bytes) -> None:
        self.sent += [(queue, message) for message in decode(body)]

    def subscribe(self, queues: Sequence[str], handler: Callable[[list[bytes]], None]) -> Any:
        self.handler = handler
        return self

    def listen_to(self, queues: Sequence[str]) -> None:
        raise AssertionError

    async def length(self, queue: str) -> int:
        return 0

    def connected_seconds(self) -> float:
        return 1.0

    async def close(self) -> None:
        return


class AdmissionFake:
    """Admits rows by name; `open_gate` lets commits go on."""

    shards = 4

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.rows: dict[tuple[UUID, str], NewExecution] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.fault: Exception | None = None
        self.owners = {0: "s0", 1: "s0", 2: "s1"}
        self.asked_for_owners = 0
        self.inbox: list[tuple[int, bytes]] = []
        self.existing: dict[tuple[UUID, str], StoredExecution] = {}

    async def admit(self, rows: Sequence[NewExecution]) -> list[StoredExecution | None]:
        self.batches.append([row.name for row in rows])
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        answers: list[StoredExecution | None] = []
        for row in rows:
            key = (row.machine_id, row.name)
            answers.append(self.existing.get(key))
            self.rows.setdefault(key, row)
        return answers

    async def shard_owners(self) -> dict[int, str]:
        self.asked_for_owners += 1
        return dict(self.owners)

    async def put_in_inbox(self, shard: int, body: bytes) -> None:
        self.inbox.append((shard, body))


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def ids() -> Ids:
    return Ids()
