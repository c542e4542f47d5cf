"""The broker on a real Redis: round trips, an emptied server, broken connections, a restart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
import redis

from services.broker import publisher, queues
from services.broker.kombu_broker import KombuBroker, open_broker
from services.runtime.faults import BrokerUnavailable
from tests.fixtures.redis import RedisServer

A, B = queues.scheduler("a"), queues.scheduler("b")


class Inbox:
    """Collects bodies, and lets tests wait for them."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self._changed = asyncio.Event()

    def __call__(self, bodies: list[bytes]) -> None:
        self.bodies += bodies
        self._changed.set()

    async def holds(self, *bodies: bytes) -> None:
        async with asyncio.timeout(20):
            while not set(bodies) <= set(self.bodies):
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
async def broker(redis_url: str) -> AsyncIterator[KombuBroker]:
    opened = open_broker(redis_url)
    assert isinstance(opened, KombuBroker)
    yield opened
    await opened.close()


async def connection_is(broker: KombuBroker, up: bool) -> None:
    async with asyncio.timeout(20):
        while bool(broker.connected_seconds()) is not up:  # noqa: ASYNC110 - nobody signals it
            await asyncio.sleep(0.005)


async def insist(broker: KombuBroker, inbox: Inbox, body: bytes) -> None:
    """Send again until it arrives, as the protocol does."""
    async with asyncio.timeout(20):
        while body not in inbox.bodies:
            broker.send(A, body)
            await asyncio.sleep(0.05)


async def test_bodies_arrive_once_in_order_and_whatever_their_bytes(broker: KombuBroker) -> None:
    inbox = Inbox()
    broker.subscribe([A], inbox)
    sent = [bytes([number]) * 3 for number in range(256)] + [b"x" * 3_000_000, b"the end"]
    for body in sent:
        broker.send(A, body)
    await inbox.holds(b"the end")
    assert inbox.bodies == sent


async def test_two_processes_talk_to_one_another(broker: KombuBroker, redis_url: str) -> None:
    other, inbox = open_broker(redis_url), Inbox()
    other.subscribe([B], lambda bodies: [other.send(A, b"answer to " + body) for body in bodies] and None)
    broker.subscribe([A], inbox)
    broker.send(B, b"1")
    await inbox.holds(b"answer to 1")
    await other.close()


async def test_offers_are_shared_out_and_not_doubled(broker: KombuBroker, redis_url: str) -> None:
    other, inbox, shared = open_broker(redis_url), Inbox(), queues.offers("default")
    broker.subscribe([shared], inbox)
    other.subscribe([shared], inbox)
    sent = [b"%d" % number for number in range(100)]
    for body in sent:
        broker.send(shared, body)
    await inbox.holds(*sent)
    assert sorted(inbox.bodies) == sorted(sent)
    await other.close()


async def test_a_changed_list_of_queues_is_heard_without_waiting_for_a_message(broker: KombuBroker) -> None:
    inbox = Inbox()
    subscription = broker.subscribe([A], inbox)
    broker.send(A, b"1")
    await inbox.holds(b"1")
    subscription.listen_to([B])
    broker.send(B, b"2")
    await inbox.holds(b"2")
    subscription.listen_to([])
    broker.send(B, b"3")  # it may still be taken: it was on its way
    subscription.listen_to([A, B])
    broker.send(A, b"4")
    await inbox.holds(b"3", b"4")


async def test_the_length_counts_messages_and_queues_expire(broker: KombuBroker, redis_server: RedisServer) -> None:
    shared = queues.offers("nobody")
    assert await broker.length(shared) == 0
    for _ in range(3):
        broker.send(shared, b"x")
    assert await broker.length(shared) == 3
    with redis.Redis(port=redis_server.port) as client:
        assert 0 < client.ttl(shared) <= queues.EXPIRES_SECONDS


async def test_nothing_on_the_wire_is_pickled(broker: KombuBroker, redis_server: RedisServer) -> None:
    broker.send(A, b"x")
    await broker.length(A)
    with redis.Redis(port=redis_server.port) as client:
        message = client.lrange(A, 0, -1)[0]
    assert b'"content-type":"application/x-msgpack"' in message
    assert b"pickle" not in message


async def test_after_flushall_new_bodies_arrive(broker: KombuBroker, redis_server: RedisServer) -> None:
    inbox = Inbox()
    broker.subscribe([A], inbox)
    broker.send(A, b"before")
    await inbox.holds(b"before")
    redis_server.flush_all()
    broker.send(A, b"after")
    await inbox.holds(b"after")
    assert broker.traffic.disconnects == 0


async def test_cut_connections_are_replaced(broker: KombuBroker, redis_server: RedisServer) -> None:
    inbox = Inbox()
    broker.subscribe([A], inbox)
    await connection_is(broker, True)
    for number in range(5):
        redis_server.cut_connections()
        await insist(broker, inbox, b"%d" % number)
    await connection_is(broker, True)


async def test_a_restarted_server_is_found_again(
    broker: KombuBroker, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = Inbox()
    broker.subscribe([A], inbox)
    await connection_is(broker, True)
    await asyncio.to_thread(redis_server.stop)
    try:
        await connection_is(broker, False)
        with pytest.raises(BrokerUnavailable):
            await broker.length(A)
        broker.send(A, b"sent while it was down")
    finally:
        await asyncio.to_thread(redis_server.start)
    await inbox.holds(b"sent while it was down")
    await connection_is(broker, True)
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert 1 <= len(warnings) <= 4, "few lines, not one per try"


async def test_without_a_server_the_buffer_stays_bounded(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "BUFFER_BYTES_MAX", 1_000)
    lonely = open_broker("redis://127.0.0.1:1/0")
    assert isinstance(lonely, KombuBroker)
    for _ in range(100):
        lonely.send(A, b"x" * 100)
    with pytest.raises(BrokerUnavailable):
        await lonely.length(A)
    assert lonely.connected_seconds() == 0
    assert lonely.traffic.dropped == 90
    monkeypatch.setattr("services.broker.kombu_broker.CLOSE_SECONDS", 0.1)
    await lonely.close()
