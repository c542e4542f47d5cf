"""Group commit of starts: what is ready goes together, one batch in flight, hints after the commit."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from services.api.admission import Admission
from services.api.owners import Owners
from services.broker.messages import Hint
from services.runtime.clock import SystemClock
from services.runtime.faults import Fault, StoreUnavailable
from services.store.records import NewExecution
from tests.unit.services.api.conftest import AdmissionFake, Broker


def row(number: int, name: str | None = None, shard: int | None = None) -> NewExecution:
    return NewExecution(
        id=UUID(int=number),
        shard=number % 4 if shard is None else shard,
        machine_id=UUID(int=0),
        revision_id=UUID(int=0),
        name=name or f"e{number}",
        input=b"{}",
        start_ms=0,
    )


def admission(store: AdmissionFake, broker: Broker) -> Admission:
    return Admission(store, broker, Owners(store, SystemClock(), 1.0))


async def test_starts_that_come_together_share_one_transaction(broker: Broker) -> None:
    store = AdmissionFake()
    gate = admission(store, broker)
    assert await asyncio.gather(*(gate.admit(row(n)) for n in range(5))) == [None] * 5
    assert store.batches == [["e0", "e1", "e2", "e3", "e4"]]


async def test_while_one_transaction_is_in_flight_the_next_gathers(broker: Broker) -> None:
    store = AdmissionFake()
    gate = admission(store, broker)
    store.gate.clear()
    first = asyncio.create_task(gate.admit(row(1)))
    while not store.batches:  # noqa: ASYNC110 (a turn of the loop at a time)
        await asyncio.sleep(0)
    others = [asyncio.create_task(gate.admit(row(n))) for n in (2, 3)]
    await asyncio.sleep(0)
    assert store.batches == [["e1"]]
    store.gate.set()
    await asyncio.gather(first, *others)
    assert store.batches == [["e1"], ["e2", "e3"]]


async def test_the_second_start_of_one_name_waits_to_see_the_first(broker: Broker) -> None:
    store = AdmissionFake()
    gate = admission(store, broker)
    await asyncio.gather(gate.admit(row(1, "same")), gate.admit(row(2, "same")), gate.admit(row(3)))
    assert store.batches == [["same", "e3"], ["same"]]


async def test_owners_get_one_hint_per_batch_after_the_commit(broker: Broker) -> None:
    store = AdmissionFake()
    gate = admission(store, broker)
    await asyncio.gather(*(gate.admit(row(n)) for n in range(4)))
    while len(broker.sent) < 2:  # noqa: ASYNC110 (a turn of the loop at a time)
        await asyncio.sleep(0)
    assert broker.sent == [
        ("s0", Hint([UUID(int=0).bytes, UUID(int=1).bytes])),
        ("s1", Hint([UUID(int=2).bytes])),  # shard 3 has no owner: its next one finds the execution
    ]


async def test_a_fault_reaches_every_caller_of_the_batch_and_no_other(broker: Broker) -> None:
    store = AdmissionFake()
    gate = admission(store, broker)
    store.fault = StoreUnavailable("gone")
    answers = await asyncio.gather(gate.admit(row(1)), gate.admit(row(2)), return_exceptions=True)
    assert all(isinstance(answer, StoreUnavailable) for answer in answers)
    store.fault = None
    assert await gate.admit(row(3)) is None


async def test_a_broken_store_leaves_nobody_waiting(broker: Broker) -> None:
    store = AdmissionFake()
    gate = admission(store, broker)
    store.fault = ZeroDivisionError()
    with pytest.raises(Fault):
        await asyncio.wait_for(gate.admit(row(1)), 5)


async def test_a_caller_that_went_away_does_not_disturb_the_others(broker: Broker) -> None:
    store = AdmissionFake()
    gate = admission(store, broker)
    store.gate.clear()
    gone, stays = (asyncio.create_task(gate.admit(row(n))) for n in (1, 2))
    while not store.batches:  # noqa: ASYNC110 (a turn of the loop at a time)
        await asyncio.sleep(0)
    gone.cancel()
    store.gate.set()
    assert await stays is None
