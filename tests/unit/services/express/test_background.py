"""One lane of asynchronous express on virtual time, on a queue that can fail."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any
from uuid import UUID

from services.execution_logs.log import ExecutionLog
from services.execution_logs.policy import Policies
from services.express.background import BackgroundExpress
from services.express.lane import Lane
from services.express.memory_queue import MemoryQueue
from services.express.settings import ExpressSettings
from services.express.start import ExpressStart, start_of
from services.express.watch import Silent
from services.integrations.interface import Call, Outcome, Succeeded
from services.runtime.faults import BrokerUnavailable, StoreUnavailable
from services.runtime.ids import SystemIds
from services.store.programs import Programs
from services.store.records import Revision
from tests.fixtures.virtual_loop import EPOCH_MS, VirtualClock, run_virtually
from tests.unit.services.express.material import Answer, Calls, Records, echo, inline, machine, origin, task

PASS = machine(A={"Type": "Pass", "End": True})
NAP = machine(W={"Type": "Wait", "Seconds": 10, "End": True})
LOGGED = {"level": "ALL", "includeExecutionData": True}


class Queue(MemoryQueue):
    """Loses answers and goes away when told to; remembers acknowledgements."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.lose_next_answer = False
        self.acknowledged: list[bytes] = []

    async def take(self, lane: str, count: int, wait_seconds: float) -> list[ExpressStart]:
        self._reach()
        taken = await super().take(lane, count, wait_seconds)
        if self.lose_next_answer:
            self.lose_next_answer = False
            raise BrokerUnavailable("the answer was lost")
        return taken

    async def strays(self, lane: str, known: Collection[bytes]) -> list[ExpressStart]:
        self._reach()
        return [start for key, start in self._held.get(lane, {}).items() if key not in known]

    async def done(self, lane: str, ids: Sequence[bytes]) -> None:
        self._reach()
        await super().done(lane, ids)
        self.acknowledged += ids

    def _reach(self) -> None:
        if self.away:
            raise BrokerUnavailable("Redis is away")

    def held(self) -> int:
        return sum(map(len, self._held.values()))


class Definitions:
    """Revisions by the number of their machine; can be away."""

    def __init__(self, *definitions: Any) -> None:
        self.away = False
        self._texts = [one if isinstance(one, str) else json.dumps(one) for one in definitions]

    async def revision(self, revision_id: UUID) -> Revision:
        if self.away:
            raise StoreUnavailable("Postgres is away")
        if revision_id.int >= len(self._texts):
            raise KeyError(revision_id)
        text = self._texts[revision_id.int]
        return Revision(
            id=revision_id,
            machine_id=revision_id,
            number=0,
            definition=text,
            role_arn="r",
            created_ms=0,
            logging=LOGGED,
        )


def start(number: int, definition: int = 0) -> ExpressStart:
    return start_of(origin({"n": number}, number), UUID(int=definition))


class World:
    """A queue, definitions, a log, and lanes that come and go."""

    def __init__(self, *definitions: Any, answer: Answer = echo, **settings: Any) -> None:
        self.queue = Queue()
        self.definitions = Definitions(*definitions)
        self.calls = Calls(answer)
        self.records = Records()
        self.settings = ExpressSettings(**settings)
        self.lane: Lane | None = None

    @contextlib.asynccontextmanager
    async def running(self, name: str = "lane") -> AsyncIterator[BackgroundExpress]:
        """A lane for the length of a block; it is stopped cleanly at the end."""
        log, clock = ExecutionLog([self.records]), VirtualClock()
        self.lane = Lane(self.calls, log, clock, SystemIds(), self.settings, inline())
        programs = Programs(self.definitions, 1 << 20)
        lane = BackgroundExpress(name, self.lane, self.queue, programs, Policies(), log, clock, self.settings, Silent())
        life = asyncio.create_task(lane.run())
        yield lane
        await lane.stop()
        await life

    @property
    def ended(self) -> list[str]:
        """ARNs whose end is in the log."""
        return [it["execution_arn"] for it in self.records.records if it["type"] == "ExecutionSucceeded"]


def test_an_execution_is_acknowledged_after_it_has_ended() -> None:
    async def main(world: World) -> None:
        async with world.running():
            await world.queue.put([start(1)])
            await asyncio.sleep(5)
            assert (world.queue.held(), world.queue.acknowledged) == (1, [])
            await asyncio.sleep(6)
            assert (world.queue.held(), world.queue.acknowledged) == (0, [start(1).id])

    run_virtually(main(World(NAP)))


def test_starts_of_a_lost_answer_are_run() -> None:
    async def main(world: World) -> None:
        world.queue.lose_next_answer = True
        await world.queue.put([start(1), start(2)])
        async with world.running():
            await asyncio.sleep(5)
            assert sorted(world.queue.acknowledged) == [start(1).id, start(2).id]
            assert len(world.ended) == 2

    run_virtually(main(World(PASS)))


def test_an_end_while_the_queue_is_away_is_acknowledged_when_it_is_back() -> None:
    async def main(world: World) -> None:
        async with world.running():
            await world.queue.put([start(1)])
            await asyncio.sleep(1)
            world.queue.away = True
            await asyncio.sleep(20)
            world.queue.away = False
            await asyncio.sleep(1)
            assert world.queue.acknowledged == [start(1).id]

    run_virtually(main(World(NAP)))


def test_a_definition_that_cannot_be_used_goes_to_the_dead_letters_and_the_lane_goes_on() -> None:
    async def main(world: World) -> None:
        async with world.running():
            await world.queue.put([start(1, definition=0), start(2, definition=1), start(3, definition=9)])
            await asyncio.sleep(1)
            assert world.queue.acknowledged == [start(2).id]
            dead = await world.queue.dead(10)
            assert {it.id for it in dead} == {start(1).id, start(3).id}
            assert all(it.reason.startswith("The definition could not be used") for it in dead)

    run_virtually(main(World("not a definition", PASS)))


def test_a_definition_that_cannot_be_read_now_is_waited_for_and_others_go_on() -> None:
    async def main(world: World) -> None:
        async with world.running():
            await world.queue.put([start(1, definition=0)])
            await asyncio.sleep(1)
            world.definitions.away = True
            await world.queue.put([start(2, definition=1), start(3, definition=0)])
            await asyncio.sleep(5)
            assert world.queue.acknowledged == [start(1).id, start(3).id]
            world.definitions.away = False
            await asyncio.sleep(1)
            assert world.queue.acknowledged == [start(1).id, start(3).id, start(2).id]

    run_virtually(main(World(PASS, PASS)))


def test_what_was_delivered_too_often_is_logged_as_failed_and_kept_apart() -> None:
    async def main(world: World) -> None:
        poison = start(1)
        poison.deliveries = 3
        async with world.running():
            await world.queue.put([poison])
            await asyncio.sleep(1)
            (dead,) = await world.queue.dead(10)
            assert dead.reason == "delivered 3 times, and every lane that ran it was lost"
            assert [(it["type"], it["redelivered"]) for it in world.records.records] == [("ExecutionFailed", "true")]
            assert await world.queue.requeue_dead() == 1
            await asyncio.sleep(1)
            assert len(world.ended) == 1

    run_virtually(main(World(PASS)))


def test_a_clean_stop_hands_back_at_once_and_the_next_lane_says_redelivered() -> None:
    async def main(world: World) -> None:
        async with world.running("first"):
            await world.queue.put([start(1)])
            await asyncio.sleep(5)
        assert (world.queue.held(), await world.queue.length()) == (0, 1)
        logged = len(world.records.records)
        async with world.running("second"):
            await asyncio.sleep(11)
            assert world.queue.acknowledged == [start(1).id]
        again = world.records.records[logged:]
        assert again[0]["type"] == "ExecutionStarted"
        assert {it["redelivered"] for it in again} == {"true"}

    run_virtually(main(World(NAP)))


def test_many_clean_stops_bury_nothing() -> None:
    async def main(world: World) -> None:
        await world.queue.put([start(1)])
        for number in range(10):
            async with world.running(str(number)):
                await asyncio.sleep(5)
        assert await world.queue.dead(10) == []
        assert await world.queue.length() == 1

    run_virtually(main(World(NAP)))


def test_no_more_are_taken_than_may_be_under_way() -> None:
    async def main(world: World) -> None:
        await world.queue.put([start(number) for number in range(1, 11)])
        async with world.running():
            await asyncio.sleep(1)
            assert world.lane is not None
            assert (world.lane.running, world.queue.held()) == (4, 4)
            await asyncio.sleep(10)
            assert len(world.queue.acknowledged) == 4
            await asyncio.sleep(25)
            assert len(world.queue.acknowledged) == 10

    run_virtually(main(World(NAP, express_concurrency_max=4)))


def test_five_minutes_count_from_the_start_not_from_the_delivery() -> None:
    async def main(world: World) -> None:
        await asyncio.sleep(200)
        await world.queue.put([start(1)])
        async with world.running():
            await asyncio.sleep(101)
            last = world.records.records[-1]
            assert (last["type"], last["event_timestamp"]) == ("ExecutionTimedOut", str(EPOCH_MS + 300_000))
            assert world.queue.acknowledged == [start(1).id]

    run_virtually(main(World(machine(W={"Type": "Wait", "Seconds": 250, "End": True}))))


def test_a_call_under_way_is_cut_off_by_a_clean_stop() -> None:
    async def slow(call: Call) -> Outcome:
        await asyncio.sleep(100)
        return Succeeded(b"1")

    async def main(world: World) -> None:
        async with world.running():
            await world.queue.put([start(1)])
            await asyncio.sleep(1)
        await asyncio.sleep(0)
        assert world.calls.cancelled == 1

    run_virtually(main(World(machine(T=task()), answer=slow)))
