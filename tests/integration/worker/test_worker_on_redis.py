"""A worker on a real Redis: a round trip, and Redis emptied in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from itertools import count
from typing import Any

import pytest

from services.broker import queues
from services.broker.kombu_broker import open_broker
from services.broker.messages import Ack, Claim, Grant, Message, Offer, Result, TaskJob, decode, encode
from services.integrations.interface import Call, Failed, Outcome, Pending, Succeeded
from services.runtime.clock import SystemClock
from services.runtime.ids import SystemIds
from services.worker.settings import WorkerSettings
from services.worker.worker import Worker
from tests.fixtures.redis import RedisServer

ME = queues.scheduler("test")
SHARD = 3
JOB = TaskJob(
    "arn:aws:lambda:us-east-1:000000000000:function:f",
    "",
    "",
    "request_response",
    b'{"a":1}',
    "arn:aws:states:us-east-1:000000000000:execution:m:e",
    "m",
    "S",
    "us-east-1",
    "",
    None,
    None,
    "",
    "k",
)


class Gate:
    """Calls that wait until the test lets them end."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.begun = asyncio.Event()
        self.calls = 0

    async def call(self, call: Call) -> Outcome:
        self.calls += 1
        self.begun.set()
        await self.open.wait()
        return Succeeded(call.input)

    async def poll(self, call: Call, job: Mapping[str, Any]) -> Succeeded | Failed | Pending:
        raise NotImplementedError

    async def cancel(self, call: Call, job: Mapping[str, Any]) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        """Nothing is open."""


class Scheduler:
    """Plays the other side over a connection of its own."""

    def __init__(self, url: str) -> None:
        self.broker = open_broker(url)
        self.inbox: list[Message] = []
        self._came = asyncio.Event()
        self._numbers = count(1)
        self.broker.subscribe([ME, queues.shard(SHARD)], self._on_bodies)

    def _on_bodies(self, bodies: list[bytes]) -> None:
        for body in bodies:
            self.inbox += decode(body)
        self._came.set()

    async def first(self, kind: type[Message], wanted: Callable[[Any], bool] = lambda _: True) -> Any:
        async with asyncio.timeout(20):
            while True:
                for message in self.inbox:
                    if isinstance(message, kind) and wanted(message):
                        return message
                self._came.clear()
                await self._came.wait()

    async def claimed(self) -> Claim:
        token = next(self._numbers).to_bytes(16)
        self.broker.send(queues.offers("default"), encode([Offer(b"e" * 16, SHARD, "0", token, ME)]))
        claim: Claim = await self.first(Claim, lambda claim: claim.token == token)
        return claim

    def grant(self, claim: Claim) -> Grant:
        grant = Grant(b"e" * 16, SHARD, "0", claim.token, claim.token, claim.incarnation, ME, JOB)
        self.broker.send(queues.incarnation(claim.incarnation), encode([grant]))
        return grant


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
async def scheduler(redis_url: str) -> AsyncIterator[Scheduler]:
    opened = Scheduler(redis_url)
    yield opened
    await opened.broker.close()


@pytest.fixture
async def worker(redis_url: str, gate: Gate, scheduler: Scheduler) -> AsyncIterator[Worker]:
    broker = open_broker(redis_url)
    settings = WorkerSettings(resend_seconds=0.2, drain_seconds=0.1, flush_seconds=0.1)
    started = Worker(broker, gate, SystemClock(), SystemIds(), settings)
    running = asyncio.create_task(started.run())
    yield started
    await started.stop()
    await running
    await broker.close()


async def test_an_offer_becomes_a_result_and_an_acknowledged_result_is_forgotten(
    worker: Worker, scheduler: Scheduler
) -> None:
    grant = scheduler.grant(await scheduler.claimed())
    result: Result = await scheduler.first(Result)
    assert (result.kind, result.output, result.grant) == ("succeeded", b'{"a":1}', grant.grant)
    scheduler.broker.send(queues.incarnation(grant.incarnation), encode([Ack([grant.grant])]))
    await worker.stop()
    assert len([one for one in scheduler.inbox if isinstance(one, Result)]) <= 3


async def test_redis_emptied_while_a_task_runs_delays_its_result_at_most(
    worker: Worker, scheduler: Scheduler, gate: Gate, redis_server: RedisServer
) -> None:
    gate.open.clear()
    grant = scheduler.grant(await scheduler.claimed())
    await gate.begun.wait()
    redis_server.flush_all()
    gate.open.set()
    result: Result = await scheduler.first(Result)
    assert result.grant == grant.grant
    assert gate.calls == 1


async def test_redis_restarted_while_a_task_runs_delays_its_result_at_most(
    worker: Worker, scheduler: Scheduler, gate: Gate, redis_server: RedisServer
) -> None:
    gate.open.clear()
    grant = scheduler.grant(await scheduler.claimed())
    await gate.begun.wait()
    await redis_server.restart()
    gate.open.set()
    result: Result = await scheduler.first(Result)
    assert result.grant == grant.grant
    scheduler.grant(await scheduler.claimed())
    await scheduler.first(Result, lambda result: result.grant != grant.grant)
    assert gate.calls == 2
