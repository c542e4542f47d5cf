"""Map runs in Postgres: written once, ended once, children counted, listed and hidden from the machine's list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from engine.execution.execution import Status
from engine.execution.page import Page
from services.api.collaborators import MapRunChange
from services.api.map_run_reader import MapRunReader
from services.store.description import arn_of, shown
from services.store.executions import MANY_MACHINES
from services.store.map_run_records import PERCENTAGE_GIVEN, MapRun, MapRunEnd
from services.store.postgres import PostgresStore
from services.store.records import Batch, ExecutionChange, ExecutionFilter, NewExecution, StateMachine
from tests.integration.store.samples import ACCOUNT, IDS, NOW_MS, REGION, all_shards, execution, written_machine

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
    await store.plan_map_run(run.id, 0, 7, 3)
    assert (await store.create_map_run(run)).planned_items == 7
    await store.end_map_run(run, MapRunEnd(status="FAILED", stop_ms=NOW_MS + 1, error="E", cause="c\x00"))
    await store.end_map_run(run, MapRunEnd(status="SUCCEEDED", stop_ms=NOW_MS + 2))
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
    for others in (0, 2 * MANY_MACHINES):
        wanted = ExecutionFilter(machine_ids=(machine.id, *(IDS.uuid() for _ in range(others))))
        assert [one.id for one in await store.list_executions(wanted, 10)] == [run.execution_id]


async def ended(
    store: PostgresStore, row: NewExecution, status: Status, pages: Sequence[Page] = (), **fields: Any
) -> None:
    """Write an execution's end, as the owner of its shard does."""
    tenures = await all_shards(store)
    batch = Batch([tenures[row.shard]], pages=[(row.shard, row.id, page) for page in pages])
    batch.changes.append((row.shard, ExecutionChange(row.id, status, None, stop_ms=NOW_MS, **fields)))
    committed = await store.commit(batch, 60)
    assert committed.shards == {row.shard}
    tenures[row.shard] = replace(tenures[row.shard], seq=tenures[row.shard].seq + 1)
    await store.release_shards(list(tenures.values()))


async def test_the_next_attempt_begins_once_and_those_that_failed_wait_for_it(store: PostgresStore) -> None:
    machine, reader = await written_machine(store), MapRunReader(store)
    run = await written_run(store, machine)
    rows = [child(machine, run, index) for index in range(4)]
    await store.admit(rows)
    await store.plan_map_run(run.id, 0, 8, 4)
    for row, status in zip(rows, (Status.FAILED, Status.SUCCEEDED, Status.TIMED_OUT, Status.ABORTED), strict=True):
        await ended(store, row, status)
    assert await store.map_children_to_redrive(run, 10) == []
    await store.redrive_map_run(run, 1, NOW_MS + 5)  # it still runs
    await store.end_map_run(run, MapRunEnd(status="FAILED", stop_ms=NOW_MS + 1, results="[1,[]]"))
    await store.redrive_map_run(run, 1, NOW_MS + 6)
    await store.redrive_map_run(run, 1, NOW_MS + 7)
    again = await store.map_run(run.id)
    assert again is not None
    assert (again.status, again.stop_ms, again.redrive_count, again.redrive_ms) == ("RUNNING", None, 1, NOW_MS + 6)
    assert (again.planned, again.results) == (True, "[1,[]]")
    await store.end_map_run(run, MapRunEnd(status="ABORTED", stop_ms=NOW_MS + 8))  # the attempt before
    assert await store.map_children_to_redrive(again, 10) == [rows[0].id, rows[2].id, rows[3].id]
    await ended(store, rows[0], Status.FAILED, redrive_count=1, map_attempt=1)
    counts = await reader.counts(run.id, NOW_MS)
    assert counts is not None
    wanted = {"pendingRedrive": 2, "failed": 1, "succeeded": 1, "timedOut": 0, "aborted": 0, "total": 4}
    assert wanted.items() <= counts.executions.items()
    assert counts.items["pendingRedrive"] == 4
    assert await names(reader, run, "PENDING_REDRIVE") == {rows[2].name, rows[3].name}
    assert (await names(reader, run, "FAILED"), await names(reader, run, "TIMED_OUT")) == ({rows[0].name}, set())
    redriven = await reader.list_children(run.id, (), True, None, 10)
    assert [item["name"] for item in redriven] == [rows[0].name]
    pending = await store.execution_by_name(ACCOUNT, REGION, f"{machine.name}/L", rows[2].name)
    assert pending is not None
    assert (pending.status, shown(pending).status) == (Status.TIMED_OUT, Status.PENDING_REDRIVE)
    await store.end_map_run(again, MapRunEnd(status="SUCCEEDED", stop_ms=NOW_MS + 9))
    assert await names(reader, run, "TIMED_OUT") == {rows[2].name}


async def names(reader: MapRunReader, run: MapRun, status: str) -> set[str]:
    return {item["name"] for item in await reader.list_children(run.id, (status,), None, None, 10)}


async def test_failures_of_long_ago_and_with_full_histories_cannot_be_redriven(store: PostgresStore) -> None:
    machine, reader = await written_machine(store), MapRunReader(store)
    run = await written_run(store, machine)
    full, other = child(machine, run, 0), child(machine, run, 1)
    await store.admit([full, other])
    for row, last in ((full, 24_999), (other, 24_998)):
        await ended(store, row, Status.FAILED, [Page(1, 1, last, b"", b"", True)])
    for later_ms, executions in ((0, 1), (14 * 24 * 3600 * 1000, 2)):
        counts = await reader.counts(run.id, NOW_MS + later_ms)
        assert counts is not None
        found = counts.executions["failuresNotRedrivable"], counts.items["failuresNotRedrivable"]
        assert found == (executions, 2 * executions)


async def test_kept_inputs_are_found_by_index_and_change_no_more_once_all_are_there(store: PostgresStore) -> None:
    run = await written_run(store, await written_machine(store))
    assert await store.begin_map_inputs(run.id) == 1
    await store.put_map_inputs(run.id, 1, 0, b"halfway")
    assert await store.begin_map_inputs(run.id) == 2
    await store.put_map_inputs(run.id, 1, 512, b"of the reading before")
    await store.plan_map_run(run.id, 1, 600, 600)
    assert await store.map_inputs(run.id, 600) is None
    for first, piece in ((0, b"a"), (256, b"b")):
        await store.put_map_inputs(run.id, 2, first, piece)
    await store.plan_map_run(run.id, 2, 300, 300)
    await store.put_map_inputs(run.id, 2, 0, b"late")
    assert await store.begin_map_inputs(run.id) == 0
    assert await store.map_inputs(run.id, 255) == (0, b"a")
    assert await store.map_inputs(run.id, 299) == (256, b"b")
    await store.end_map_run(run, MapRunEnd(status="SUCCEEDED", stop_ms=NOW_MS))
    assert await store.map_inputs(run.id, 0) is None


async def test_a_run_without_children_reads_its_items_again(store: PostgresStore) -> None:
    run = await written_run(store, await written_machine(store))
    await store.plan_map_run(run.id, 0, 3, 3)
    await store.end_map_run(run, MapRunEnd(status="ABORTED", stop_ms=NOW_MS))
    await store.redrive_map_run(run, 1, NOW_MS)
    again = await store.map_run(run.id)
    assert again is not None
    assert (again.planned, again.status) == (False, "RUNNING")


async def test_a_run_whose_parent_still_runs_is_not_left_over(store: PostgresStore) -> None:
    run = await written_run(store, await written_machine(store))
    assert run.id not in [one.id for one in await store.left_over_map_runs([run.shard], 100)]


async def test_the_api_sees_counts_changes_and_children(store: PostgresStore) -> None:
    reader = MapRunReader(store)
    run = await written_run(store, await written_machine(store), children=3)
    await store.plan_map_run(run.id, 0, 10, 5)
    assert await reader.update_map_run(run.id, MapRunChange(tolerated_failure_percentage=12.5))
    row = await reader.map_run(ACCOUNT, REGION, run.arn)
    assert row is not None
    counts = await reader.counts(run.id, NOW_MS)
    assert counts is not None
    assert (row.tolerated_failure_percentage, counts.items["pending"], counts.executions["running"]) == (12.5, 4, 3)
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
