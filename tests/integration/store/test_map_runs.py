"""Map runs in Postgres: written once, ended once, children counted, listed and hidden from the machine's list."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from engine.execution.execution import Status
from services.api.collaborators import MapRunChange
from services.api.map_run_reader import MapRunReader
from services.store.description import arn_of
from services.store.map_run_records import PERCENTAGE_GIVEN, MapRun
from services.store.postgres import PostgresStore
from services.store.records import ExecutionFilter, NewExecution, StateMachine
from tests.integration.store.samples import ACCOUNT, IDS, NOW_MS, REGION, execution, written_machine

pytestmark = pytest.mark.asyncio


async def written_run(store: PostgresStore, machine: StateMachine, children: int = 0, express: bool = False) -> MapRun:
    """A run of an execution of the machine, with children of two items each."""
    parent = execution(machine)
    run_id = IDS.uuid()
    arn = f"arn:aws:states:{REGION}:{ACCOUNT}:mapRun:{machine.name}/L:{run_id}"
    await store.admit([parent])
    run = await store.create_map_run(
        MapRun(
            id=run_id, arn=arn, execution_id=parent.id, shard=parent.shard, path="0", state="M", label="L",
            express=express, start_ms=NOW_MS,
        )
    )  # fmt: skip
    await store.admit([child(machine, run, index) for index in range(children)])
    return run


def child(machine: StateMachine, run: MapRun, index: int) -> NewExecution:
    return replace(execution(machine), name=f"child-{run.id}-{index}", map_run_id=run.id, map_index=index, item_count=2)


async def test_a_run_is_written_once_and_ends_once(store: PostgresStore) -> None:
    run = await written_run(store, await written_machine(store))
    await store.plan_map_run(run.id, 7, 3)
    assert (await store.create_map_run(run)).planned_items == 7
    await store.end_map_run(run.id, "FAILED", NOW_MS + 1, "E", "c\x00")
    await store.end_map_run(run.id, "SUCCEEDED", NOW_MS + 2, None, None)
    found = await store.map_run(run.id)
    assert found is not None
    assert (found.status, found.stop_ms, found.error, found.cause) == ("FAILED", NOW_MS + 1, "E", "c\ufffd")
    assert not await store.update_map_run(run.id, 5, None, None)


async def test_children_are_counted_and_stand_in_the_order_of_their_items(store: PostgresStore) -> None:
    run = await written_run(store, await written_machine(store), children=3)
    counts = await store.map_run_counts(run)
    assert (counts.executions(), counts.items(Status.RUNNING), counts.items(Status.FAILED)) == (3, 6, 0)
    rows = await store.map_children(run, 0, 10)
    assert [row.map_child.index for row in rows if row.map_child] == [1, 2]
    assert len(await store.open_map_children(run, 2)) == 2


async def test_children_are_found_by_their_own_arns_alone(store: PostgresStore) -> None:
    machine = await written_machine(store)
    run = await written_run(store, machine, children=1, express=True)
    (row,) = await store.map_children(run, -1, 1)
    assert str(arn_of(row)).startswith(f"arn:aws:states:{REGION}:{ACCOUNT}:express:{machine.name}/L:{row.name}:")
    assert await store.execution_by_name(ACCOUNT, REGION, f"{machine.name}/L", row.name) == row
    assert await store.execution_by_name(ACCOUNT, REGION, machine.name, row.name) is None
    listed = await store.list_executions(ExecutionFilter(machine_ids=(machine.id,)), 10)
    assert [one.id for one in listed] == [run.execution_id]


async def test_a_run_whose_parent_still_runs_is_not_left_over(store: PostgresStore) -> None:
    run = await written_run(store, await written_machine(store))
    assert run.id not in [one.id for one in await store.left_over_map_runs([run.shard], 100)]


async def test_the_api_sees_counts_changes_and_children(store: PostgresStore) -> None:
    reader = MapRunReader(store)
    run = await written_run(store, await written_machine(store), children=3)
    await store.plan_map_run(run.id, 10, 5)
    assert await reader.update_map_run(run.id, MapRunChange(tolerated_failure_percentage=12.5))
    row = await reader.map_run(ACCOUNT, REGION, run.arn)
    assert row is not None
    assert (row.tolerated_failure_percentage, row.item_counts["pending"], row.execution_counts["running"]) == (
        12.5,
        4,
        3,
    )
    changed = await store.map_run(run.id)
    assert changed is not None
    assert changed.threshold_given == PERCENTAGE_GIVEN
    assert await reader.map_run(ACCOUNT, REGION, run.arn.replace("/L:", "/K:")) is None
    first = await reader.list_children(run.id, (), None, None, 2)
    rest = await reader.list_children(run.id, ("RUNNING",), False, first[-1]["executionArn"], 2)
    names = [item["name"] for item in (*first, *rest)]
    assert (len(first), len(set(names))) == (2, 3)
    assert await reader.list_children(run.id, ("FAILED",), None, None, 2) == []
    assert [one.id for one in await reader.list_map_runs(run.execution_id, None, 5)] == [run.id]
    assert await reader.list_map_runs(run.execution_id, run.id, 5) == []
    assert await reader.map_run(ACCOUNT, REGION, run.arn.replace(str(run.id), str(UUID(int=1)))) is None
