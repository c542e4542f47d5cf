"""A map run of a mocked case, in memory: its children are executions of the case, so many at a time.

It begins, counts and ends as a server's does; what a server keeps in the store stands here in lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from engine.arn import parse_arn
from engine.asl.model import MapState
from engine.execution.execution import Execution, Status
from engine.execution.frame import MapRun as Waiting
from engine.failure import StateError
from engine.limits import PAYLOAD_BYTES_MAX
from engine.payload import Payload
from engine.states.distributed_map import (
    FAILED,
    THRESHOLD_CAUSE,
    THRESHOLD_ERROR,
    child_name,
    child_program,
    exceeds_tolerance,
    output_too_large,
)
from engine.states.map_inputs import Selector
from services.integrations.items.objects import ItemObjects, Owner
from services.integrations.items.results import ResultFiles, folder_of, manifest, transformed
from services.scheduler.map_runs.drive import CHILDREN_MAX
from services.scheduler.map_runs.inputs import ChildInput, inputs_of, items_of
from services.scheduler.map_runs.results import entry_of
from services.scheduler.revive import origin_of
from services.store.records import MapChild, StoredExecution


class CaseMapRun:
    """One run. Await `plan` once, start what `next_child` gives, tell the ends, and ask for the outcome after each.

    Attributes:
        path: the frame of the Map that waits.
        waiting: what it waits for.
        over: it has its outcome, or nobody waits for it any more.
    """

    def __init__(self, parent: Execution, path: str, waiting: Waiting, objects: ItemObjects) -> None:
        """Nothing is read yet."""
        state = parent.state_of(parent.frames[path])
        assert isinstance(state, MapState)
        self.path, self.waiting, self.over = path, waiting, False
        self._parent = parent
        self._state: MapState = state
        self._plan: Mapping[str, Any] = waiting.input.value
        self._id = UUID(parse_arn(waiting.arn).unique)
        self._objects = objects
        self._owner = Owner(parent.origin.role_arn, parent.origin.account, parent.origin.region)
        self._inputs: list[ChildInput] = []
        self._rows: list[StoredExecution] = []
        self._running = self._item_count = self._failed_items = 0

    @property
    def state(self) -> str:
        """The name of the Map."""
        return self._state.name

    async def plan(self, selector: Selector) -> None:
        """Read the items and make of them what the children get.

        Raises:
            StateError: they cannot be read, an expression fails, or an input is too large.
        """
        items = items_of(self._plan, self._owner, self._objects)
        async for given, item_count in inputs_of(items, selector.select, self._plan.get("batcher"), self.state):
            self._inputs.append(ChildInput(len(self._inputs), given, item_count))
            self._item_count += item_count

    def next_child(self, child_id: UUID, now_ms: int) -> tuple[int, Execution] | None:
        """The next child and its index, if there is one and room for it; it has `child_id` and starts `now_ms`."""
        index, most = len(self._rows), min(self._plan["max_concurrency"] or CHILDREN_MAX, CHILDREN_MAX)
        if self.over or index == len(self._inputs) or self._running == most:
            return None
        row = self._row(index, child_id, now_ms)
        self._rows.append(row)
        self._running += 1
        return index, Execution(origin_of(row), child_program(self._parent.program, self._state))

    def _row(self, index: int, child_id: UUID, now_ms: int) -> StoredExecution:
        origin, arn = self._parent.origin, parse_arn(self.waiting.arn)
        given = self._inputs[index]
        return StoredExecution(
            id=child_id,
            shard=0,
            machine_id=origin.id,
            revision_id=origin.id,
            account=origin.account,
            region=origin.region,
            machine_name=origin.machine_name,
            name=child_name(self._id, index),
            status=Status.RUNNING,
            input=given.given,
            start_ms=now_ms,
            role_arn=origin.role_arn,
            test_case=origin.test_case,
            map_child=MapChild(
                run_id=self._id,
                run_arn=self.waiting.arn,
                run_shard=0,
                index=index,
                item_count=given.item_count,
                label=arn.label,
                state=self.state,
                express=self._state.execution_type == "EXPRESS",
            ),
        )

    def child_ended(self, index: int, child: Execution) -> None:
        """Count a child that has ended."""
        self._running -= 1
        if child.status in FAILED:
            self._failed_items += self._inputs[index].item_count
        self._rows[index] = replace(
            self._rows[index],
            status=child.status,
            output=None if child.output is None else child.output.text,
            error=child.error,
            cause=child.cause,
            stop_ms=child.stop_ms,
        )

    async def outcome(self) -> Payload | StateError | None:
        """The result of the state or the error of the run; None while it goes on."""
        writer = self._plan.get("writer", {})
        writes = bool(writer.get("resource"))
        count, percentage = self._plan["tolerated_count"], self._plan["tolerated_percentage"]
        if exceeds_tolerance(self._failed_items, self._item_count, count, percentage):
            if writes:
                await self._write(writer)
            return StateError(THRESHOLD_ERROR, THRESHOLD_CAUSE)
        if self._running or len(self._rows) < len(self._inputs):
            return None
        return await self._write(writer) if writes else self._outputs(writer)

    def _outputs(self, writer: Mapping[str, Any]) -> Payload | StateError:
        transformation = writer.get("config", {}).get("Transformation", "COMPACT")
        outputs: list[bytes] = []
        for row in self._rows:
            if row.output is not None:
                outputs += transformed([row.output], transformation, entry_of(row))
        if sum(map(len, outputs)) + len(outputs) + 1 > PAYLOAD_BYTES_MAX:
            return output_too_large(self.state)
        return Payload(text=b"[" + b",".join(outputs) + b"]")

    async def _write(self, writer: Mapping[str, Any]) -> Payload:
        """Write the result files; the state's result, which says where."""
        files, parameters = ResultFiles(writer["config"]), writer["parameters"]
        for row in self._rows:
            if row.status is not Status.RUNNING:
                files.ended(entry_of(row), row.output)
        for given in self._inputs[len(self._rows) :]:
            files.pending(given.given)
        bucket, folder = str(parameters.get("Bucket", "")), folder_of(parameters, str(self._id))
        written = {f"{folder}/{name}": content for name, content in files.contents().items()}
        sizes = [(key, len(content)) for key, content in written.items()]
        place = f"{folder}/manifest.json"
        for key, content in {**written, place: manifest(bucket, self.waiting.arn, sizes)}.items():
            await self._objects.put(self._owner, bucket, key, content)
        return Payload({"MapRunArn": self.waiting.arn, "ResultWriterDetails": {"Bucket": bucket, "Key": place}})
