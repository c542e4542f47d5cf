"""The broker inside one process: no polling, no threads, nothing lost."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest

from services.broker import memory_broker, queues
from services.broker.interface import Broker
from services.broker.kombu_broker import open_broker

A, B = queues.scheduler("a"), queues.scheduler("b")
_names = count()


class Inbox:
    """Collects what a subscription gets."""

    def __init__(self) -> None:
        self.deliveries: list[list[bytes]] = []
        self._came = asyncio.Event()

    def __call__(self, bodies: list[bytes]) -> None:
        self.deliveries.append(bodies)
        self._came.set()

    async def next(self) -> list[bytes]:
        await asyncio.wait_for(self._came.wait(), 1)
        self._came.clear()
        return self.deliveries[-1]


@pytest.fixture
async def broker() -> Broker:
    return open_broker(f"memory://test-{next(_names)}")


async def test_everything_that_is_ready_comes_at_once_and_in_order(broker: Broker) -> None:
    inbox = Inbox()
    broker.subscribe([A, B], inbox)
    for number in range(5):
        broker.send(A, b"%d" % number)
    assert await inbox.next() == [b"0", b"1", b"2", b"3", b"4"]


async def test_what_was_sent_before_anybody_listened_waits(broker: Broker) -> None:
    inbox = Inbox()
    broker.send(A, b"early")
    assert await broker.length(A) == 1
    broker.subscribe([A], inbox)
    assert await inbox.next() == [b"early"]
    assert await broker.length(A) == 0


async def test_a_replaced_list_of_queues_counts_at_once(broker: Broker) -> None:
    inbox = Inbox()
    subscription = broker.subscribe([A], inbox)
    subscription.listen_to([B])
    broker.send(A, b"unheard")
    broker.send(B, b"heard")
    assert await inbox.next() == [b"heard"]
    assert await broker.length(A) == 1


async def test_a_paused_subscription_leaves_bodies_to_others(broker: Broker) -> None:
    paused, active = Inbox(), Inbox()
    broker.subscribe([A], paused).listen_to([])
    broker.subscribe([A], active)
    broker.send(A, b"1")
    assert await active.next() == [b"1"]
    assert paused.deliveries == []


async def test_two_brokers_of_one_name_share_queues_and_other_names_do_not(broker: Broker) -> None:
    name = f"memory://shared-{next(_names)}"
    here, there, inbox = open_broker(name), open_broker(name), Inbox()
    there.subscribe([A], inbox)
    broker.send(A, b"another name")
    here.send(A, b"the same name")
    assert await inbox.next() == [b"the same name"]


async def test_a_queue_that_nobody_reads_stops_growing(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_broker, "QUEUE_MESSAGES_MAX", 3)
    for _ in range(5):
        broker.send(A, b"x")
    assert await broker.length(A) == 3
    assert isinstance(broker, memory_broker.MemoryBroker)
    assert broker.traffic.dropped == 2


async def test_a_body_sent_from_another_thread_arrives(broker: Broker) -> None:
    inbox = Inbox()
    broker.subscribe([A], inbox)
    await asyncio.to_thread(broker.send, A, b"1")
    assert await inbox.next() == [b"1"]


async def test_a_closed_broker_delivers_nothing(broker: Broker) -> None:
    inbox = Inbox()
    broker.subscribe([A], inbox)
    broker.send(A, b"1")
    await broker.close()
    await asyncio.sleep(0)
    assert inbox.deliveries == []
    assert broker.connected_seconds() == 0
