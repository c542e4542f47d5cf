"""One map run: its items become child executions, so many at a time, and their ends become the run's own.

All that counts is in the store: how far it has come is the number of its children, how they stand is counted there.
Whoever takes it over goes on from that; children are started by names that follow from the run and their index.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from engine.asl.model import MapState
from engine.execution.execution import Status
from engine.execution.frame import MapRun as Waiting
from engine.failure import DATA_LIMIT_EXCEEDED, StateError
from engine.limits import PAYLOAD_BYTES_MAX
from engine.payload import Payload, encode_json
from engine.states.distributed_map import THRESHOLD_CAUSE, THRESHOLD_ERROR, child_name
from engine.states.map_inputs import STATE_DATA, Selector, batches
from services.broker import queues
from services.broker.interface import Broker
from services.broker.messages import Command, Hint, encode, pack
from services.integrations.items.objects import ItemObjects, Owner
from services.integrations.items.reading import read_items, source_of
from services.integrations.items.results import transformed
from services.runtime.clock import Clock
from services.runtime.ids import Ids
from services.scheduler.map_results import write_results, written_where
from services.scheduler.resident import Resident
from services.scheduler.signal import Signal
from services.store.interface import MapRunStore
from services.store.map_run_records import COUNT_GIVEN, PERCENTAGE_GIVEN, MapRun, RunCounts, RunStatus
from services.store.records import NewExecution, shard_of

CHILDREN_MAX: Final = 1_000
ADMITTED_MAX: Final = 256
STOPPED_MAX: Final = 1_000
COLLECTED_AT_ONCE: Final = 500
FIRST_SECONDS: Final = 0.25
SHORTEST_SECONDS: Final = 0.02
LONGEST_SECONDS: Final = 4.0
READING_SECONDS: Final = 1.0
_FAILED: Final = (Status.FAILED, Status.TIMED_OUT)


@dataclass(frozen=True, slots=True)
class World:
    """What driving a run needs; `objects` is None where there is no way to S3."""

    store: MapRunStore
    broker: Broker
    clock: Clock
    ids: Ids
    objects: ItemObjects | None


class MapDrive:
    """Drives one run for the execution that waits for it.

    Attributes:
        over: nobody waits for the run any more; it is to be aborted.
        signal: something has changed: look at once.
    """

    def __init__(self, world: World, resident: Resident, path: str, waiting: Waiting, run: MapRun) -> None:
        """Nothing is done yet; `run` is the row as it is to be if there is none."""
        self._world = world
        self._resident = resident
        self._frame = resident.execution.frames[path]
        self._plan: Mapping[str, Any] = waiting.input.value
        self._items: list[Any] | None = None
        self._batches: list[Any] | None = None
        self._now_ms = world.clock.now_ms()
        self._counts: RunCounts | None = None
        self._rest_seconds = FIRST_SECONDS
        self.run = run
        self.over = False
        self.signal = Signal()

    async def finish(self) -> Payload | StateError | None:
        """Drive it to its end: its output, its error, or None when it was aborted.

        Raises:
            Fault: the store cannot be reached; call again.
        """
        run = await self._world.store.create_map_run(self.run)
        if run.status == "RUNNING":
            run = await self._work(run)
        if run.status == "FAILED":
            return StateError(run.error, run.cause)
        return None if run.status == "ABORTED" else await self._output(run)

    async def _work(self, run: MapRun) -> MapRun:
        try:
            if self._items is None:
                await self._read(run)
            while True:
                run = await self._world.store.map_run(run.id) or run
                ending = await self._advance(run)
                if ending is not None:
                    return await self._end(run, *ending)
        except StateError as error:
            await self._stop_all(run)
            return await self._end(run, "FAILED", error.error, error.cause)

    # items and inputs

    async def _read(self, run: MapRun) -> None:
        reader = self._plan.get("reader")
        if reader is None:
            items = self._plan["items"]
        elif self._world.objects is None:
            raise StateError("States.ItemReaderFailed", "this scheduler has no way to S3")
        else:
            items = await self._unless_over(read_items(reader, self._owner, self._world.objects))
        batcher = self._plan.get("batcher")
        if batcher is not None:
            select = self._selector().select
            self._batches = list(batches((select(index, item) for index, item in enumerate(items)), batcher))
        self._items = items
        await self._world.store.plan_map_run(run.id, len(items), self._total)

    async def _unless_over(self, reading: Coroutine[Any, Any, list[Any]]) -> list[Any]:
        """Read, but not on when nobody waits for the run any more: a source may be large, slow or endless."""
        task = asyncio.create_task(reading)
        try:
            while not task.done() and not self.over:
                await asyncio.wait([task], timeout=READING_SECONDS)
            return [] if self.over else task.result()
        finally:
            task.cancel()

    @property
    def _total(self) -> int:
        return len(self._batches if self._batches is not None else self._items or ())

    @property
    def _owner(self) -> Owner:
        row = self._resident.row
        return Owner(row.role_arn, row.account, row.region)

    def _selector(self) -> Selector:
        reader = self._plan.get("reader")
        source = STATE_DATA if reader is None else source_of(reader)
        return Selector(self._resident.execution, self._frame, self._world.ids.entropy, self._now_ms, source)

    def inputs(self, first: int, end: int) -> Iterator[tuple[int, bytes, int]]:
        """Index, input and number of items of some children.

        Raises:
            StateError: an ItemSelector fails.
        """
        if self._batches is not None:
            for index in range(first, end):
                yield index, encode_json(self._batches[index]), len(self._batches[index]["Items"])
            return
        assert self._items is not None
        selector = self._selector()
        for index in range(first, end):
            yield index, encode_json(selector.select(index, self._items[index])), 1

    # one look

    async def _advance(self, run: MapRun) -> tuple[RunStatus, str | None, str | None] | None:
        """Do what is to be done now, then rest; how the run ends, None while it goes on."""
        clock = self._world.clock
        begun = clock.monotonic()
        counts = await self._world.store.map_run_counts(run)
        took = clock.monotonic() - begun
        running, admitted = counts.executions(Status.RUNNING), counts.executions()
        ending = self._ending(run, counts)
        if ending is not None:
            if not running:
                return ending
            if not run.express:
                await self._stop_some(run)
        elif admitted == self._total and not running:
            return ("SUCCEEDED", None, None)
        else:
            most = min(run.max_concurrency or CHILDREN_MAX, CHILDREN_MAX)
            count = min(most - running, self._total - admitted, ADMITTED_MAX)
            if count > 0:
                await self._admit(run, admitted, admitted + count)
                if count == ADMITTED_MAX:
                    return None
        self._rest_seconds = min(2 * self._rest_seconds, LONGEST_SECONDS) if counts == self._counts else FIRST_SECONDS
        self._counts = counts
        await self.signal.wait_at_most(clock, self._rest_seconds)
        await clock.sleep(max(SHORTEST_SECONDS, 5 * took))  # many ends are counted together
        return None

    def _ending(self, run: MapRun, counts: RunCounts) -> tuple[RunStatus, str | None, str | None] | None:
        if self.over:
            return ("ABORTED", None, None)
        failed = counts.items(*_FAILED)
        given = run.threshold_given or COUNT_GIVEN
        over_count = given & COUNT_GIVEN and failed > run.tolerated_count
        share = 100 * failed / max(1, run.planned_items or len(self._items or ()))
        over_share = given & PERCENTAGE_GIVEN and share > run.tolerated_percentage
        return ("FAILED", THRESHOLD_ERROR, THRESHOLD_CAUSE) if over_count or over_share else None

    async def _admit(self, run: MapRun, first: int, end: int) -> None:
        rows = [self._child(run, index, given, count) for index, given, count in self.inputs(first, end)]
        await self._world.store.admit(rows)
        by_shard: dict[int, list[bytes]] = {}
        for row in rows:
            by_shard.setdefault(row.shard, []).append(row.id.bytes)
        for shard, keys in by_shard.items():
            self._world.broker.send(queues.shard(shard), encode([Hint(keys)]))

    def _child(self, run: MapRun, index: int, given: bytes, item_count: int) -> NewExecution:
        parent, now_ms = self._resident.row, self._world.clock.now_ms()
        child_id = self._world.ids.execution_id(now_ms)
        return NewExecution(
            id=child_id,
            shard=shard_of(child_id, self._world.store.shards),
            machine_id=parent.machine_id,
            revision_id=parent.revision_id,
            name=child_name(run.id, index),
            input=given,
            start_ms=now_ms,
            trace_header=parent.trace_header,
            test_case=parent.test_case,
            map_run_id=run.id,
            map_index=index,
            item_count=item_count,
        )

    # its end

    async def _stop_some(self, run: MapRun) -> None:
        await stop_children(self._world.store, self._world.broker, run)

    async def _stop_all(self, run: MapRun) -> None:
        while (await self._world.store.map_run_counts(run)).executions(Status.RUNNING) and not run.express:
            await self._stop_some(run)
            await self.signal.wait_at_most(self._world.clock, FIRST_SECONDS)

    async def _end(self, run: MapRun, status: RunStatus, error: str | None, cause: str | None) -> MapRun:
        store = self._world.store
        writer = self._plan.get("writer", {})
        if status != "ABORTED" and error in (None, THRESHOLD_ERROR) and writer.get("resource"):
            problem = await write_results(self._world, run, writer, self._owner, self._pending)
            if problem is not None and status == "SUCCEEDED":
                status, error, cause = "FAILED", "States.ResultWriterFailed", problem
        await store.end_map_run(run.id, status, self._world.clock.now_ms(), error, cause)
        return await store.map_run(run.id) or run

    def _pending(self, first: int) -> Iterator[bytes]:
        """Inputs of the children that never started."""
        return (given for _, given, _ in self.inputs(first, self._total))

    async def _output(self, run: MapRun) -> Payload | StateError:
        """The result of the state: the outputs of the children that succeeded, or where they were written."""
        writer = self._plan.get("writer", {})
        if writer.get("resource"):
            return Payload(written_where(run, writer))
        outputs: list[bytes] = []
        size, after = 2, -1
        while True:
            rows = await self._world.store.map_children(run, after, COLLECTED_AT_ONCE)
            for row in rows:
                if row.status is Status.SUCCEEDED and row.output is not None:
                    outputs.append(row.output)
                    size += len(row.output) + 1
            if size > PAYLOAD_BYTES_MAX:
                return self._too_large()
            if len(rows) < COLLECTED_AT_ONCE:
                break
            assert rows[-1].map_child is not None
            after = rows[-1].map_child.index
        entries = transformed(outputs, writer.get("config", {}).get("Transformation", "COMPACT"))
        return Payload(text=b"[" + b",".join(entries) + b"]")

    def _too_large(self) -> StateError:
        text = "returned a result with a size exceeding the maximum number of bytes service limit."
        return StateError(DATA_LIMIT_EXCEEDED, f"The state/task '{self.run.state}' {text}")


async def stop_children(store: MapRunStore, broker: Broker, run: MapRun) -> bool:
    """Stop children that still run; False if there are none."""
    ids = await store.open_map_children(run, STOPPED_MAX)
    by_shard: dict[int, list[Command]] = {}
    for child_id in ids:
        shard = shard_of(child_id, store.shards)
        command = Command("", "", child_id.bytes, shard, "stop", pack(None, None))
        by_shard.setdefault(shard, []).append(command)
    for shard, commands in by_shard.items():
        broker.send(queues.shard(shard), encode(commands))
    return bool(ids)


def row_of(resident: Resident, path: str, waiting: Waiting, run_id: UUID, label: str, now_ms: int) -> MapRun:
    """The run as it is when it begins."""
    state = resident.execution.state_of(resident.execution.frames[path])
    assert isinstance(state, MapState)
    plan = waiting.input.value
    count, percentage = plan["tolerated_count"], plan["tolerated_percentage"]
    given = (COUNT_GIVEN if count is not None else 0) | (PERCENTAGE_GIVEN if percentage is not None else 0)
    return MapRun(
        id=run_id,
        arn=waiting.arn,
        execution_id=resident.id,
        shard=resident.shard,
        path=path,
        state=state.name,
        label=label,
        express=state.execution_type == "EXPRESS",
        start_ms=now_ms,
        max_concurrency=plan["max_concurrency"],
        tolerated_percentage=percentage or 0.0,
        tolerated_count=count or 0,
        threshold_given=given,
    )
