"""Accepting asynchronous starts: together, within bounds, and never answered without the queue's word."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from services.express import intake as intake_module
from services.express.intake import ExpressIntake
from services.express.memory_queue import MemoryQueue
from services.express.settings import ExpressSettings
from services.express.start import ExpressStart
from services.runtime.faults import BrokerUnavailable, Overloaded
from tests.unit.services.express.test_background import start


class Queue(MemoryQueue):
    def __init__(self) -> None:
        super().__init__()
        self.puts: list[int] = []
        self.away = False
        self.go = asyncio.Event()
        self.go.set()

    async def put(self, starts: Sequence[ExpressStart]) -> int:
        await self.go.wait()
        if self.away:
            raise BrokerUnavailable("Redis is away")
        self.puts.append(len(starts))
        return await super().put(starts)


async def submit(intake: ExpressIntake, count: int) -> list[BaseException | None]:
    return await asyncio.gather(*(intake.submit(start(number)) for number in range(count)), return_exceptions=True)


async def test_starts_that_come_while_one_is_under_way_travel_together() -> None:
    queue = Queue()
    intake = ExpressIntake(queue, ExpressSettings())
    queue.go.clear()
    first = asyncio.create_task(intake.submit(start(1)))
    await asyncio.sleep(0.01)
    rest = asyncio.create_task(submit(intake, 50))
    await asyncio.sleep(0.01)
    assert not first.done()
    queue.go.set()
    await first
    assert await rest == [None] * 50
    assert queue.puts == [1, 50]


async def test_a_queue_that_is_away_refuses_everybody_and_the_next_ones_get_in() -> None:
    queue = Queue()
    intake = ExpressIntake(queue, ExpressSettings())
    queue.away = True
    assert {type(it) for it in await submit(intake, 5)} == {BrokerUnavailable}
    queue.away = False
    assert await submit(intake, 5) == [None] * 5


async def test_a_full_queue_refuses_until_there_is_room() -> None:
    queue = Queue()
    intake = ExpressIntake(queue, ExpressSettings(express_queue_length_max=10))
    assert await submit(intake, 10) == [None] * 10
    with pytest.raises(Overloaded):
        await intake.submit(start(99))
    await queue.take("lane", 5, 1)
    await intake.submit(start(99))


async def test_not_even_memory_holds_more_than_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "_GATHERED_MAX", 3)
    queue = Queue()
    queue.go.clear()
    intake = ExpressIntake(queue, ExpressSettings())
    under_way = asyncio.create_task(submit(intake, 1))
    await asyncio.sleep(0.01)
    many = asyncio.create_task(submit(intake, 5))
    await asyncio.sleep(0.01)
    queue.go.set()
    assert [type(it) for it in await many] == [type(None)] * 3 + [Overloaded] * 2
    await under_way


async def test_large_starts_travel_in_several_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "_BATCH_BYTES", 20)
    queue = Queue()
    intake = ExpressIntake(queue, ExpressSettings())
    assert await submit(intake, 9) == [None] * 9
    assert len(queue.puts) > 1
    assert sum(queue.puts) == 9
