"""One map run: its items become child executions, so many at a time, and their ends become the run's own.

All that counts is in the store: how far it has come is the number of its children, how they stand is counted there,
and the inputs of those that have not started are kept there. Whoever takes it over goes on from that; children are
started by names that follow from the run and their index. A redrive of the parent is the run's next attempt: children
that failed go on first, then those start that never did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Final, TypeAlias
from uuid import UUID

from engine.asl.model import MapState
from engine.execution.execution import Status
from engine.execution.frame import MapRun as Waiting
from engine.failure import RUNTIME, StateError
from engine.limits import PAYLOAD_BYTES_MAX
from engine.payload import Payload
from engine.states.distributed_map import (
    FAILED,
    NOT_WRITABLE,
    THRESHOLD_CAUSE,
    THRESHOLD_ERROR,
    child_name,
    exceeds_tolerance,
    output_too_large,
)
from engine.states.map_inputs import Selector
from services.broker import queues
from services.broker.messages import Hint, encode
from services.integrations.items.objects import Owner
from services.integrations.items.results import transformed
from services.scheduler.map_runs.children import redrive_children, stop_children
from services.scheduler.map_runs.inputs import ChildInput, ChildInputs, items_of
from services.scheduler.map_runs.results import entry_of, try_writing, write_results, written_where
from services.scheduler.map_runs.world import World
from services.scheduler.resident import Resident
from services.scheduler.signal import Signal
from services.store.map_run_records import (
    COUNT_GIVEN,
    PERCENTAGE_GIVEN,
    MapRun,
    MapRunEnd,
    RunCounts,
    RunStatus,
)
from services.store.records import NewExecution, shard_of

CHILDREN_MAX: Final = 1_000
ADMITTED_MAX: Final = 256
COLLECTED_AT_ONCE: Final = 500
FIRST_SECONDS: Final = 0.25
SHORTEST_SECONDS: Final = 0.02
LONGEST_SECONDS: Final = 4.0
READING_SECONDS: Final = 1.0
MAX_CONCURRENCY_SHOWN: Final = 2**31 - 1
TOLERATED_COUNT_SHOWN: Final = 2**63 - 1
"""The largest numbers that the API can show; more is no limit either."""

_Ending: TypeAlias = tuple[RunStatus, str | None, str | None]


class MapDrive:
    """Drives one attempt of a run for the execution that waits for it.

    Attributes:
        attempt: 0, or which redrive of the run it is.
        over: nobody waits for the run any more; it is to be aborted.
        signal: something has changed: look at once.
    """

    def __init__(self, world: World, resident: Resident, path: str, waiting: Waiting, run: MapRun) -> None:
        """Nothing is done yet; `run` is the row as it is to be if there is none yet."""
        self._world = world
        self._resident = resident
        self._frame = resident.execution.frames[path]
        self._plan: Mapping[str, Any] = waiting.input.value
        self._inputs = ChildInputs(world.store, run.id, run.state)
        self._now_ms = world.clock.now_ms()
        self._counts: RunCounts | None = None
        self._rest_seconds = FIRST_SECONDS
        self.run = run
        self.attempt = waiting.redrive_count
        self.over = False
        self._begun_here = False
        self.signal = Signal()

    async def finish(self) -> Payload | StateError | None:
        """Drive it to its end: its output, its error, or None when it was aborted or another attempt has begun.

        Raises:
            Fault: the store cannot be reached; call again.
        """
        run = await self._world.store.create_map_run(self.run)
        if run.redrive_count < self.attempt:
            run = await self._begin_again(run)
        if run.status == "RUNNING" and run.redrive_count == self.attempt:
            run = await self._work(run)
        if run.redrive_count != self.attempt or run.status in ("RUNNING", "ABORTED"):
            return None
        return StateError(run.error, run.cause) if run.status == "FAILED" else await self._output(run)

    async def _begin_again(self, run: MapRun) -> MapRun:
        """Begin this attempt; one before it that nobody has ended is ended first."""
        store = self._world.store
        if run.status == "RUNNING":
            await self._stop_all(run)
            await store.end_map_run(run, MapRunEnd(status="ABORTED", stop_ms=self._world.clock.now_ms()))
        await store.redrive_map_run(run, self.attempt, self._world.clock.now_ms())
        self._begun_here = True
        return await store.map_run(run.id) or run

    async def _work(self, run: MapRun) -> MapRun:
        store = self._world.store
        try:
            if self._begun_here or not run.planned:
                await self._try_writer(run)
            if not run.planned:
                await self._read()
            while True:
                run = await store.map_run(run.id) or run
                if run.status != "RUNNING" or run.redrive_count != self.attempt:
                    return run
                ending = await self._advance(run)
                if ending is not None:
                    return await self._end(run, *ending)
        except StateError as error:
            await self._stop_all(run)
            return await self._end(run, "FAILED", error.error, error.cause)

    async def _try_writer(self, run: MapRun) -> None:
        writer = self._plan.get("writer", {})
        problem = await try_writing(self._world, run, writer, self._owner) if writer.get("resource") else None
        if problem is not None:
            raise StateError(RUNTIME, f"{NOT_WRITABLE} {problem}")

    # items and inputs

    async def _read(self) -> None:
        """Read the items, and keep the inputs that they make."""
        select, batcher = self._selector().select, self._plan.get("batcher")
        items = items_of(self._plan, self._owner, self._world.objects)
        await self._unless_over(self._inputs.keep(items, select, batcher))

    async def _unless_over(self, reading: Coroutine[Any, Any, None]) -> None:
        """Read, but not on when nobody waits for the run any more: a source may be large, slow or endless."""
        task = asyncio.create_task(reading)
        try:
            while not task.done() and not self.over:
                await asyncio.wait([task], timeout=READING_SECONDS)
            if not self.over:
                task.result()
        finally:
            task.cancel()

    @property
    def _owner(self) -> Owner:
        row = self._resident.row
        return Owner(row.role_arn, row.account, row.region)

    def _selector(self) -> Selector:
        return Selector(self._resident.execution, self._frame, self._world.ids.entropy, self._now_ms)

    # one look

    async def _advance(self, run: MapRun) -> _Ending | None:
        """Do what is to be done now, then rest; how the run ends, None while it goes on."""
        clock = self._world.clock
        begun = clock.monotonic()
        counts = await self._world.store.map_run_counts(run)
        took = clock.monotonic() - begun
        running = counts.executions(Status.RUNNING)
        ending = self._ending(run, counts)
        if ending is not None:
            if not running:
                return ending
            if not run.express:
                await stop_children(self._world.store, self._world.broker, run)
        elif run.planned and not running and not _to_do(run, counts):
            return ("SUCCEEDED", None, None)
        elif run.planned and await self._fill(run, counts, running):
            return None
        self._rest_seconds = min(2 * self._rest_seconds, LONGEST_SECONDS) if counts == self._counts else FIRST_SECONDS
        self._counts = counts
        await self.signal.wait_at_most(clock, self._rest_seconds)
        await clock.sleep(max(SHORTEST_SECONDS, 5 * took))  # many ends are counted together
        return None

    async def _fill(self, run: MapRun, counts: RunCounts, running: int) -> bool:
        """Let as many children go on and start as there is room for; True when more can be done at once."""
        room = min(run.max_concurrency or CHILDREN_MAX, CHILDREN_MAX) - running
        pending = counts.executions(Status.PENDING_REDRIVE)
        if pending and room > 0:
            await redrive_children(self._world.store, self._world.broker, run, min(room, pending))
        # Whoever is told to go on has its place, so that nobody takes it before it is seen to run.
        room -= pending
        admitted = counts.executions()
        count = min(room, run.planned_executions - admitted, ADMITTED_MAX)
        if count <= 0:
            return False
        inputs = await self._inputs.between(admitted, admitted + count)
        assert inputs, "a planned run has the inputs of all its children"
        await self._admit(run, inputs)
        return len(inputs) < count or count == ADMITTED_MAX

    def _ending(self, run: MapRun, counts: RunCounts) -> _Ending | None:
        if self.over:
            return ("ABORTED", None, None)
        given = run.threshold_given or COUNT_GIVEN
        over = exceeds_tolerance(
            counts.items(*FAILED),
            run.planned_items,
            run.tolerated_count if given & COUNT_GIVEN else None,
            run.tolerated_percentage if given & PERCENTAGE_GIVEN else None,
        )
        return ("FAILED", THRESHOLD_ERROR, THRESHOLD_CAUSE) if over else None

    async def _admit(self, run: MapRun, inputs: Sequence[ChildInput]) -> None:
        rows = [self._child(run, one) for one in inputs]
        await self._world.store.admit(rows)
        by_shard: dict[int, list[bytes]] = {}
        for row in rows:
            by_shard.setdefault(row.shard, []).append(row.id.bytes)
        for shard, keys in by_shard.items():
            self._world.broker.send(queues.shard(shard), encode([Hint(keys)]))

    def _child(self, run: MapRun, one: ChildInput) -> NewExecution:
        parent, now_ms = self._resident.row, self._world.clock.now_ms()
        child_id = self._world.ids.execution_id(now_ms)
        return NewExecution(
            id=child_id,
            shard=shard_of(child_id, self._world.store.shards),
            machine_id=parent.machine_id,
            revision_id=parent.revision_id,
            name=child_name(run.id, one.index),
            input=one.given,
            start_ms=now_ms,
            trace_header=parent.trace_header,
            test_case=parent.test_case,
            map_run_id=run.id,
            map_index=one.index,
            item_count=one.item_count,
            map_attempt=self.attempt,
        )

    # its end

    async def _stop_all(self, run: MapRun) -> None:
        """Stop the children that still run; express ones are waited for."""
        while (await self._world.store.map_run_counts(run)).executions(Status.RUNNING):
            if not run.express:
                await stop_children(self._world.store, self._world.broker, run)
            await self.signal.wait_at_most(self._world.clock, FIRST_SECONDS)

    async def _end(self, run: MapRun, status: RunStatus, error: str | None, cause: str | None) -> MapRun:
        store = self._world.store
        writer, results = self._plan.get("writer", {}), None
        if run.planned and error in (None, THRESHOLD_ERROR) and writer.get("resource"):
            problem, results = await write_results(self._world, run, writer, self._owner, self._inputs)
            if problem is not None and status == "SUCCEEDED":
                status, error, cause = "FAILED", "States.ResultWriterFailed", problem
        now_ms = self._world.clock.now_ms()
        end = MapRunEnd(status=status, stop_ms=now_ms, error=error, cause=cause, results=results)
        await store.end_map_run(run, end)
        return await store.map_run(run.id) or run

    async def _output(self, run: MapRun) -> Payload | StateError:
        """The result of the state: the outputs of the children that succeeded, or where they were written."""
        writer = self._plan.get("writer", {})
        if writer.get("resource"):
            return Payload(written_where(run, writer))
        transformation = writer.get("config", {}).get("Transformation", "COMPACT")
        outputs: list[bytes] = []
        size, after = 2, -1
        while True:
            rows = await self._world.store.map_children(run, after, COLLECTED_AT_ONCE)
            for row in rows:
                if row.status is Status.SUCCEEDED and row.output is not None:
                    found = transformed([row.output], transformation, entry_of(row))
                    outputs.extend(found)
                    size += sum(map(len, found)) + len(found)
            if size > PAYLOAD_BYTES_MAX:
                return output_too_large(self.run.state)
            if len(rows) < COLLECTED_AT_ONCE:
                break
            assert rows[-1].map_child is not None
            after = rows[-1].map_child.index
        return Payload(text=b"[" + b",".join(outputs) + b"]")


def _to_do(run: MapRun, counts: RunCounts) -> bool:
    """Whether children wait for their redrive, or have not started."""
    return counts.executions(Status.PENDING_REDRIVE) > 0 or counts.executions() < run.planned_executions


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
        max_concurrency=min(plan["max_concurrency"], MAX_CONCURRENCY_SHOWN),
        tolerated_percentage=percentage or 0.0,
        tolerated_count=min(count or 0, TOLERATED_COUNT_SHOWN),
        threshold_given=given,
    )
