"""Map runs that are redriven: what goes on, what starts, what stays; and schedulers that die in between."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

from engine.execution.execution import Status
from services.broker.messages import pack, unpack
from services.integrations.interface import Call, Failed, Succeeded
from services.scheduler.revive import origin_of
from services.store.description import arn_of
from services.store.records import StoredExecution
from tests.fixtures.memory_objects import MemoryObjects
from tests.fixtures.scheduler_world import TASK, World
from tests.fixtures.virtual_loop import run_virtually
from tests.unit.services.scheduler.map_runs.test_runs import machine, only_run, outcome, until_ended

THRESHOLD = "States.ExceedToleratedFailureThreshold"
WRITER = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b", "Prefix": "p"}}
READER = {
    "Resource": "arn:aws:states:::s3:getObject",
    "ReaderConfig": {"InputType": "JSON"},
    "Parameters": {"Bucket": "b", "Key": "items"},
}


class Tasks:
    """Answers the tasks of the children: those in `wrong` fail."""

    def __init__(self, *wrong: Any) -> None:
        self.wrong = list(wrong)
        self.calls: list[Any] = []

    def __call__(self, call: Call) -> Succeeded | Failed:
        given = json.loads(call.input)
        self.calls.append(given)
        return Failed("Wrong", "so") if given in self.wrong else Succeeded(call.input)


def world_of(tasks: Tasks, **options: Any) -> World:
    world = World(**options)
    world.objects = MemoryObjects()
    world.scheduler()
    world.worker()
    world.functions[0].answer = tasks
    return world


async def redrive(world: World, execution_id: UUID, token: str | None = None) -> Any:
    """RedriveExecution: the error, or the time of the redrive."""
    request = await world.command(execution_id, "redrive", pack(token))
    await world.until(lambda: world.reply(request) is not None)
    reply = world.reply(request)
    assert reply is not None
    return reply.error or unpack(reply.body)[0]


def child(world: World, index: int) -> StoredExecution:
    return world.store.children_of(only_run(world))[index]


def statuses(world: World) -> list[str]:
    return [row.status.name for row in world.store.children_of(only_run(world))]


def test_failed_children_go_on_pending_ones_start_and_good_ones_are_left_alone() -> None:
    async def body() -> None:
        tasks = Tasks(2)
        world = world_of(tasks)
        (parent,) = await world.start(world.machine(machine(TASK, MaxConcurrency=1)), input=[0, 1, 2, 3, 4])
        assert await until_ended(world, parent) == (Status.FAILED, THRESHOLD)
        assert statuses(world) == ["SUCCEEDED", "SUCCEEDED", "FAILED"]
        first, kept, before = only_run(world), child(world, 0), child(world, 2)
        tasks.wrong.clear()
        await world.clock.sleep(100)
        redriven_ms = await redrive(world, parent)
        assert await until_ended(world, parent) == (Status.SUCCEEDED, [0, 1, 2, 3, 4])
        run = only_run(world)
        assert (run.id, run.start_ms, run.status, run.redrive_count) == (first.id, first.start_ms, "SUCCEEDED", 1)
        assert run.redrive_ms is not None
        assert redriven_ms <= run.redrive_ms < redriven_ms + 5_000
        assert statuses(world) == ["SUCCEEDED"] * 5
        assert (child(world, 0), tasks.calls) == (kept, [0, 1, 2, 2, 3, 4])
        again = child(world, 2)
        assert (again.id, again.start_ms, again.redrive_count) == (before.id, before.start_ms, 1)
        assert again.redrive_ms is not None
        assert world.events(again.id)[4:7] == ["LambdaFunctionFailed", "ExecutionFailed", "ExecutionRedriven"]
        assert [child(world, index).redrive_count for index in (3, 4)] == [0, 0]
        assert world.events(parent)[-6:] == [
            "ExecutionRedriven",
            "MapRunRedriven",
            "MapRunSucceeded",
            "MapStateSucceeded",
            "MapStateExited",
            "ExecutionSucceeded",
        ]
        assert world.ledger.wrong == []

    run_virtually(body())


def test_a_run_is_redriven_as_often_as_it_fails_and_keeps_to_its_tolerance_and_concurrency() -> None:
    async def body() -> None:
        tasks = Tasks(1, 3)
        world = world_of(tasks, call_seconds=lambda: 2.0)
        definition = machine(TASK, MaxConcurrency=2, ToleratedFailureCount=1)
        (parent,) = await world.start(world.machine(definition), input=list(range(6)))
        assert await until_ended(world, parent) == (Status.FAILED, THRESHOLD)
        for count in (1, 2):
            await redrive(world, parent)
            assert await until_ended(world, parent) == (Status.FAILED, THRESHOLD)
            assert (only_run(world).redrive_count, child(world, 1).redrive_count) == (count, count)
        tasks.wrong.remove(3)
        await redrive(world, parent)
        assert await until_ended(world, parent) == (Status.SUCCEEDED, [0, 2, 3, 4, 5])
        assert child(world, 1).status is Status.FAILED
        assert only_run(world).redrive_count == 3

    run_virtually(body())


def test_children_that_were_stopped_with_their_parent_go_on() -> None:
    async def body() -> None:
        world = world_of(Tasks())
        definition = machine({"Type": "Wait", "Seconds": 50})
        (parent,) = await world.start(world.machine(definition), input=["a", "b"])
        await world.clock.sleep(10)
        await world.command(parent, "stop", pack("e", "c"))
        await world.clock.sleep(30)
        assert (only_run(world).status, statuses(world)) == ("ABORTED", ["ABORTED"] * 2)
        await redrive(world, parent)
        assert await until_ended(world, parent) == (Status.SUCCEEDED, ["a", "b"])
        assert world.events(child(world, 0).id)[2:] == [
            "ExecutionAborted",
            "ExecutionRedriven",
            "WaitStateExited",
            "ExecutionSucceeded",
        ]

    run_virtually(body())


def test_a_redrive_at_once_waits_until_the_attempt_before_has_stopped_its_children() -> None:
    async def body() -> None:
        world = world_of(Tasks())
        definition = machine({"Type": "Wait", "Seconds": 50})
        (parent,) = await world.start(world.machine(definition), input=list(range(5)))
        await world.clock.sleep(10)
        for _ in range(3):
            await world.command(parent, "stop", pack(None, None))
            assert isinstance(await redrive(world, parent), int)
        assert await until_ended(world, parent) == (Status.SUCCEEDED, list(range(5)))
        assert only_run(world).redrive_count == 3
        assert all(row.redrive_count <= 3 for row in world.store.children_of(only_run(world)))

    run_virtually(body())


def test_a_redrive_ends_an_attempt_that_nobody_has_ended() -> None:
    async def body() -> None:
        world = world_of(Tasks())
        definition = machine({"Type": "Wait", "Seconds": 50})
        (parent,) = await world.start(world.machine(definition), input=["a", "b"])
        await world.clock.sleep(10)
        await world.command(parent, "stop", pack(None, None))
        await world.until(lambda: outcome(world, parent)[0] is Status.ABORTED)
        await world.kill_scheduler()
        assert only_run(world).status == "RUNNING"
        scheduler = world.scheduler()
        await world.until(lambda: len(scheduler.shards) == 4)
        await redrive(world, parent)
        assert await until_ended(world, parent) == (Status.SUCCEEDED, ["a", "b"])
        assert (
            only_run(world).redrive_count,
            [row.redrive_count for row in world.store.children_of(only_run(world))],
        ) == (
            1,
            [1, 1],
        )

    run_virtually(body())


def test_express_children_start_anew_under_their_arn() -> None:
    async def body() -> None:
        tasks = Tasks(1)
        world = world_of(tasks)
        (parent,) = await world.start(world.machine(machine(TASK, "EXPRESS")), input=[0, 1])
        assert await until_ended(world, parent) == (Status.FAILED, THRESHOLD)
        before = child(world, 1)
        tasks.wrong.clear()
        await world.clock.sleep(20)
        await redrive(world, parent)
        assert await until_ended(world, parent) == (Status.SUCCEEDED, [0, 1])
        again = child(world, 1)
        assert arn_of(again) == arn_of(before)
        assert again.start_ms >= before.start_ms + 20_000
        assert (again.redrive_count, again.redrive_ms) == (1, None)
        assert origin_of(again).start_ms == again.start_ms
        assert world.events(again.id).count("ExecutionStarted") == 2

    run_virtually(body())


def test_a_child_that_failed_too_long_ago_stays_failed_and_counts_as_failed() -> None:
    async def body() -> None:
        tasks = Tasks(0)
        world = world_of(tasks)
        (parent,) = await world.start(world.machine(machine(TASK, MaxConcurrency=1)), input=[0, 1])
        assert await until_ended(world, parent) == (Status.FAILED, THRESHOLD)
        stored = world.store.executions[child(world, 0).id]
        assert stored.row.stop_ms is not None
        stored.row = replace(stored.row, stop_ms=stored.row.stop_ms - 15 * 24 * 3600 * 1000)
        kept = stored.row
        tasks.wrong.clear()
        await redrive(world, parent)
        assert await until_ended(world, parent) == (Status.FAILED, THRESHOLD)
        assert (child(world, 0).redrive_count, child(world, 0).stop_ms) == (0, kept.stop_ms)
        assert tasks.calls == [0]

    run_virtually(body())


def test_a_run_inside_a_child_is_redriven_with_the_child() -> None:
    async def body() -> None:
        tasks = Tasks(2)
        world = world_of(tasks)
        inner = machine(TASK)["States"]["M"] | {"Label": "I"}
        inner["ItemProcessor"] |= {"StartAt": "T", "States": {"T": TASK | {"End": True}}}
        (parent,) = await world.start(world.machine(machine(inner)), input=[[1, 2], [3]])
        assert await until_ended(world, parent) == (Status.FAILED, THRESHOLD)
        tasks.wrong.clear()
        await redrive(world, parent)
        assert await until_ended(world, parent) == (Status.SUCCEEDED, [[1, 2], [3]])
        outer, *others = sorted(world.store.map_runs.values(), key=lambda run: run.execution_id != parent)
        assert (outer.redrive_count, max(run.redrive_count for run in others)) == (1, 1)
        assert sorted(tasks.calls) == [1, 2, 2, 3]

    run_virtually(body())


def test_a_scheduler_that_reads_on_after_it_was_deposed_changes_nothing() -> None:
    async def body() -> None:
        world = world_of(Tasks(), shards=1)
        objects_of(world).stored["items"] = json.dumps(list(range(1_000))).encode()
        delays = [5.0]
        world.store.faults.delay = lambda: delays[-1] if world.clock.monotonic() < 60 else 0.0
        (parent,) = await world.start(world.machine(machine(TASK, ItemReader=READER)))
        await world.until(lambda: bool(world.store.map_inputs_kept), 200)
        world.scheduler()
        await world.pause_scheduler(0, 40)
        delays.append(0.0)
        assert await until_ended(world, parent) == (Status.SUCCEEDED, list(range(1_000)))
        assert len(world.store.children_of(only_run(world))) == 1_000

    run_virtually(body())


def test_commands_to_a_child_count_for_the_attempt_that_they_name() -> None:
    async def body() -> None:
        seconds = [0.0]
        world = world_of(Tasks("a"), call_seconds=lambda: seconds[-1])
        (parent,) = await world.start(world.machine(machine(TASK)), input=["a"])
        await until_ended(world, parent)
        await redrive(world, parent)
        await until_ended(world, parent)
        failed = child(world, 0)
        assert (failed.status, failed.redrive_count) == (Status.FAILED, 1)
        await world.command(failed.id, "redrive-child", pack(1))  # a second one, late
        await world.clock.sleep(5)
        assert child(world, 0) == failed
        seconds.append(30.0)
        await world.command(failed.id, "redrive-child", pack(2))
        await world.until(lambda: child(world, 0).status is Status.RUNNING)
        await world.command(failed.id, "stop", pack(None, None, 1))  # of the attempt before
        await world.clock.sleep(5)
        assert child(world, 0).status is Status.RUNNING
        await world.command(failed.id, "stop", pack(None, None, 2))
        await world.until(lambda: child(world, 0).status is Status.ABORTED)
        assert child(world, 0).redrive_count == 2

    run_virtually(body())


def test_every_kill_between_redrive_and_end_loses_nothing_and_doubles_nothing() -> None:
    async def body() -> None:
        tasks = Tasks(*range(0, 20, 2))
        world = world_of(tasks, call_seconds=lambda: 3.0)
        definition = machine(TASK, MaxConcurrency=4, ToleratedFailureCount=9)
        (parent,) = await world.start(world.machine(definition), input=list(range(30)))
        assert await until_ended(world, parent) == (Status.FAILED, THRESHOLD)
        tasks.wrong.clear()
        await redrive(world, parent)
        for _ in range(4):
            await world.kill_scheduler()
            world.scheduler()
            await world.clock.sleep(14)
        assert await until_ended(world, parent) == (Status.SUCCEEDED, list(range(30)))
        rows = world.store.children_of(only_run(world))
        assert [row.status for row in rows] == [Status.SUCCEEDED] * 30
        assert all(row.redrive_count == 1 for row in rows[:20:2])
        assert all(row.redrive_count <= 1 for row in rows)
        assert (only_run(world).redrive_count, world.ledger.wrong) == (1, [])

    run_virtually(body())


# --- items ------------------------------------------------------------------------------------------------------------


def objects_of(world: World) -> MemoryObjects:
    assert isinstance(world.objects, MemoryObjects)
    return world.objects


def test_items_of_a_reader_are_those_of_the_first_attempt_once_a_child_has_started() -> None:
    async def body() -> None:
        tasks = Tasks(1)
        world = world_of(tasks)
        objects = objects_of(world)
        objects.stored["items"] = b"[0,1,2]"
        (parent,) = await world.start(world.machine(machine(TASK, MaxConcurrency=1, ItemReader=READER)))
        assert await until_ended(world, parent) == (Status.FAILED, THRESHOLD)
        objects.stored["items"] = b"[7,8,9,10]"
        tasks.wrong.clear()
        await redrive(world, parent)
        assert await until_ended(world, parent) == (Status.SUCCEEDED, [0, 1, 2])
        assert objects.reads == ["items"]

    run_virtually(body())


def test_a_reader_that_failed_reads_again() -> None:
    async def body() -> None:
        world = world_of(Tasks())
        (parent,) = await world.start(world.machine(machine(TASK, ItemReader=READER)))
        assert await until_ended(world, parent) == (Status.FAILED, "States.ItemReaderFailed")
        objects_of(world).stored["items"] = b"[5]"
        await redrive(world, parent)
        assert await until_ended(world, parent) == (Status.SUCCEEDED, [5])
        assert "MapRunRedriven" in world.events(parent)

    run_virtually(body())


def test_a_run_that_changes_hands_does_not_read_its_items_again() -> None:
    async def body() -> None:
        world = world_of(Tasks(), call_seconds=lambda: 3.0)
        objects = objects_of(world)
        objects.stored["items"] = json.dumps(list(range(600))).encode()
        definition = machine(TASK, ItemReader=READER, ItemBatcher={"MaxItemsPerBatch": 2}, MaxConcurrency=100)
        (parent,) = await world.start(world.machine(definition))
        await world.clock.sleep(4)
        objects.stored["items"] = b"[]"
        await world.kill_scheduler()
        world.scheduler()
        status, output = await until_ended(world, parent)
        assert status is Status.SUCCEEDED
        assert [item for one in output for item in one["Items"]] == list(range(600))
        assert objects.reads == ["items"]
        assert (only_run(world).planned_items, only_run(world).planned_executions) == (600, 300)

    run_virtually(body())
