"""Who owns a shard, and what an owner may do (protocol R1-R8, R21)."""

from __future__ import annotations

import pytest

from services.broker.messages import Grant, Reply, pack
from services.runtime.faults import CommitUnknown
from services.scheduler.database_clock import DatabaseClock
from services.scheduler.settings import SchedulerSettings
from tests.fixtures.memory_store import NOBODY, Faults
from tests.fixtures.scheduler_world import PASS, RETRIED, TASK, World, states, wait
from tests.fixtures.virtual_loop import VirtualClock, run_virtually


def test_r1_two_schedulers_share_the_shards_evenly_and_one_takes_over_all_when_the_other_dies():
    async def main():
        world = World(shards=6)
        first = world.scheduler()
        await world.until(lambda: len(first.shards) == 6)
        second = world.scheduler()
        await world.until(lambda: len(first.shards) == len(second.shards) == 3, seconds=5)
        assert sorted(first.shards + second.shards) == list(range(6))
        await world.kill_scheduler(0)
        await world.until(lambda: len(second.shards) == 6, seconds=world.settings.lease_seconds + 1.5)

    run_virtually(main())


def test_r1_a_graceful_stop_gives_the_shards_back_at_once():
    async def main():
        world = World(faults=Faults(delay=lambda: 0.01))
        first, second = world.scheduler(), world.scheduler()
        await world.until(lambda: len(first.shards) == len(second.shards) == 2)
        began = world.clock.monotonic()
        await first.stop()
        assert world.clock.monotonic() - began < 0.5
        assert NOBODY in {row.owner for row in world.store.shard_rows}
        await world.until(lambda: len(second.shards) == 4, seconds=world.settings.tenure_seconds + 0.5)

    run_virtually(main())


def test_r2_every_take_has_an_owner_id_of_its_own():
    async def main():
        world = World(shards=1)
        owners = []
        for _ in range(3):
            scheduler = world.scheduler()
            await world.until(lambda scheduler=scheduler: scheduler.shards == [0])
            owners.append(world.store.shard_rows[0].owner)
            await scheduler.stop()
            world.schedulers.clear()
            await world.clock.sleep(11)
        assert len(set(owners)) == 3

    run_virtually(main())


def test_r3_idle_shards_are_kept_by_empty_commits():
    async def main():
        world = World()
        scheduler = world.scheduler()
        await world.clock.sleep(100)
        assert len(scheduler.shards) == 4
        assert all(row.lease_until > world.clock.monotonic() for row in world.store.shard_rows)
        assert not any(batch.pages for batch in world.store.commits)

    run_virtually(main())


def test_r3_a_refused_guard_makes_the_owner_forget_the_shard_and_publish_nothing():
    async def main():
        world = World(shards=1)
        scheduler = world.scheduler()
        await world.until(lambda: scheduler.shards == [0])
        await world.clock.sleep(1)
        world.store.shard_rows[0].owner = world.ids.uuid()  # somebody else took it while we were paused
        world.store.shard_rows[0].lease_until = world.clock.monotonic() + 1_000
        await world.start(world.machine(states("t", t=TASK)), hint=True)
        # The hint went to us, as the API's belief about owners is a second old.
        await world.clock.sleep(5)
        assert scheduler.shards == []
        assert scheduler.residents == 0
        assert world.store.refusals >= 1
        assert world.sent(Grant) == []

    run_virtually(main())


def test_r5_an_execution_is_not_advanced_while_its_page_is_in_flight():
    async def main():
        world = World(shards=1, faults=Faults(delay=lambda: 0.5))
        scheduler = world.scheduler()
        await world.clock.sleep(3)
        (execution_id,) = await world.start(world.machine(states("w", "p", w=wait(1_000), p=PASS)))
        await world.until(lambda: bool(world.store.executions[execution_id].pages))
        first = await world.command(execution_id, "stop", pack("one", None), to=scheduler.name)
        second = await world.command(execution_id, "stop", pack("two", None), to=scheduler.name)
        await world.clock.sleep(0.1)
        assert world.reply(first) is None
        await world.until(lambda: world.reply(second) is not None)
        assert world.events(execution_id)[-1] == "ExecutionAborted"
        assert world.events(execution_id).count("ExecutionAborted") == 1
        assert world.store.executions[execution_id].row.error == "one"

    run_virtually(main())


def test_r6_at_most_one_commit_of_a_shard_is_in_flight_while_lanes_overlap():
    flying: list[set[int]] = []
    most = 0

    async def main():
        nonlocal most
        world = World(shards=6, faults=Faults(delay=lambda: 0.02), settings=SchedulerSettings(lanes=3))
        commit = world.store.commit

        async def watched(batch, lease_seconds):
            nonlocal most
            mine = {guard.shard for guard in batch.guards}
            assert not any(mine & other for other in flying)
            flying.append(mine)
            most = max(most, len(flying))
            try:
                return await commit(batch, lease_seconds)
            finally:
                flying.remove(mine)

        world.store.commit = watched
        world.scheduler()
        world.worker()
        await world.clock.sleep(2)
        await world.start(world.machine(states("a", "b", a=TASK, b=TASK)), 60)
        await world.until_ended()

    run_virtually(main())
    assert most == 3


def test_r6_what_becomes_ready_during_a_commit_shares_the_next_one():
    async def main():
        world = World(shards=4)
        world.scheduler()
        await world.clock.sleep(1)
        commit = world.store.commit

        async def slow(batch, lease_seconds):
            await world.clock.sleep(0.5)
            return await commit(batch, lease_seconds)

        world.store.commit = slow
        machine = world.machine(states("p", p=PASS))
        for _ in range(20):
            await world.start(machine)
            await world.clock.sleep(0.01)
        await world.until_ended()
        sizes = [len(batch.pages) for batch in world.store.commits if batch.pages]
        assert len(sizes) == 2
        assert sum(sizes) == 20

    run_virtually(main())


@pytest.mark.parametrize("fault", ["before", "after", "down"])
def test_r7_a_commit_without_an_answer_costs_time_and_nothing_else(fault):
    """The shard is dropped and taken again well before its lease has passed."""
    faults = Faults()

    async def main():
        world = World(shards=1, faults=faults)
        scheduler = world.scheduler()
        world.worker()
        await world.until(lambda: scheduler.shards == [0])
        (execution_id,) = await world.start(world.machine(states("p", "t", p=PASS, t=TASK)))
        plan = [fault]
        faults.commit = lambda: plan.pop() if plan else ""
        await world.until_ended(6)
        assert world.status(execution_id) == "SUCCEEDED"
        assert world.events(execution_id).count("LambdaFunctionStarted") == 1
        assert len(world.ledger.keys) == 1
        assert world.ledger.wrong == []

    run_virtually(main())


def test_r7_the_shard_is_not_taken_again_before_a_dying_commit_is_over():
    """Released with both numbers that its seq may have, so a commit that comes late is refused."""

    async def main():
        world = World(shards=1)
        world.scheduler()
        await world.clock.sleep(1)
        commit, held = world.store.commit, []

        async def late(batch, lease_seconds):
            held.append(batch)
            world.store.commit = commit
            raise CommitUnknown("cut")

        world.store.commit = late
        (execution_id,) = await world.start(world.machine(states("p", p=PASS)))
        await world.until_ended(8)
        pages = len(world.store.executions[execution_id].pages)
        await commit(held[0], 10.0)
        assert len(world.store.executions[execution_id].pages) == pages

    run_virtually(main())


def test_r8_nothing_leaves_before_the_commit_that_caused_it():
    async def main():
        world = World(shards=1, faults=Faults(delay=lambda: 0.25))
        world.scheduler()
        world.worker()
        await world.clock.sleep(3)
        (execution_id,) = await world.start(world.machine(states("t", t=TASK)))
        while not world.sent(Grant):
            started = any("LambdaFunctionStarted" in world.events(execution_id) for _ in (0,))
            await world.clock.sleep(0.01)
        assert started or "LambdaFunctionStarted" in world.events(execution_id)
        request = await world.command(execution_id, "stop", pack(None, None))
        while world.reply(request) is None:
            ended = world.status(execution_id)
            await world.clock.sleep(0.01)
        assert ended != "RUNNING"
        assert isinstance(world.reply(request), Reply)
        assert world.ledger.wrong == []

    run_virtually(main())


def test_a_takeover_goes_on_where_the_pages_end():
    async def main():
        world = World(shards=1, call_seconds=lambda: 2.0)
        world.scheduler()
        world.worker()
        await world.clock.sleep(3)
        machine = world.machine(states("a", "w", "b", a=RETRIED, w=wait(5), b=RETRIED))
        (execution_id,) = await world.start(machine)
        await world.clock.sleep(1)
        await world.kill_scheduler()
        world.scheduler()
        await world.until_ended(40)
        assert world.status(execution_id) == "SUCCEEDED"
        assert world.events(execution_id).count("LambdaFunctionScheduled") == 2
        assert len(world.ledger.keys) == 2

    run_virtually(main())


class WrongClock:
    """A local clock an hour ahead."""

    def __init__(self, clock):
        self._clock = clock
        self.sleep = clock.sleep
        self.monotonic = clock.monotonic

    def now_ms(self):
        return self._clock.now_ms() + 3_600_000


def test_r21_time_is_the_databases_and_never_ahead_of_it():
    async def main():
        true = VirtualClock()
        estimate = DatabaseClock(WrongClock(true))
        estimate.learn(true.now_ms() - 3)  # the answer was 3 ms on its way
        assert true.now_ms() - 3 == estimate.now_ms()
        await true.sleep(1)
        estimate.learn(true.now_ms() - 1)  # a faster answer is a better one
        assert true.now_ms() - 1 == estimate.now_ms()
        estimate.learn(true.now_ms() - 400)  # a slow one is not
        assert true.now_ms() - 1 == estimate.now_ms()
        await true.sleep(10)
        estimate.learn(true.now_ms() - 7_000)  # the database's clock was set back: followed after some seconds
        assert true.now_ms() - 7_000 == estimate.now_ms()

    run_virtually(main())
