"""Callers that ask the same at the same time share one question."""

from __future__ import annotations

import asyncio

from services.api.single_flight import SingleFlight


class Store:
    def __init__(self) -> None:
        self.asked = 0
        self.gate = asyncio.Event()
        self.fault: Exception | None = None

    async def read(self) -> int:
        self.asked += 1
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return self.asked


async def started(flight: SingleFlight[str, int], store: Store, count: int) -> list[asyncio.Task[int]]:
    calls = [asyncio.create_task(flight.ask("key", store.read)) for _ in range(count)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return calls


async def test_one_question_answers_all_who_wait() -> None:
    flight, store = SingleFlight[str, int](), Store()
    calls = await started(flight, store, 5)
    store.gate.set()
    assert await asyncio.gather(*calls) == [1] * 5
    assert await flight.ask("key", store.read) == 2


async def test_a_caller_that_goes_away_does_not_take_the_answer_along() -> None:
    flight, store = SingleFlight[str, int](), Store()
    first, second = await started(flight, store, 2)
    first.cancel()
    store.gate.set()
    assert await second == 1


async def test_a_fault_reaches_all_and_is_not_kept() -> None:
    flight, store = SingleFlight[str, int](), Store()
    store.fault = ZeroDivisionError()
    calls = await started(flight, store, 2)
    store.gate.set()
    assert [type(answer) for answer in await asyncio.gather(*calls, return_exceptions=True)] == [ZeroDivisionError] * 2
    store.fault = None
    assert await flight.ask("key", store.read) == 2
