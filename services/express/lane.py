"""The lane: express executions in memory, with bounds on how many there are and on what they may hold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID

from engine.execution.execution import Execution, Origin
from engine.execution.step import Step
from services.execution_logs.log import HAND_OVER_SECONDS_MAX, ExecutionLog
from services.execution_logs.policy import LogPolicy
from services.express.aside import Aside
from services.express.keep import ExpressKeep, Turns
from services.express.memory import LaneMemory
from services.express.run import Run
from services.express.settings import ExpressSettings
from services.integrations.interface import Integrations
from services.runtime.clock import Clock
from services.runtime.ids import Ids
from services.store.programs import CompiledRevision


class Lane:
    """Runs express executions side by side on the event loop."""

    def __init__(
        self,
        integrations: Integrations,
        log: ExecutionLog,
        clock: Clock,
        ids: Ids,
        settings: ExpressSettings,
        aside: Aside,
        keep: ExpressKeep | None = None,
    ) -> None:
        """Keep the world that its executions see; `keep` takes those that have ended, where they are kept.

        `aside` advances turns that may take long.
        """
        self._integrations = integrations
        self._log = log
        self._clock = clock
        self._ids = ids
        self._settings = settings
        self._aside = aside
        self._keep = keep
        self._memory = LaneMemory()
        self._runs: dict[UUID, Run] = {}

    @property
    def running(self) -> int:
        """Executions under way."""
        return len(self._runs)

    @property
    def full(self) -> bool:
        """Whether another start has to wait or be refused."""
        return (
            len(self._runs) >= self._settings.express_concurrency_max
            or self._memory.held_bytes >= self._settings.express_lane_bytes_max
        )

    def begin(
        self,
        origin: Origin,
        compiled: CompiledRevision,
        policy: LogPolicy,
        on_end: Callable[[Execution], None],
        on_broken: Callable[[Exception], None],
        redelivered: bool = False,
    ) -> None:
        """Begin one execution; `on_end` or `on_broken` is called once it is over, possibly before this returns."""
        turns = Turns() if self._keep is not None else None
        logged = self._log.wants(policy)

        def on_turn(step: Step) -> None:
            if logged:
                self._log.write(policy, origin, 0, step.first_event_id, step.now_ms, step.events, redelivered)
            if turns is not None:
                turns.add(step)

        def ended(execution: Execution) -> None:
            self._runs.pop(origin.id, None)
            if self._keep is not None and turns is not None:
                self._keep.keep(compiled.revision, execution, turns, redelivered)
            on_end(execution)

        def broken(error: Exception) -> None:
            self._runs.pop(origin.id, None)
            on_broken(error)

        run = Run(
            Execution(origin, compiled.program),
            self._integrations,
            self._clock,
            self._ids,
            self._memory,
            self._aside,
            self._settings.express_execution_bytes_max,
            on_turn if logged or turns is not None else None,
            ended,
            broken,
        )
        self._runs[origin.id] = run
        run.begin()

    async def run(self, origin: Origin, compiled: CompiledRevision, policy: LogPolicy) -> Execution:
        """Run one synchronous execution to its end. Cancelling the caller does not stop it.

        Raises:
            Exception: an invariant of ours broke; there is no end to tell of.
        """
        done: asyncio.Future[Execution] = asyncio.get_running_loop().create_future()

        def on_end(execution: Execution) -> None:
            if not done.done():
                done.set_result(execution)

        def on_broken(error: Exception) -> None:
            if not done.done():
                done.set_exception(error)

        self.begin(origin, compiled, policy, on_end, on_broken)
        return done.result() if done.done() else await asyncio.shield(done)

    async def handed_over(self) -> None:
        """Wait, but not for ever, until the logs and histories written so far have left this process."""
        await self._log.handed_over()
        if self._keep is not None:
            try:
                async with asyncio.timeout(HAND_OVER_SECONDS_MAX):
                    await self._keep.handed_over()
            except TimeoutError:
                return

    def abandon(self) -> None:
        """Stop everything without an end; asynchronous executions are delivered again elsewhere."""
        for run in list(self._runs.values()):
            run.abandon()
        self._runs.clear()
