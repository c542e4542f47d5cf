"""Map runs on the virtual loop: children, tolerated failures, stops, and a scheduler that dies in between."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from engine.execution.execution import Status
from services.broker.messages import pack
from services.integrations.interface import Call, Failed, Succeeded
from services.scheduler.revive import origin_of
from services.store.map_run_records import MapRun
from tests.fixtures.scheduler_world import PASS, TASK, World
from tests.fixtures.virtual_loop import run_virtually


def machine(child: dict[str, Any], kind: str = "STANDARD", **fields: Any) -> dict[str, Any]:
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind},
        "StartAt": "Child",
        "States": {"Child": child | {"End": True}},
    }
    state = {"Type": "Map", "Label": "L", "ItemProcessor": processor, "End": True, **fields}
    return {"StartAt": "M", "States": {"M": state}}


def failing(*wrong: Any) -> Any:
    def answer(call: Call) -> Succeeded | Failed:
        return Failed("Wrong", "so") if json.loads(call.input) in wrong else Succeeded(call.input)

    return answer


def children(world: World, run: MapRun) -> list[Status]:
    return [row.status for row in world.store.children_of(run)]


def outcome(world: World, execution_id: UUID) -> tuple[Status, Any]:
    row = world.store.executions[execution_id].row
    return row.status, row.error if row.output is None else json.loads(row.output)


def only_run(world: World) -> MapRun:
    (run,) = world.store.map_runs.values()
    return run


async def until_ended(world: World, execution_id: UUID, seconds: float = 600) -> tuple[Status, Any]:
    until = world.clock.monotonic() + seconds
    while outcome(world, execution_id)[0] is Status.RUNNING and world.clock.monotonic() < until:
        await world.clock.sleep(0.1)
    return outcome(world, execution_id)


def test_every_item_is_an_execution_of_its_own_and_outputs_keep_the_order() -> None:
    async def body() -> None:
        world = World()
        world.scheduler()
        world.worker()
        definition = machine(TASK, MaxConcurrency=7, ItemSelector={"n.$": "$$.Map.Item.Value"})
        (parent,) = await world.start(world.machine(definition), input=list(range(30)))
        assert await until_ended(world, parent) == (Status.SUCCEEDED, [{"n": n} for n in range(30)])
        run = only_run(world)
        assert (run.status, run.planned_items, run.planned_executions) == ("SUCCEEDED", 30, 30)
        assert children(world, run) == [Status.SUCCEEDED] * 30
        assert world.ledger.wrong == []

    run_virtually(body())


def test_limits_beyond_what_the_api_can_show_are_no_limits() -> None:
    async def body() -> None:
        world = World()
        world.scheduler()
        fields = {"MaxConcurrencyPath": "$.huge", "ToleratedFailureCountPath": "$.huge", "ItemsPath": "$.items"}
        definition = machine({"Type": "Pass"}, **fields)
        (parent,) = await world.start(world.machine(definition), input={"huge": 10**30, "items": [1, 2]})
        assert await until_ended(world, parent) == (Status.SUCCEEDED, [1, 2])
        run = only_run(world)
        assert (run.max_concurrency, run.tolerated_count) == (2**31 - 1, 2**63 - 1)

    run_virtually(body())


def test_batches_share_an_execution_and_failures_count_by_item() -> None:
    async def body() -> None:
        world = World()
        world.scheduler()
        world.worker()
        world.functions[0].answer = failing({"Items": [0, 1]})
        definition = machine(TASK, ItemBatcher={"MaxItemsPerBatch": 2}, ToleratedFailureCount=1, MaxConcurrency=1)
        (parent,) = await world.start(world.machine(definition), input=[0, 1, 2, 3])
        assert await until_ended(world, parent) == (Status.FAILED, "States.ExceedToleratedFailureThreshold")
        assert children(world, only_run(world)) == [Status.FAILED]
        assert only_run(world).planned_executions == 2

    run_virtually(body())


def test_tolerated_failures_leave_the_run_successful() -> None:
    async def body() -> None:
        world = World()
        world.scheduler()
        world.worker()
        world.functions[0].answer = failing(1, 2)
        (parent,) = await world.start(world.machine(machine(TASK, ToleratedFailurePercentage=50)), input=[0, 1, 2, 3])
        assert await until_ended(world, parent) == (Status.SUCCEEDED, [0, 3])

    run_virtually(body())


def test_crossing_the_threshold_stops_the_children_that_still_run() -> None:
    async def body() -> None:
        world = World()
        world.scheduler()
        world.worker()
        choice = {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 0, "Next": "F"}], "Default": "W"}
        definition = machine(PASS, MaxConcurrency=3)
        definition["States"]["M"]["ItemProcessor"]["StartAt"] = "C"
        definition["States"]["M"]["ItemProcessor"]["States"] = {
            "C": choice,
            "F": {"Type": "Fail", "Error": "Wrong"},
            "W": {"Type": "Wait", "Seconds": 100_000, "End": True},
        }
        (parent,) = await world.start(world.machine(definition), input=[0, 1, 2, 3])
        assert await until_ended(world, parent) == (Status.FAILED, "States.ExceedToleratedFailureThreshold")
        assert children(world, only_run(world)) == [Status.FAILED, Status.ABORTED, Status.ABORTED]

    run_virtually(body())


def test_stopping_the_parent_aborts_the_run_and_its_children() -> None:
    async def body() -> None:
        world = World()
        world.scheduler()
        definition = machine({"Type": "Wait", "Seconds": 100_000})
        (parent,) = await world.start(world.machine(definition), input=[1, 2])
        await world.clock.sleep(5)
        await world.command(parent, "stop", pack("e", "c"))
        await world.clock.sleep(30)
        run = only_run(world)
        assert (run.status, children(world, run)) == ("ABORTED", [Status.ABORTED] * 2)

    run_virtually(body())


def test_a_run_survives_its_scheduler_and_starts_no_child_twice() -> None:
    async def body() -> None:
        world = World(call_seconds=lambda: 3.0)
        world.scheduler()
        world.worker()
        (parent,) = await world.start(world.machine(machine(TASK, MaxConcurrency=4)), input=list(range(20)))
        for _ in range(3):
            await world.clock.sleep(4)
            await world.kill_scheduler()
            world.scheduler()
        assert await until_ended(world, parent) == (Status.SUCCEEDED, list(range(20)))
        assert children(world, only_run(world)) == [Status.SUCCEEDED] * 20
        assert (len(world.ledger.keys), world.ledger.wrong) == (20, [])

    run_virtually(body())


def test_a_run_whose_parent_ended_while_nobody_drove_it_is_aborted() -> None:
    async def body() -> None:
        world = World()
        world.scheduler()
        definition = machine({"Type": "Wait", "Seconds": 100_000}) | {"TimeoutSeconds": 20}
        (parent,) = await world.start(world.machine(definition), input=[1])
        await world.clock.sleep(5)
        run = only_run(world)
        await world.command(parent, "stop", pack(None, None))
        while outcome(world, parent)[0] is Status.RUNNING:
            await world.clock.sleep(0)
        await world.kill_scheduler()
        world.scheduler()
        await world.clock.sleep(60)
        assert (world.store.map_runs[run.id].status, children(world, run)) == ("ABORTED", [Status.ABORTED])

    run_virtually(body())


def test_nothing_to_do_is_done_at_once() -> None:
    async def body() -> None:
        world = World()
        world.scheduler()
        (parent,) = await world.start(world.machine(machine(PASS)), input=[])
        assert await until_ended(world, parent) == (Status.SUCCEEDED, [])

    run_virtually(body())


def test_express_children_have_express_arns_and_five_minutes() -> None:
    async def body() -> None:
        world = World()
        world.scheduler()
        definition = machine({"Type": "Wait", "Seconds": 400}, "EXPRESS", ToleratedFailureCount=1)
        (parent,) = await world.start(world.machine(definition), input=[1])
        assert await until_ended(world, parent) == (Status.SUCCEEDED, [])
        (child,) = world.store.children_of(only_run(world))
        assert child.status is Status.TIMED_OUT
        assert origin_of(child).arn.count(":express:m/L:") == 1

    run_virtually(body())
