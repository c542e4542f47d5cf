"""What the ResultWriter of a run writes, over all its attempts."""

from __future__ import annotations

import json
from typing import Any

from engine.execution.execution import Status
from services.broker.messages import pack
from services.store.map_run_records import MapRun
from tests.fixtures.scheduler_world import TASK, World
from tests.fixtures.virtual_loop import run_virtually
from tests.unit.services.scheduler.map_runs.test_redrives import THRESHOLD, WRITER, Tasks, objects_of, redrive, world_of
from tests.unit.services.scheduler.map_runs.test_runs import machine, only_run, until_ended


def files(world: World, run: MapRun) -> dict[str, Any]:
    """What was written below the run's folder, decoded."""
    start = f"p/{run.id}/"
    stored = objects_of(world).stored.items()
    return {key.removeprefix(start): json.loads(content) for key, content in stored if key.startswith(start)}


def test_result_files_of_a_redrive_stand_in_their_own_folder_and_name_the_successes_before() -> None:
    async def body() -> None:
        tasks = Tasks(1)
        world = world_of(tasks)
        definition = machine(TASK, MaxConcurrency=1, ResultWriter=WRITER)
        (parent,) = await world.start(world.machine(definition), input=[0, 1, 2])
        assert await until_ended(world, parent) == (Status.FAILED, THRESHOLD)
        run = only_run(world)
        first = files(world, run)
        assert set(first) == {"manifest.json", "SUCCEEDED_0.json", "FAILED_0.json", "PENDING_0.json"}
        assert first["FAILED_0.json"][0]["RedriveStatus"] == "REDRIVABLE_BY_MAP_RUN"
        await redrive(world, parent)
        assert await until_ended(world, parent) == (Status.FAILED, THRESHOLD)
        second = files(world, run)
        assert {name for name in second if name.startswith("Redrive-1/")} == {
            f"Redrive-1/{name}" for name in ("manifest.json", "SUCCEEDED_0.json", "FAILED_0.json", "PENDING_0.json")
        }
        assert second["Redrive-1/SUCCEEDED_0.json"] == []
        tasks.wrong.clear()
        await redrive(world, parent)
        status, output = await until_ended(world, parent)
        key = f"p/{run.id}/Redrive-2/manifest.json"
        assert (status, output["ResultWriterDetails"]) == (Status.SUCCEEDED, {"Bucket": "b", "Key": key})
        third = files(world, run)
        assert {name: third[name] for name in first} == first
        assert [entry["Input"] for entry in third["Redrive-2/SUCCEEDED_0.json"]] == ["1", "2"]
        assert [entry["RedriveCount"] for entry in third["Redrive-2/SUCCEEDED_0.json"]] == [2, 0]
        listed = third["Redrive-2/manifest.json"]["ResultFiles"]
        names = [file["Key"].removeprefix(f"p/{run.id}/") for file in listed["SUCCEEDED"]]
        assert names == ["SUCCEEDED_0.json", "Redrive-1/SUCCEEDED_0.json", "Redrive-2/SUCCEEDED_0.json"]
        assert (listed["FAILED"], listed["PENDING"]) == ([], [])

    run_virtually(body())


def test_a_bucket_that_takes_nothing_fails_the_execution_before_any_child_starts() -> None:
    async def body() -> None:
        world = world_of(Tasks())
        objects_of(world).refused.add("b")
        (parent,) = await world.start(world.machine(machine(TASK, ResultWriter=WRITER)), input=[1])
        assert await until_ended(world, parent) == (Status.FAILED, "States.Runtime")
        assert world.events(parent)[-2:] == ["MapRunStarted", "ExecutionFailed"]
        cause = world.store.executions[parent].row.cause
        assert cause is not None
        assert cause.endswith(
            "(entered at the event id #2). Failed to write a test manifest into the specified output bucket. "
            "Access Denied"
        )
        assert world.store.children_of(only_run(world)) == []
        objects_of(world).refused.clear()
        await redrive(world, parent)
        assert (await until_ended(world, parent))[0] is Status.SUCCEEDED
        assert world.events(parent)[5:7] == ["ExecutionRedriven", "MapRunRedriven"]

    run_virtually(body())


def test_a_stopped_run_too_writes_what_there_is() -> None:
    async def body() -> None:
        world = world_of(Tasks())
        definition = machine({"Type": "Wait", "Seconds": 500}, MaxConcurrency=1, ResultWriter=WRITER)
        (parent,) = await world.start(world.machine(definition), input=[1, 2])
        await world.clock.sleep(5)
        await world.command(parent, "stop", pack(None, None))
        await world.clock.sleep(20)
        written = files(world, only_run(world))
        assert set(written) == {"manifest.json", "FAILED_0.json", "PENDING_0.json"}
        assert [entry["Status"] for entry in written["FAILED_0.json"]] == ["ABORTED"]

    run_virtually(body())
