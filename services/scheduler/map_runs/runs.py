"""The map runs of the executions in memory: each is driven by a task of its own while its parent waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Final
from uuid import UUID

from engine.arn import parse_arn
from engine.execution.frame import MapRun as Waiting
from engine.execution.stimulus import MapRunEnded
from engine.failure import StateError
from engine.payload import Payload
from services.runtime.faults import Fault
from services.scheduler.map_runs.children import stop_children
from services.scheduler.map_runs.drive import LONGEST_SECONDS, MapDrive, row_of
from services.scheduler.map_runs.world import World
from services.scheduler.resident import Delivery, Resident
from services.store.map_run_records import MapRun, MapRunEnd

log = logging.getLogger(__name__)

SWEEP_SECONDS: Final = 10.0
_AGAIN_SECONDS: Final = 2.0
_BROKEN_SECONDS: Final = 60.0
_LEFT_OVER_MAX: Final = 100


class MapRuns:
    """Starts, watches and ends map runs.

    Args:
        world: what driving one needs.
        shards: the shards owned now.
        enqueue: gives a turn to an execution that something has reached.
    """

    def __init__(
        self, world: World, shards: Callable[[], Collection[int]], enqueue: Callable[[Resident], None]
    ) -> None:
        """No run is open."""
        self._world = world
        self._shards = shards
        self._enqueue = enqueue
        self._drives: dict[str, tuple[MapDrive, Resident, asyncio.Task[None]]] = {}
        self._arns: dict[bytes, set[str]] = {}
        self._by_id: dict[UUID, MapDrive] = {}

    def start(self, resident: Resident, path: str, waiting: Waiting) -> None:
        """Drive the run that a frame waits for, unless that is being done. An attempt before it finishes first."""
        known, before = self._drives.get(waiting.arn), None
        if known is not None:
            drive, driven_for, task = known
            if drive.attempt != waiting.redrive_count and (drive.over or driven_for is resident):
                drive.over, before = True, task
                drive.signal.set()
            elif driven_for is resident:
                return
            else:
                task.cancel()
        arn = parse_arn(waiting.arn)
        row = row_of(resident, path, waiting, UUID(arn.unique), arn.label, self._world.clock.now_ms())
        drive = MapDrive(self._world, resident, path, waiting, row)
        task = asyncio.create_task(self._drive(drive, resident, path, before), name=f"map run {row.id}")
        self._drives[waiting.arn] = (drive, resident, task)
        self._arns.setdefault(resident.key, set()).add(waiting.arn)
        self._by_id[row.id] = drive

    def child_ended(self, run_id: UUID) -> bool:
        """A child of a run has ended; False if the run is not driven here. Only a hint: children are counted anyway."""
        drive = self._by_id.get(run_id)
        if drive is not None:
            drive.signal.set()
        return drive is not None

    def parent_changed(self, resident: Resident) -> None:
        """A turn of an execution is committed: runs that no frame waits for any more are over."""
        for arn in self._arns.get(resident.key, ()):
            drive, driven_for, _ = self._drives[arn]
            if driven_for is resident and not _waits(resident, arn, drive.attempt):
                drive.over = True
                drive.signal.set()

    def gone(self, resident: Resident) -> None:
        """An execution left memory: what is not over is driven by whoever owns its shard next."""
        for arn in list(self._arns.get(resident.key, ())):
            drive, driven_for, task = self._drives[arn]
            if driven_for is resident and not drive.over:
                task.cancel()
                self._forget(arn, task)

    async def run(self) -> None:
        """Abort runs that were left over by a scheduler that is gone, for ever."""
        try:
            while True:
                await self._world.clock.sleep(SWEEP_SECONDS)
                try:
                    await self._sweep()
                except Fault as fault:
                    log.warning("map runs cannot be looked after: %s", fault)
        finally:
            for _, _, task in list(self._drives.values()):
                task.cancel()

    async def _drive(self, drive: MapDrive, resident: Resident, path: str, before: asyncio.Task[None] | None) -> None:
        task, arn = asyncio.current_task(), drive.run.arn
        assert task is not None
        try:
            if before is not None:
                await _ended_or_cancelled(before)
            outcome = await self._finish(drive)
            if outcome is not None and not resident.gone:
                resident.pending.append(Delivery(_ended(path, drive, outcome)))
                self._enqueue(resident)
        finally:
            self._forget(arn, task)

    async def _finish(self, drive: MapDrive) -> Payload | StateError | None:
        while True:
            try:
                return await drive.finish()
            except Fault as fault:
                log.warning("map run %s waits: %s", drive.run.id, fault)
                await self._world.clock.sleep(_AGAIN_SECONDS)
            except Exception:
                # The top of the loop over runs: one that is broken must not end the scheduler.
                log.exception("map run %s cannot go on", drive.run.id)
                await self._world.clock.sleep(_BROKEN_SECONDS)

    def _forget(self, arn: str, task: asyncio.Task[None]) -> None:
        known = self._drives.get(arn)
        if known is None or known[2] is not task:
            return
        drive, resident, _ = self._drives.pop(arn)
        self._by_id.pop(drive.run.id, None)
        arns = self._arns.get(resident.key, set())
        arns.discard(arn)
        if not arns:
            self._arns.pop(resident.key, None)

    async def _sweep(self) -> None:
        world = self._world
        for run in await world.store.left_over_map_runs(sorted(self._shards()), _LEFT_OVER_MAX):
            if run.arn in self._drives:
                continue
            while await self._left_over(run) and await stop_children(world.store, world.broker, run):
                await world.clock.sleep(LONGEST_SECONDS)
            await world.store.end_map_run(run, MapRunEnd(status="ABORTED", stop_ms=world.clock.now_ms()))

    async def _left_over(self, run: MapRun) -> bool:
        """Whether the attempt still is what it was when it was found; express children cannot be stopped."""
        now = await self._world.store.map_run(run.id)
        same = now is not None and (now.status, now.redrive_count) == (run.status, run.redrive_count)
        return same and not run.express and run.arn not in self._drives


async def _ended_or_cancelled(before: asyncio.Task[None]) -> None:
    """Wait for the attempt before; who is cancelled meanwhile takes it along."""
    try:
        await asyncio.wait([before])
    except asyncio.CancelledError:
        before.cancel()
        raise


def _waits(resident: Resident, arn: str, attempt: int) -> bool:
    if resident.execution.ended:
        return False
    waits = [frame.waits for frame in list(resident.execution.frames.values())]
    return any(isinstance(one, Waiting) and (one.arn, one.redrive_count) == (arn, attempt) for one in waits)


def _ended(path: str, drive: MapDrive, outcome: Payload | StateError) -> MapRunEnded:
    arn, attempt = drive.run.arn, drive.attempt
    if isinstance(outcome, StateError):
        return MapRunEnded(path, arn, None, outcome.error, outcome.cause, attempt)
    return MapRunEnded(path, arn, outcome, redrive_count=attempt)
