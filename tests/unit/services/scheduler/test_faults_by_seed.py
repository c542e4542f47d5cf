"""Whatever dies, gets lost or comes twice: every execution ends, its history has no gap, no attempt runs twice.

Each seed draws which faults exist in its run (kills, lost and doubled messages, lost answers of commits, a store or a
broker that is away), plays them for a while, then lets quiet time pass and judges by the ledger.
"""

from __future__ import annotations

import asyncio
import contextlib
import random

import pytest

from engine.execution.execution import Status
from services.runtime.faults import StoreUnavailable
from services.scheduler.settings import SchedulerSettings
from services.worker.settings import WorkerSettings
from tests.fixtures.local_broker import Mischief
from tests.fixtures.memory_store import Faults
from tests.fixtures.scheduler_world import PASS, RETRIED, World, states, wait
from tests.fixtures.virtual_loop import run_virtually

MAP = {
    "Type": "Map",
    "ItemsPath": "$.items",
    "MaxConcurrency": 3,
    "ItemProcessor": states("i", i=RETRIED),
    "Retry": RETRIED["Retry"],
}
PARALLEL = {"Type": "Parallel", "Branches": [states("b1", b1=RETRIED), states("b2", "b3", b2=wait(2), b3=RETRIED)]}
MACHINES = (
    (states("a", "b", "c", a=RETRIED, b=RETRIED, c=RETRIED), 3),
    (states("p", "w", "t", p=PASS, w=wait(45), t=RETRIED), 1),
    (states("m", m=MAP), 5),
    (states("l", l=PARALLEL), 2),
)
KINDS = ("kill-scheduler", "pause-scheduler", "kill-worker", "commits", "reads", "messages", "flush", "away")
SECONDS_OF_FAULTS = 40


async def play(seed: int) -> World:
    dice = random.Random(seed)
    kinds = {kind for kind in KINDS if dice.random() < 0.6}
    calm = False
    faults = Faults(delay=lambda: dice.random() * 0.02)
    if "commits" in kinds:
        faults.commit = lambda: "" if calm or dice.random() > 0.03 else dice.choice(("before", "after", "down"))
    if "reads" in kinds:
        faults.read = lambda: not calm and dice.random() < 0.03
    mischief = Mischief(seed, lose=0.05, double=0.1, delay=0.1) if "messages" in kinds else Mischief(seed)
    world = World(
        seed,
        shards=3,
        faults=faults,
        mischief=mischief,
        settings=SchedulerSettings(parked_max=3, turns_max=8, lanes=dice.choice((1, 3))),
        call_seconds=lambda: dice.random() ** 3 * 4,
    )
    machines = [world.machine(definition, f"m{number}") for number, (definition, _) in enumerate(MACHINES)]
    for _ in range(2):
        world.scheduler()
        world.worker(WorkerSettings(slots=6, drain_seconds=1))
    pauses: list[asyncio.Task[None]] = []
    until = world.clock.monotonic() + SECONDS_OF_FAULTS
    while world.clock.monotonic() < until:
        with contextlib.suppress(StoreUnavailable):
            count, hint = dice.randint(1, 4), dice.random() < 0.8
            await world.start(dice.choice(machines), count, hint, {"items": [1, 2, 3, 4, 5]})
        await world.clock.sleep(dice.random())
        await _fault(world, kinds, dice, pauses)
    await asyncio.gather(*pauses)
    calm = True
    world.broker.come_up()
    while len(world.schedulers) < 2:
        world.scheduler()
    while len(world.workers) < 2:
        world.worker(WorkerSettings(slots=6))
    await world.until_ended(400)
    await world.clock.sleep(100)
    return world


async def _fault(world: World, kinds: set[str], dice: random.Random, pauses: list[asyncio.Task[None]]) -> None:
    if "kill-scheduler" in kinds and dice.random() < 0.1:
        await world.kill_scheduler(dice.randrange(2))
        world.scheduler()
    if "pause-scheduler" in kinds and dice.random() < 0.05:
        pauses.append(asyncio.create_task(world.pause_scheduler(dice.randrange(2), dice.random() * 30)))
    if "kill-worker" in kinds and dice.random() < 0.1:
        await world.kill_worker(dice.randrange(2))
        world.worker(WorkerSettings(slots=6))
    if "flush" in kinds and dice.random() < 0.1:
        world.broker.flush_all()
    if "away" in kinds and dice.random() < 0.1:
        world.broker.go_down(forget=dice.random() < 0.5)
        await world.clock.sleep(dice.random() * 10)
        world.broker.come_up()


@pytest.mark.parametrize("seed", range(12))
def test_faults_cost_time_and_nothing_else(seed):
    world = run_virtually(play(seed))
    assert world.ledger.wrong == []
    tasks = {f"m{number}": count for number, (_, count) in enumerate(MACHINES)}
    succeeded = lost = 0
    for execution_id, one in world.store.executions.items():
        assert one.row.status is Status.SUCCEEDED, one.row
        events = world.events(execution_id)
        assert events[-1] == "ExecutionSucceeded"
        ends = {name: events.count(f"LambdaFunction{name}") for name in ("Succeeded", "Failed")}
        assert ends["Succeeded"] == tasks[one.row.machine_name]
        assert events.count("LambdaFunctionScheduled") == sum(ends.values()), "I2: one end per attempt"
        assert events.count("LambdaFunctionStarted") <= sum(ends.values())
        succeeded, lost = succeeded + ends["Succeeded"], lost + ends["Failed"]
    # Every success ran, nothing else did but attempts that were closed as lost.
    assert succeeded <= len(world.ledger.keys) <= succeeded + lost
    assert all(not scheduler.residents for scheduler, _, _ in world.schedulers)
