"""Asynchronous express: lanes take starts from the queue, run them, and acknowledge them when they have ended.

At least once: a lane that falls silent has what it held delivered again, to itself or to another, within the lease.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final
from uuid import UUID

from engine.execution.execution import Execution
from services.execution_logs.log import ExecutionLog
from services.execution_logs.policy import Policies
from services.express.buried import bury_record
from services.express.lane import Lane
from services.express.queue import ExpressQueue
from services.express.settings import ExpressSettings
from services.express.start import ExpressStart, origin_of
from services.runtime.clock import Clock
from services.runtime.faults import BrokerUnavailable, Overloaded
from services.store.programs import Programs

_WAIT_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 0.5


class ExpressIntake:
    """The API's half: accept starts into the queue, many at once, never more than it may hold."""

    def __init__(self, queue: ExpressQueue, settings: ExpressSettings) -> None:
        """Keep the queue and its bound."""
        self._queue = queue
        self._settings = settings
        self._gathered: list[tuple[ExpressStart, asyncio.Future[None]]] = []
        self._sender: asyncio.Task[None] | None = None
        self._length = 0

    async def submit(self, start: ExpressStart) -> None:
        """Return when the queue has the start; starts that come while one is under way travel together.

        Raises:
            Overloaded: the queue is full.
            BrokerUnavailable: the queue cannot be reached; nothing was accepted.
        """
        if self._length >= self._settings.queue_length_max:
            self._length = await self._queue.length()
            if self._length >= self._settings.queue_length_max:
                raise Overloaded("the express queue is full")
        loop = asyncio.get_running_loop()
        accepted: asyncio.Future[None] = loop.create_future()
        self._gathered.append((start, accepted))
        if self._sender is None:
            self._sender = loop.create_task(self._send())
        await accepted

    async def _send(self) -> None:
        try:
            while self._gathered:
                gathered, self._gathered = self._gathered, []
                try:
                    self._length = await self._queue.put([start for start, _ in gathered])
                except BrokerUnavailable as fault:
                    for _, accepted in gathered:
                        if not accepted.done():
                            accepted.set_exception(fault)
                    continue
                for _, accepted in gathered:
                    if not accepted.done():
                        accepted.set_result(None)
        finally:
            self._sender = None


class BackgroundExpress:
    """One lane's half: take, run, acknowledge, and look after the lanes that died."""

    def __init__(
        self,
        lane_id: str,
        lane: Lane,
        queue: ExpressQueue,
        programs: Programs,
        policies: Policies,
        log: ExecutionLog,
        clock: Clock,
        settings: ExpressSettings,
        on_ended: Callable[[Execution], None] | None = None,
    ) -> None:
        """`lane_id` is random and new in every process life, so that a restarted lane is another one."""
        self._lane_id = lane_id
        self._lane = lane
        self._queue = queue
        self._programs = programs
        self._policies = policies
        self._log = log
        self._clock = clock
        self._settings = settings
        self._on_ended = on_ended
        self._ended: list[bytes] = []
        self._room = asyncio.Event()
        self._acknowledge = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Work until `stop` is called."""
        await self._beat_once()
        self._tasks = [
            asyncio.create_task(self._take_starts()),
            asyncio.create_task(self._acknowledge_ended()),
            asyncio.create_task(self._keep_alive()),
        ]
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def stop(self) -> None:
        """Take nothing more and hand back what is under way: the queue delivers it again."""
        for task in self._tasks:
            task.cancel()
        self._lane.abandon()
        if self._ended:
            await self._queue.done(self._lane_id, self._ended)
        await self._queue.beat(self._lane_id, 0.001)

    async def _take_starts(self) -> None:
        while True:
            if self._lane.full:
                self._room.clear()
                await self._room.wait()
            try:
                starts = await self._queue.take(self._lane_id, self._settings.batch, _WAIT_SECONDS)
            except BrokerUnavailable:
                await self._clock.sleep(_RETRY_SECONDS)
                continue
            for start in starts:
                await self._begin(start)
            # Let the runs that were begun make progress before more is taken.
            await asyncio.sleep(0)

    async def _begin(self, start: ExpressStart) -> None:
        revision_id = UUID(bytes=start.revision_id)
        compiled = self._programs.cached(revision_id) or await self._programs.get(revision_id)
        policy = self._policies.of(compiled.revision)
        if start.deliveries > self._settings.deliveries_max:
            bury_record(self._log, policy, start, self._clock.now_ms())
            await self._queue.bury(self._lane_id, [start])
            return

        def ended(execution: Execution) -> None:
            self._ended.append(start.id)
            self._acknowledge.set()
            self._room.set()
            if self._on_ended is not None:
                self._on_ended(execution)

        self._lane.begin(origin_of(start), compiled.program, policy, ended, redelivered=start.deliveries > 1)

    async def _acknowledge_ended(self) -> None:
        """One message for all that ended while the last one was under way."""
        while True:
            await self._acknowledge.wait()
            self._acknowledge.clear()
            ended, self._ended = self._ended, []
            if not ended:
                continue
            try:
                await self._queue.done(self._lane_id, ended)
            except BrokerUnavailable:
                self._ended.extend(ended)
                await self._clock.sleep(_RETRY_SECONDS)
                self._acknowledge.set()

    async def _keep_alive(self) -> None:
        while True:
            try:
                await self._beat_once()
                await self._queue.return_orphans()
            except BrokerUnavailable:
                pass  # Redis is away: the next beat says so again, and nobody else can see us either
            await self._clock.sleep(self._settings.heartbeat_seconds)

    async def _beat_once(self) -> None:
        await self._queue.beat(self._lane_id, self._settings.lease_seconds)
