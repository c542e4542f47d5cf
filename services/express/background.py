"""Asynchronous express: a lane takes starts from the queue, runs them, and acknowledges them when they have ended.

At least once: a lane that falls silent has what it held delivered again, to itself or to another, within the lease.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from engine.execution.execution import Execution
from services.execution_logs.log import ExecutionLog
from services.execution_logs.policy import OFF, Policies
from services.express.buried import bury_record
from services.express.lane import Lane
from services.express.queue import ExpressQueue
from services.express.settings import ExpressSettings
from services.express.share import LoopShare
from services.express.start import ExpressStart, origin_of
from services.express.watch import ExpressWatch
from services.runtime.clock import Clock
from services.runtime.faults import BrokerUnavailable, Fault
from services.store.programs import CompiledRevision, Programs

_WAIT_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 0.5

log = logging.getLogger("stepwell.express")


class BackgroundExpress:
    """One lane: take, run, acknowledge, and look after the lanes that died."""

    def __init__(
        self,
        lane_id: str,
        lane: Lane,
        queue: ExpressQueue,
        programs: Programs,
        policies: Policies,
        execution_log: ExecutionLog,
        clock: Clock,
        settings: ExpressSettings,
        watch: ExpressWatch,
    ) -> None:
        """`lane_id` is random and new in every process life, so that a restarted lane is another one."""
        self._lane_id = lane_id
        self._lane = lane
        self._queue = queue
        self._programs = programs
        self._policies = policies
        self._log = execution_log
        self._clock = clock
        self._settings = settings
        self._watch = watch
        self._share = LoopShare(clock.monotonic)
        self._held: dict[bytes, ExpressStart] = {}
        self._ended: list[bytes] = []
        self._given_up: list[bytes] = []
        self._alive = asyncio.Event()
        self._changed = asyncio.Event()
        self._over = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._loading: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Work until `stop` is called; ends early only by a fault of ours, which should end the process."""
        self._tasks = [
            asyncio.create_task(work(), name=f"express {work.__name__}")
            for work in (self._keep_alive, self._take_starts, self._settle_over)
        ]
        try:
            await asyncio.gather(*self._tasks)
        except asyncio.CancelledError:
            return  # by `stop`

    async def stop(self) -> None:
        """Take nothing more, and hand back at once what is under way: the queue delivers it again."""
        for task in (*self._tasks, *self._loading):
            task.cancel()
        self._lane.abandon()
        try:
            if self._ended:
                await self._lane.handed_over()
                await self._queue.done(self._lane_id, self._ended)
            await self._queue.hand_back(self._lane_id)
        except BrokerUnavailable as fault:
            log.warning("what is under way is delivered again when the lease ends: %s", fault)

    # taking

    async def _take_starts(self) -> None:
        # Only a lane that is on the list of lanes can be missed.
        await self._alive.wait()
        answer_lost = False
        while True:
            room = self._settings.express_concurrency_max - len(self._held)
            if room <= 0 or self._lane.full:
                self._changed.clear()
                await self._changed.wait()
                continue
            try:
                if answer_lost:
                    starts = await self._queue.strays(self._lane_id, self._held.keys())
                else:
                    starts = await self._queue.take(
                        self._lane_id, min(room, self._settings.express_batch), _WAIT_SECONDS
                    )
                answer_lost = False
            except BrokerUnavailable as fault:
                # Redis may have given us starts in an answer that never came.
                answer_lost = True
                log.warning("no starts can be taken: %s", fault)
                await self._clock.sleep(_RETRY_SECONDS)
                continue
            await self._begin_all(starts)
            await self._share.pause_if_used_up()

    async def _begin_all(self, starts: Sequence[ExpressStart]) -> None:
        """Begin them, and let what runs already make progress in between."""
        # What is delivered to us a second time while it still runs here (we were silent for too long) just runs on.
        fresh = [start for start in starts if start.id not in self._held]
        self._held.update((start.id, start) for start in fresh)
        for start in fresh:
            await self._share.pause_if_used_up()
            compiled = self._programs.cached(UUID(bytes=start.revision_id))
            if compiled is not None:
                self._begin(start, compiled)
            else:
                loading = asyncio.create_task(self._load_and_begin(start))
                self._loading.add(loading)
                loading.add_done_callback(self._loading.discard)

    async def _load_and_begin(self, start: ExpressStart) -> None:
        """Begin it as soon as its definition could be read; one that cannot be compiled is dead at once."""
        while True:
            try:
                compiled = await self._programs.get(UUID(bytes=start.revision_id))
            except Fault as fault:
                log.warning("a definition cannot be read: %s", fault)
                await self._clock.sleep(_RETRY_SECONDS)
            except Exception as error:
                # The top of one start's life: a definition that breaks us must not stop the lane.
                log.error("the definition of %s cannot be used", start.arn, exc_info=error)
                await self._bury(start, None, f"The definition could not be used: {error!r}")
                return
            else:
                self._begin(start, compiled)
                return

    def _begin(self, start: ExpressStart, compiled: CompiledRevision) -> None:
        if start.deliveries > self._settings.express_deliveries_max:
            reason = f"delivered {start.deliveries - 1} times, and every lane that ran it was lost"
            loading = asyncio.create_task(self._bury(start, compiled, reason))
            self._loading.add(loading)
            loading.add_done_callback(self._loading.discard)
            return
        if start.redelivered:
            self._watch.redelivered()

        def ended(execution: Execution) -> None:
            self._ended.append(start.id)
            self._over.set()
            self._watch.ended("async", execution)

        def broken(error: Exception) -> None:
            log.error("%s broke an invariant", start.arn, exc_info=error)
            self._given_up.append(start.id)
            self._over.set()

        policy = self._policies.of(compiled.revision)
        self._lane.begin(origin_of(start), compiled, policy, ended, broken, start.redelivered)

    async def _bury(self, start: ExpressStart, compiled: CompiledRevision | None, reason: str) -> None:
        policy = OFF if compiled is None else self._policies.of(compiled.revision)
        bury_record(self._log, policy, start, self._clock.now_ms())
        start.reason = reason
        while True:
            try:
                await self._queue.bury(self._lane_id, [start])
                break
            except BrokerUnavailable:
                await self._clock.sleep(_RETRY_SECONDS)
        self._watch.buried()
        self._held.pop(start.id, None)
        self._changed.set()

    # acknowledging

    async def _settle_over(self) -> None:
        """One message for all that ended while the last one was under way, after their logs left this process."""
        while True:
            await self._over.wait()
            self._over.clear()
            ended, given_up = self._ended[:], self._given_up[:]
            await self._lane.handed_over()
            try:
                if ended:
                    await self._queue.done(self._lane_id, ended)
                    del self._ended[: len(ended)]
                if given_up:
                    await self._queue.give_up(self._lane_id, given_up)
                    del self._given_up[: len(given_up)]
            except BrokerUnavailable:
                await self._clock.sleep(_RETRY_SECONDS)
                self._over.set()
                continue
            for one in (*ended, *given_up):
                self._held.pop(one, None)
            self._changed.set()

    # staying alive

    async def _keep_alive(self) -> None:
        while True:
            try:
                await self._queue.beat(self._lane_id, self._settings.express_lease_seconds)
                self._alive.set()
                returned = await self._queue.return_orphans()
                if returned:
                    log.warning("%d executions of lost lanes are delivered again", returned)
            except BrokerUnavailable as fault:
                log.warning("no sign of life can be given: %s", fault)
            await self._clock.sleep(self._settings.express_heartbeat_seconds)
