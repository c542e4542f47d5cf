"""Turns that take long: advanced aside, one at a time, and a part of the time is left to everybody else."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from services.runtime.pace import QUICK_TURNS, SLOW_SECONDS
from services.scheduler.caution import Caution
from services.scheduler.gathering import Gathering
from services.scheduler.observe import Silent
from services.scheduler.ready_queue import ReadyQueue
from services.scheduler.resident import Delivery, Resident
from services.scheduler.settings import SchedulerSettings
from tests.fixtures.scheduler_world import PASS, World, states, wait
from tests.fixtures.virtual_loop import run_virtually

SHORT, LONG = SLOW_SECONDS / 2, SLOW_SECONDS * 2


def waiting(machine: int, number: int = 0, jsonata: bool = False) -> Resident:
    """An execution of a state machine, as far as the queue looks at one."""
    found = SimpleNamespace(
        row=SimpleNamespace(machine_id=UUID(int=machine)), key=bytes([machine, number]), queued=False, gone=False,
        shard=0, pending=[], id=number, in_flight=False,
        execution=SimpleNamespace(program=SimpleNamespace(uses_jsonata=jsonata)),
    )  # fmt: skip
    return cast(Resident, found)


def popped(queue: ReadyQueue, slow_too: bool) -> list[bytes]:
    found = []
    while (resident := queue.pop(slow_too)) is not None:
        found.append(resident.key)
    return found


def test_slow_machines_wait_until_they_are_let_in() -> None:
    queue = ReadyQueue()
    first = waiting(1)
    queue.push(first)
    assert queue.pop() is first
    for resident in (waiting(1, 1), waiting(2, 1), waiting(1, 2), waiting(2, 2)):
        queue.push(resident)
    queue.took(first, seconds=LONG)
    assert popped(queue, slow_too=False) == [b"\x02\x01", b"\x02\x02"]
    assert (len(queue), queue.only_slow) == (2, True)
    queue.push(waiting(2, 3))
    assert not queue.only_slow
    assert popped(queue, slow_too=True) == [b"\x01\x01", b"\x01\x02", b"\x02\x03"]


def test_a_machine_is_quick_again_after_many_quick_turns() -> None:
    queue = ReadyQueue()
    one = waiting(1)
    queue.took(one, seconds=LONG)
    queue.push(waiting(1, 1))
    for _ in range(QUICK_TURNS - 1):
        queue.took(one, seconds=SHORT)
    assert queue.only_slow
    queue.took(one, seconds=SHORT)
    assert popped(queue, slow_too=False) == [b"\x01\x01"]


def test_who_evaluates_jsonata_is_believed_after_one_quick_turn() -> None:
    queue = ReadyQueue()
    one, plain = waiting(1, jsonata=True), waiting(2)
    queue.push(one)
    queue.push(plain)
    assert (queue.expects_slow(one), queue.expects_slow(plain)) == (True, False)
    assert popped(queue, slow_too=True) == [one.key, plain.key]
    queue.took(one, seconds=SHORT)
    queue.push(waiting(1, 1, jsonata=True))
    assert not queue.expects_slow(one)
    assert popped(queue, slow_too=False) == [b"\x01\x01"]


def test_what_is_put_back_is_the_next_of_its_kind() -> None:
    queue = ReadyQueue()
    slow = waiting(1)
    queue.took(slow, seconds=LONG)
    queue.push(waiting(2))
    queue.put_back(slow)
    assert popped(queue, slow_too=False) == [b"\x02\x00"]
    assert popped(queue, slow_too=True) == [b"\x01\x00"]


class Bench:
    """A gathering whose turns take as long as their machine's number in seconds, and whose commits take no time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.taken: list[tuple[float, int]] = []
        self.wakes: list[float] = []
        self.quarantined: list[bytes] = []
        self.shard = SimpleNamespace(closing=False)
        self.aside = asyncio.Event()
        self.gathering = Gathering(
            cast(Any, SimpleNamespace(owned={0: self.shard}, remove=lambda resident: None)),
            cast(Any, self),
            SchedulerSettings(),
            Silent(),
            Caution(),
            lambda: 0,
            lambda: self.now,
            nothing_to_commit=lambda turn: None,
            quarantine=self.quarantined.append,
            wake_after=self.wakes.append,
            wake=lambda: None,
            run_aside=self.run_aside,
        )

    async def run_aside(self, advance: Any, opened: Any) -> None:
        await self.aside.wait()
        advance(opened)

    # what is asked of turns

    def take(self, resident: Resident, now_ms: int) -> Any:
        opened = self.open(resident, now_ms)
        self.advance(opened)
        return self.close(opened)

    def open(self, resident: Resident, now_ms: int) -> Any:
        deliveries, resident.pending = resident.pending, []
        return SimpleNamespace(resident=resident, deliveries=deliveries, left=[])

    def advance(self, opened: Any) -> None:
        machine = opened.resident.row.machine_id.int
        assert machine < 9, "an invariant"
        self.taken.append((self.now, machine))
        self.now += machine

    def close(self, opened: Any) -> Any:
        return SimpleNamespace(resident=opened.resident, deliveries=opened.deliveries, page=None, must_commit=True)

    def batch(self) -> list[int]:
        """The machines in the next commit."""
        self.gathering.gather()
        return [turn.resident.row.machine_id.int for turn in self.gathering.hand_over()]

    async def finish(self) -> None:
        """Let the turn that is aside come to its end."""
        self.aside.set()
        for _ in range(4):
            await asyncio.sleep(0)
        self.aside.clear()


async def test_a_long_turn_ends_its_batch_and_the_next_one_is_taken_aside_after_a_rest() -> None:
    bench = Bench()
    for number in range(3):
        bench.gathering.push(waiting(2, number))
        bench.gathering.push(waiting(0, number))
    assert bench.batch() == [2]  # nobody knew that it is slow
    assert bench.batch() == [0, 0, 0]
    assert (bench.batch(), bench.wakes) == ([], [0.5, 0.5])
    bench.now += 0.5
    bench.gathering.push(waiting(0, 9))
    assert bench.batch() == [0]  # the slow one is away, and holds nobody up
    assert len(bench.taken) == 5
    await bench.finish()
    assert bench.batch() == [2]
    assert [at for at, machine in bench.taken if machine == 2] == [0.0, 2.5]


async def test_one_turn_is_aside_at_a_time() -> None:
    bench = Bench()
    first, second = waiting(1, 1, jsonata=True), waiting(2, 2, jsonata=True)
    for resident in (first, second):
        bench.gathering.push(resident)
    assert bench.batch() == []
    assert (first.in_flight, second.in_flight) == (True, False)
    assert bench.batch() == []
    await bench.finish()
    bench.now += 1
    assert bench.batch() == [1]
    assert second.in_flight
    await bench.finish()
    assert bench.batch() == [2]


async def test_slow_machines_are_never_left_out_however_many_quick_ones_come() -> None:
    bench = Bench()
    bench.gathering.push(waiting(1, 0))
    bench.batch()
    for number in range(1, 200):
        bench.gathering.push(waiting(1, number))
        bench.gathering.push(waiting(0, number))
        bench.batch()
        await bench.finish()
        bench.now += 0.125
    slow = [at for at, machine in bench.taken if machine == 1]
    assert len(slow) > 20
    assert 1.25 * len(slow) <= bench.now + 2  # four fifths of the time at most


async def test_a_turn_aside_that_breaks_an_invariant_is_forgotten_and_its_execution_put_aside() -> None:
    bench = Bench()
    broken = waiting(9, jsonata=True)
    told = Delivery()
    broken.pending.append(told)
    bench.gathering.push(broken)
    bench.batch()
    await bench.finish()
    assert (bench.batch(), bench.quarantined, broken.pending) == ([], [broken.key], [told])


async def test_a_turn_aside_whose_shard_was_given_up_is_forgotten() -> None:
    bench = Bench()
    gone = waiting(1, 1, jsonata=True)
    bench.gathering.push(gone)
    bench.batch()
    gone.gone = True
    await bench.finish()
    assert bench.batch() == []


async def test_a_turn_aside_whose_shard_is_being_given_up_leaves_what_it_was_told() -> None:
    bench = Bench()
    closing = waiting(1, 1, jsonata=True)
    told, told_meanwhile = Delivery(), Delivery()
    closing.pending.append(told)
    bench.gathering.push(closing)
    bench.batch()
    closing.pending.append(told_meanwhile)
    bench.shard.closing = True
    await bench.finish()
    assert bench.batch() == []
    assert closing.pending == [told, told_meanwhile]
    assert closing.pending[0] is told


LOOP = {"QueryLanguage": "JSONata", "Type": "Pass", "Output": "{% $sum([1..100]) %}"}


def test_what_reaches_an_execution_while_its_turn_is_aside_has_the_next_turn() -> None:
    async def main() -> None:
        world = World(shards=1)
        away = asyncio.Event()
        usual = world.run_aside

        async def slowly(advance: Any, turn: Any) -> None:
            away.set()
            await world.clock.sleep(0.5)
            await usual(advance, turn)

        world.run_aside = slowly
        scheduler = world.scheduler()
        await world.until(lambda: scheduler.shards == [0], 10)
        (looping,) = await world.start(world.machine(states("a", "w", a=LOOP, w=wait(60))))
        await world.until(away.is_set, 1)
        (neighbour,) = await world.start(world.machine(states("p", p=PASS)))
        stop = await world.command(looping, "stop")
        await world.until(lambda: world.status(neighbour) == "SUCCEEDED", 0.2)
        assert world.reply(stop) is None
        await world.until(lambda: world.reply(stop) is not None, 2)
        assert world.reply(stop).error == ""
        entered = ["ExecutionStarted", "PassStateEntered", "PassStateExited", "WaitStateEntered"]
        assert world.events(looping) == [*entered, "ExecutionAborted"]

    run_virtually(main())


def test_a_scheduler_that_is_killed_while_a_turn_is_aside_loses_nothing() -> None:
    async def main() -> None:
        world = World(shards=1)
        world.run_aside = cast(Any, lambda advance, turn: asyncio.Event().wait())
        scheduler = world.scheduler()
        await world.until(lambda: scheduler.shards == [0], 10)
        (looping,) = await world.start(world.machine(states("a", a=LOOP)))
        await world.clock.sleep(0.5)
        assert world.status(looping) == "RUNNING"
        await world.kill_scheduler()
        del world.run_aside
        world.scheduler()
        await world.until_ended(30)
        assert world.events(looping)[-1] == "ExecutionSucceeded"

    run_virtually(main())
