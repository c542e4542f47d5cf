"""The express queue on a real Redis: a start is always in exactly one place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from services.express.redis_queue import RedisQueue
from services.express.start import ExpressStart, origin_of
from services.runtime.faults import BrokerUnavailable
from tests.fixtures.redis import RedisServer

SECOND = 1.0


def start(number: int) -> ExpressStart:
    return ExpressStart(
        id=UUID(int=number).bytes,
        arn=f"arn:aws:states:us-east-1:000000000000:express:m:e:{number}",
        name="e",
        machine_arn="arn:aws:states:us-east-1:000000000000:stateMachine:m",
        machine_name="m",
        role_arn="role",
        revision_id=bytes(16),
        input=b'{"bytes": "\\u0000\xc3\xa9"}',
        start_ms=1_700_000_000_000,
    )


def numbers(starts: list[ExpressStart]) -> list[int]:
    return [UUID(bytes=one.id).int for one in starts]


@pytest.fixture
async def queue(redis_url: str) -> AsyncIterator[RedisQueue]:
    opened = RedisQueue(redis_url)
    yield opened
    await opened.close()


async def test_starts_come_in_order_whole_and_counted(queue: RedisQueue) -> None:
    assert await queue.put([start(1), start(2)]) == 2
    assert await queue.put([start(3)]) == 3
    first = await queue.take("lane", 2, SECOND)
    assert (numbers(first), [it.deliveries for it in first]) == ([1, 2], [1, 1])
    assert origin_of(first[0]) == origin_of(start(1))
    assert numbers(await queue.take("lane", 2, SECOND)) == [3]
    assert await queue.length() == 0


async def test_a_lane_that_waits_is_woken_by_a_start(queue: RedisQueue) -> None:
    waiting = asyncio.create_task(queue.take("lane", 5, 9.0))
    await asyncio.sleep(0.05)
    await queue.put([start(1)])
    async with asyncio.timeout(3):
        assert numbers(await waiting) == [1]


async def test_what_a_silent_lane_held_comes_first_and_counts_the_delivery(queue: RedisQueue) -> None:
    await queue.beat("lost", 0.05)
    await queue.put([start(1), start(2), start(3)])
    await queue.take("lost", 2, SECOND)
    await queue.done("lost", [start(1).id])
    await asyncio.sleep(0.1)
    assert await queue.return_orphans() == 1
    assert await queue.return_orphans() == 0
    again = await queue.take("other", 5, SECOND)
    assert [(UUID(bytes=it.id).int, it.deliveries, it.redelivered) for it in again] == [(2, 2, True), (3, 1, False)]


async def test_what_a_living_lane_holds_stays_there(queue: RedisQueue) -> None:
    await queue.beat("living", 30)
    await queue.put([start(1)])
    await queue.take("living", 1, SECOND)
    assert await queue.return_orphans() == 0
    assert await queue.length() == 0


async def test_a_clean_stop_hands_back_without_counting(queue: RedisQueue) -> None:
    await queue.beat("stopped", 30)
    await queue.put([start(1)])
    await queue.take("stopped", 1, SECOND)
    assert await queue.hand_back("stopped") == 1
    (again,) = await queue.take("other", 1, SECOND)
    assert (again.deliveries, again.returns, again.redelivered) == (1, 1, True)


async def test_what_a_lane_gives_up_counts(queue: RedisQueue) -> None:
    await queue.put([start(1)])
    await queue.take("lane", 1, SECOND)
    await queue.give_up("lane", [start(1).id, start(2).id])
    (again,) = await queue.take("lane", 1, SECOND)
    assert again.deliveries == 2


async def test_strays_are_what_the_lane_was_given_but_does_not_know(queue: RedisQueue) -> None:
    await queue.put([start(1), start(2)])
    await queue.take("lane", 2, SECOND)
    assert numbers(await queue.strays("lane", {start(1).id})) == [2]


async def test_dead_letters_keep_their_reason_and_get_another_round(queue: RedisQueue) -> None:
    await queue.put([start(1), start(2)])
    taken = await queue.take("lane", 2, SECOND)
    for one in taken:
        one.reason = "because"
    await queue.bury("lane", taken)
    assert [(it.reason, it.deliveries) for it in await queue.dead(10)] == [("because", 1)] * 2
    assert await queue.strays("lane", ()) == []
    assert await queue.requeue_dead() == 2
    assert await queue.dead(10) == []
    again = await queue.take("lane", 2, SECOND)
    assert [(UUID(bytes=it.id).int, it.deliveries, it.redelivered) for it in again] == [(1, 1, True), (2, 1, True)]


async def test_a_redis_that_is_away_is_a_fault_and_comes_back(redis_server: RedisServer, queue: RedisQueue) -> None:
    await queue.put([start(1)])
    redis_server.stop()
    with pytest.raises(BrokerUnavailable):
        await queue.put([start(2)])
    with pytest.raises(BrokerUnavailable):
        await queue.take("lane", 1, SECOND)
    await asyncio.to_thread(redis_server.start)
    assert await queue.put([start(3)]) == 1


async def test_fsync_refuses_a_redis_that_writes_nothing_to_disk(redis_url: str) -> None:
    queue = RedisQueue(redis_url, fsync=True)
    with pytest.raises(BrokerUnavailable):
        await queue.put([start(1)])
    await queue.close()
