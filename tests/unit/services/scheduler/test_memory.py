"""What memory holds and forgets: parking, wake-ups, scans, admission, and executions that break something."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from engine.execution.execution import Execution
from services.broker.messages import Hint, encode
from services.runtime.faults import CommitUnknown
from services.scheduler.caution import Caution
from services.scheduler.database_clock import DatabaseClock
from services.scheduler.ready_queue import ReadyQueue
from services.scheduler.resident import Resident
from services.scheduler.revive import revive
from services.scheduler.settings import SchedulerSettings
from services.scheduler.turn import Turns
from services.scheduler.wake_ups import WakeUps
from services.store.records import LoadedExecution
from tests.fixtures.memory_host import MemoryHost
from tests.fixtures.memory_store import Faults
from tests.fixtures.scheduler_world import PASS, TASK, World, states, wait
from tests.fixtures.virtual_loop import VirtualClock, run_virtually


async def owned_world(**options) -> World:
    options.setdefault("shards", 1)
    world = World(**options)
    scheduler = world.scheduler()
    await world.until(lambda: len(scheduler.shards) == world.store.shards, 10)
    await world.clock.sleep(0.1)
    return world


def lateness_ms(world: World, execution_id: UUID, seconds: int) -> int:
    row = world.store.executions[execution_id].row
    return (row.stop_ms or 0) - row.start_ms - 1000 * seconds


def test_a_short_wait_stays_in_memory_and_costs_no_row():
    async def main():
        world = await owned_world()
        (execution_id,) = await world.start(world.machine(states("w", w=wait(20))))
        await world.clock.sleep(1)
        one = world.store.executions[execution_id]
        assert one.wake_at_ms == one.row.start_ms
        await world.until_ended(25)
        assert 0 <= lateness_ms(world, execution_id, 20) <= 10

    run_virtually(main())


def test_a_long_wait_is_parked_by_the_commit_that_begins_it_and_memory_may_forget_it():
    async def main():
        world = await owned_world(settings=SchedulerSettings(parked_max=10))
        ids = await world.start(world.machine(states("w", "p", w=wait(3_600), p=PASS)), 100)
        await world.clock.sleep(1)
        scheduler = world.schedulers[0][0]
        assert scheduler.residents == 10
        for one in world.store.executions.values():
            assert one.wake_at_ms == one.row.start_ms + 3_600_000
        assert sum(len(batch.pages) for batch in world.store.commits) == 100
        await world.clock.sleep(3_597)
        assert world.running() == 100
        await world.until_ended(4)
        assert all(0 <= lateness_ms(world, one, 3_600) <= 20 for one in ids)
        await world.clock.sleep(1)
        assert scheduler.residents == 0

    run_virtually(main())


def test_what_no_longer_waits_long_is_due_at_once_for_a_new_owner():
    async def main():
        world = await owned_world(settings=SchedulerSettings(parked_max=0))
        machine = world.machine(states("w", "t", w=wait(100), t=TASK))
        (execution_id,) = await world.start(machine)
        await world.clock.sleep(110)
        one = world.store.executions[execution_id]
        assert one.wake_at_ms is not None
        assert one.wake_at_ms <= world.clock.now_ms()
        await world.kill_scheduler()
        world.scheduler()
        world.worker()
        await world.until_ended(20)

    run_virtually(main())


def test_a_lost_hint_costs_two_seconds():
    async def main():
        world = await owned_world()
        await world.start(world.machine(states("p", p=PASS)), 5, hint=False)
        await world.until_ended(2.2)

    run_virtually(main())


def test_a_hint_that_comes_twice_or_late_changes_nothing():
    async def main():
        world = await owned_world()
        (execution_id,) = await world.start(world.machine(states("p", p=PASS)))
        await world.until_ended()
        world.broker.send(world.schedulers[0][0].name, encode([Hint([execution_id.bytes] * 3)]))
        await world.clock.sleep(1)
        assert len(world.store.executions[execution_id].pages) == 1
        assert world.schedulers[0][0].residents == 0

    run_virtually(main())


def test_r23_when_too_much_waits_hints_are_ignored_and_made_up_for_as_soon_as_there_is_room():
    async def main():
        settings = SchedulerSettings(ready_max=20, load_max=10, turns_max=4)
        world = await owned_world(settings=settings, faults=Faults(delay=lambda: 0.005))
        scheduler = world.schedulers[0][0]
        await world.start(world.machine(states("p", p=PASS)), 500)
        most = 0
        while world.running():
            most = max(most, scheduler.residents)
            await world.clock.sleep(0.001)
            assert world.clock.monotonic() < 60
        assert most < 100 + 20
        assert world.clock.monotonic() < 30

    run_virtually(main())


def test_r23_state_machines_take_turns():
    queue = ReadyQueue()
    residents = []
    for number, machine in enumerate((1, 1, 1, 2, 3, 1)):
        resident = object.__new__(Resident)
        resident.queued = resident.gone = False
        resident.key = bytes([number])
        resident.row = type("Row", (), {"machine_id": UUID(int=machine)})()
        resident.execution = cast(Any, SimpleNamespace(program=SimpleNamespace(uses_jsonata=False)))
        queue.push(resident)
        queue.push(resident)
        residents.append(resident)
    residents[2].gone = True
    order = []
    while (popped := queue.pop()) is not None:
        order.append(popped.key[0])
    assert order == [0, 3, 4, 1, 5]
    assert len(queue) == 0


def test_an_endless_loop_does_not_hold_up_its_neighbours():
    async def main():
        world = await owned_world(faults=Faults(delay=lambda: 0.001))
        choice = {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsPresent": True, "Next": "e"}], "Default": "a"}
        loop = {"StartAt": "a", "States": {"a": PASS | {"Next": "c"}, "c": choice, "e": {"Type": "Succeed"}}}
        (endless,) = await world.start(world.machine(loop))
        await world.clock.sleep(0.02)
        (neighbour,) = await world.start(world.machine(states("p", p=PASS)))
        await world.until(lambda: world.status(neighbour) == "SUCCEEDED", 0.2)
        assert world.status(endless) == "RUNNING"
        await world.until_ended(60)
        assert world.status(endless) == "FAILED"
        assert len(world.events(endless)) == 25_000

    run_virtually(main())


def collecting(iterations: int) -> tuple[dict[str, object], dict[str, object]]:
    """A Map whose iterations each make 1,000 bytes of their own, and its input."""
    made = {"Type": "Pass", "Parameters": {"a.$": "States.Format('{}{}', $.big, $.n)"}, "End": True}
    state = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "ItemSelector": {"big.$": "$.big", "n.$": "$$.Map.Item.Index"},
        "ItemProcessor": {"StartAt": "O", "States": {"O": made}},
        "End": True,
    }
    return {"StartAt": "M", "States": {"M": state}}, {"big": "x" * 1_000, "items": [1] * iterations}


def test_an_execution_that_holds_too_much_fails_and_its_neighbours_go_on():
    async def main():
        world = await owned_world(settings=SchedulerSettings(execution_bytes_max=300_000))
        definition, given = collecting(100)
        (fits,) = await world.start(world.machine(definition), input=given)
        definition, given = collecting(250)
        (grows,) = await world.start(world.machine(definition), input=given)
        (neighbour,) = await world.start(world.machine(states("p", p=PASS)))
        await world.until_ended(60)
        assert [world.status(each) for each in (fits, grows, neighbour)] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
        row = world.store.executions[grows].row
        assert row.error == "States.DataLimitExceeded"
        assert row.cause == "The execution holds more data than a scheduler keeps for one."

    run_virtually(main())


def test_what_is_loaded_with_many_frames_is_counted_in_its_first_turn():
    def resident(branches: int) -> Resident:
        napping = [{"StartAt": f"n{n}", "States": {f"n{n}": wait(60) | {"End": True}}} for n in range(branches)]
        definition = {"StartAt": "P", "States": {"P": {"Type": "Parallel", "Branches": napping, "End": True}}}
        execution = MemoryHost(definition).run(until_ms=0).execution
        row = SimpleNamespace(id=execution.origin.id, shard=0, redrive_tokens=None, map_child=None)
        return Resident(row, None, execution, 0)  # type: ignore[arg-type]

    assert resident(10).added_bytes == 0
    assert resident(100).added_bytes > SchedulerSettings().execution_bytes_max


def test_one_execution_that_breaks_an_invariant_is_put_aside(monkeypatch):
    broken = set()
    take = Turns.take

    def breaking(self, resident, now_ms):
        if resident.id in broken:
            raise AssertionError("an invariant")
        return take(self, resident, now_ms)

    monkeypatch.setattr(Turns, "take", breaking)

    async def main():
        world = await owned_world()
        ids = await world.start(world.machine(states("p", p=PASS)), 20)
        broken.add(ids[7])
        await world.until(lambda: world.running() == 1, 1)
        await world.clock.sleep(30)
        broken.clear()  # a new release
        await world.until_ended(100)

    run_virtually(main())


def test_one_page_that_the_store_cannot_take_is_found_and_put_aside():
    async def main():
        world = await owned_world()
        commit = world.store.commit
        ids = await world.start(world.machine(states("p", p=PASS)), 40, hint=False)
        poison = {ids[11]}

        async def refusing(batch, lease_seconds):
            if any(execution_id in poison for _, execution_id, _ in batch.pages):
                raise CommitUnknown("a row that Postgres does not take")
            return await commit(batch, lease_seconds)

        world.store.commit = refusing
        await world.until(lambda: world.running() == 1, 30)
        await world.start(world.machine(states("p", p=PASS)), 40)
        await world.until(lambda: world.running() == 1, 10)
        poison.clear()
        await world.until_ended(200)

    run_virtually(main())


def test_suspects_are_cleared_by_any_commit_that_holds_them():
    caution = Caution()
    assert caution.failed([b"a", b"b"]) is None
    assert b"a" in caution
    caution.succeeded([b"a"])
    assert b"a" not in caution
    assert [caution.failed([b"b"]) for _ in range(3)] == [None, None, b"b"]
    assert b"b" not in caution


def test_wake_ups_of_what_has_ended_do_not_stay_in_the_heap():
    async def main():
        clock = VirtualClock()
        fired = []
        wake_ups = WakeUps(clock, DatabaseClock(clock), lambda *what: fired.append(what), lambda: None)
        for _ in range(5_000):
            resident = object.__new__(Resident)
            resident.deadlines = {}
            wake_ups.arm(resident, "", clock.now_ms() + 10_000)
            wake_ups.arm(resident, "0", clock.now_ms() + 5_000)
            wake_ups.disarm(resident, "0")
            wake_ups.forget(resident)
        assert len(wake_ups) < 3_000
        await clock.sleep(20)
        wake_ups.fire_due()
        assert fired == []

    run_virtually(main())


def test_a_timer_that_comes_too_early_is_set_again():
    """The database's clock is set back between the firing and the turn."""

    async def main():
        world = await owned_world()
        (execution_id,) = await world.start(world.machine(states("w", w=wait(10))))
        await world.clock.sleep(9.9)
        scheduler = world.schedulers[0][0]
        scheduler._database_clock._base_ms += 500
        scheduler._wake_ups.fire_due()
        scheduler._database_clock._base_ms -= 500
        await world.clock.sleep(0.05)
        assert world.status(execution_id) == "RUNNING"
        await world.until_ended(0.2)
        assert 0 <= lateness_ms(world, execution_id, 10) <= 20

    run_virtually(main())


def test_an_execution_is_read_back_as_it_was_committed():
    async def main():
        world = await owned_world()
        (execution_id,) = await world.start(world.machine(states("w", w=wait(5))))
        await world.clock.sleep(1)
        one = world.store.executions[execution_id]
        (resident,) = world.schedulers[0][0]._shards.residents()
        again = revive(LoadedExecution(one.row, one.pages), resident.execution.program)
        for name in set(Execution.__slots__) - {"families", "origin", "program"}:
            assert getattr(again, name) == getattr(resident.execution, name), name
        assert again.origin == resident.execution.origin

    run_virtually(main())
