"""The express lane as the API sees it: run one now and wait, or take one over for later."""

from __future__ import annotations

from engine.execution.execution import Execution, Origin
from services.execution_logs.policy import Policies
from services.express.background import ExpressIntake
from services.express.lane import Lane
from services.express.start import start_of
from services.runtime.faults import Overloaded
from services.store.programs import Programs
from services.store.records import Revision


class ExpressFront:
    """StartSyncExecution runs in this process, at most once; StartExecution goes to the queue, at least once."""

    def __init__(self, lane: Lane, intake: ExpressIntake, programs: Programs, policies: Policies) -> None:
        """Keep the lane for synchronous executions, the way to the queue, and the compiled definitions."""
        self._lane = lane
        self._intake = intake
        self._programs = programs
        self._policies = policies

    async def run(self, origin: Origin, revision: Revision) -> Execution:
        """Run to the end, at most five minutes. The caller may go away; the execution goes on.

        Raises:
            Overloaded: as many run already as this process allows.
        """
        if self._lane.full:
            raise Overloaded("too many synchronous express executions")
        compiled = self._programs.cached(revision.id) or self._programs.keep(revision)
        return await self._lane.run(origin, compiled.program, self._policies.of(revision))

    async def accept(self, origin: Origin, revision: Revision) -> None:
        """Return when the queue has the start.

        Raises:
            Overloaded: the queue is full.
            BrokerUnavailable: the queue cannot be reached; nothing was accepted.
        """
        await self._intake.submit(start_of(origin, revision.id))
