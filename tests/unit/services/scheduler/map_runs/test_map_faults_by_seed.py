"""Whatever dies, gets lost or comes twice while map runs are stopped and redriven, nothing is lost or done twice.

Each seed draws its faults, stops and redrives the parent at random moments, then lets quiet time pass and judges by the
histories: every redrive that a history tells of was wanted, and each child took part in it once at most.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any
from uuid import UUID

import pytest

from engine.execution.execution import Status
from services.broker.messages import Command, encode, pack
from services.runtime.faults import StoreUnavailable
from services.scheduler.settings import SchedulerSettings
from tests.fixtures.local_broker import Mischief
from tests.fixtures.memory_store import Faults
from tests.fixtures.scheduler_world import World
from tests.fixtures.virtual_loop import run_virtually
from tests.unit.services.scheduler.map_runs.test_runs import outcome

COUNT = 24
SECONDS_OF_FAULTS = 90
KINDS = ("kill", "pause", "commits", "reads", "messages", "flush")
CHECK = "{% $states.input % 3 = 0 and $states.context.Execution.RedriveCount = 0 ? $error('so') : $states.input %}"


def definition(kind: str) -> dict[str, Any]:
    """Every third child fails unless it was redriven; all of them take some seconds."""
    children = {
        "W": {"Type": "Wait", "Seconds": 3, "Next": "C"},
        "C": {"Type": "Pass", "QueryLanguage": "JSONata", "Output": CHECK, "Next": "V"},
        "V": {"Type": "Wait", "Seconds": 2, "End": True},
    }
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind}, "StartAt": "W", "States": children}
    state = {"Type": "Map", "Label": "L", "ItemProcessor": processor, "MaxConcurrency": 6, "End": True}
    return {"StartAt": "M", "States": {"M": state}}


async def tell(world: World, execution_id: UUID, kind: str, body: bytes) -> None:
    """Leave a command in the inbox, where no fault loses it."""
    shard = world.store.executions[execution_id].row.shard
    command = Command("", "", execution_id.bytes, shard, kind, body)
    with contextlib.suppress(StoreUnavailable):
        await world.store.put_in_inbox(shard, encode([command]))


async def play(seed: int) -> tuple[World, UUID]:
    dice = random.Random(seed)
    kinds = {kind for kind in KINDS if dice.random() < 0.6}
    calm = False
    faults = Faults(delay=lambda: dice.random() * 0.05)
    if "commits" in kinds:
        faults.commit = lambda: "" if calm or dice.random() > 0.03 else dice.choice(("before", "after", "down"))
    if "reads" in kinds:
        faults.read = lambda: not calm and dice.random() < 0.03
    mischief = Mischief(seed, lose=0.05, double=0.1, delay=0.1) if "messages" in kinds else Mischief(seed)
    world = World(seed, shards=3, faults=faults, mischief=mischief, settings=SchedulerSettings(parked_max=3))
    world.scheduler()
    world.scheduler()
    machine = world.machine(definition(dice.choice(("STANDARD", "EXPRESS"))))
    parent: list[UUID] = []
    while not parent:
        with contextlib.suppress(StoreUnavailable):
            parent = await world.start(machine, input=list(range(COUNT)))
    pauses: list[asyncio.Task[None]] = []
    until = world.clock.monotonic() + SECONDS_OF_FAULTS
    while world.clock.monotonic() < until:
        await world.clock.sleep(dice.random() * 4)
        if outcome(world, parent[0])[0] is Status.RUNNING:
            if dice.random() < 0.1:
                await tell(world, parent[0], "stop", pack(None, None))
        else:
            await tell(world, parent[0], "redrive", pack(None))
        if "kill" in kinds and dice.random() < 0.15:
            await world.kill_scheduler(dice.randrange(2))
            world.scheduler()
        if "pause" in kinds and dice.random() < 0.1:
            pauses.append(asyncio.create_task(world.pause_scheduler(dice.randrange(2), dice.random() * 30)))
        if "flush" in kinds and dice.random() < 0.1:
            world.broker.flush_all()
    await asyncio.gather(*pauses)
    calm = True
    for _ in range(COUNT):
        await world.clock.sleep(60)
        status = outcome(world, parent[0])[0]
        if status is Status.SUCCEEDED:
            break
        if status is not Status.RUNNING:
            await tell(world, parent[0], "redrive", pack(None))
    return world, parent[0]


@pytest.mark.parametrize("seed", range(10))
def test_faults_cost_time_and_nothing_else(seed: int) -> None:
    world, parent = run_virtually(play(seed))
    assert outcome(world, parent) == (Status.SUCCEEDED, list(range(COUNT)))
    # A start whose answer was lost was made again, so there may be another parent.
    (run,) = (run for run in world.store.map_runs.values() if run.execution_id == parent)
    assert (run.status, run.planned_executions) == ("SUCCEEDED", COUNT)
    events = world.events(parent)
    assert events.count("MapRunRedriven") == run.redrive_count == events.count("ExecutionRedriven")
    children = world.store.children_of(run)
    assert len(children) == COUNT
    for row in children:
        names = world.events(row.id)
        lives = names.count("ExecutionStarted") + names.count("ExecutionRedriven")
        assert row.status is Status.SUCCEEDED
        assert (lives, names.count("ExecutionSucceeded")) == (row.redrive_count + 1, 1)
        assert row.redrive_count <= run.redrive_count
        assert row.map_child is not None
        assert row.map_child.attempt <= run.redrive_count
