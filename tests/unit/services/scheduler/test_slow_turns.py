"""Turns that take long: their state machines stand apart, and leave a part of the time to everybody else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from services.scheduler.caution import Caution
from services.scheduler.gathering import Gathering
from services.scheduler.observe import Silent
from services.scheduler.ready_queue import ReadyQueue
from services.scheduler.resident import Resident
from services.scheduler.settings import SchedulerSettings


def waiting(machine: int, number: int = 0) -> Resident:
    """An execution of a state machine, as far as the queue looks at one."""
    found = SimpleNamespace(
        row=SimpleNamespace(machine_id=UUID(int=machine)), key=bytes([machine, number]), queued=False, gone=False,
        shard=0, pending=[], id=number, in_flight=False,
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
    queue.took(first, slow=True)
    assert popped(queue, slow_too=False) == [b"\x02\x01", b"\x02\x02"]
    assert (len(queue), queue.only_slow) == (2, True)
    queue.push(waiting(2, 3))
    assert not queue.only_slow
    assert popped(queue, slow_too=True) == [b"\x01\x01", b"\x01\x02", b"\x02\x03"]


def test_a_machine_whose_turn_was_short_is_quick_again() -> None:
    queue = ReadyQueue()
    one = waiting(1)
    queue.took(one, slow=True)
    queue.push(waiting(1, 1))
    assert queue.only_slow
    queue.took(one, slow=False)
    assert popped(queue, slow_too=False) == [b"\x01\x01"]


def test_what_is_put_back_is_the_next_of_its_kind() -> None:
    queue = ReadyQueue()
    slow = waiting(1)
    queue.took(slow, slow=True)
    queue.push(waiting(2))
    queue.put_back(slow)
    assert popped(queue, slow_too=False) == [b"\x02\x00"]
    assert popped(queue, slow_too=True) == [b"\x01\x00"]


class World:
    """A gathering whose turns take as long as their machine's number in seconds, and whose commits take no time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.taken: list[tuple[float, int]] = []
        self.wakes: list[float] = []
        self.gathering = Gathering(
            cast(Any, SimpleNamespace(owned={0: SimpleNamespace(closing=False)})),
            cast(Any, self),
            SchedulerSettings(),
            Silent(),
            Caution(),
            lambda: 0,
            lambda: self.now,
            nothing_to_commit=lambda turn: None,
            quarantine=lambda key: None,
            wake_after=self.wakes.append,
        )

    def take(self, resident: Resident, now_ms: int) -> Any:
        machine = resident.row.machine_id.int
        self.taken.append((self.now, machine))
        self.now += machine
        return SimpleNamespace(resident=resident, page=None, must_commit=True)

    def batch(self) -> list[int]:
        """The machines in the next commit."""
        self.gathering.gather()
        return [turn.resident.row.machine_id.int for turn in self.gathering.hand_over()]


def test_a_long_turn_ends_its_batch_and_the_next_one_waits_for_a_quarter_of_it() -> None:
    world = World()
    for number in range(3):
        world.gathering.push(waiting(2, number))
        world.gathering.push(waiting(0, number))
    assert world.batch() == [2]  # nobody knew that it is slow
    assert world.batch() == [0, 0, 0]
    assert (world.batch(), world.wakes) == ([], [0.5, 0.5])
    world.now += 0.25
    world.gathering.push(waiting(0, 9))
    assert world.batch() == [0]
    world.now += 0.25
    assert world.batch() == [2]
    assert [at for at, machine in world.taken if machine == 2] == [0.0, 2.5]


def test_slow_machines_are_never_left_out_however_many_quick_ones_come() -> None:
    world = World()
    world.gathering.push(waiting(1, 0))
    world.batch()
    for number in range(1, 200):
        world.gathering.push(waiting(1, number))
        world.gathering.push(waiting(0, number))
        world.batch()
        world.now += 0.125
    slow = [at for at, machine in world.taken if machine == 1]
    assert len(slow) > 20
    assert 1.25 * len(slow) <= world.now + 2  # four fifths of the time at most
