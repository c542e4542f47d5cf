"""Synchronous express: the API process runs the execution to its end and answers."""

from __future__ import annotations

from uuid import UUID

from engine.execution.execution import Execution
from services.execution_logs.record import policy_of
from services.express.lane import Lane
from services.express.start import ExpressStart
from services.runtime.faults import Overloaded
from services.store.programs import Programs


class SyncExpress:
    """StartSyncExecution's other half: at most once, bounded, never stored."""

    def __init__(self, lane: Lane, programs: Programs) -> None:
        """Keep the lane and where definitions come from."""
        self._lane = lane
        self._programs = programs

    async def run(self, start: ExpressStart) -> Execution:
        """Run to the end, at most five minutes. The caller may go away; the execution goes on.

        Raises:
            Overloaded: as many run already as this process allows.
        """
        if self._lane.full:
            raise Overloaded("too many synchronous express executions")
        revision_id = UUID(bytes=start.revision_id)
        compiled = self._programs.cached(revision_id) or await self._programs.get(revision_id)
        return await self._lane.run(start, compiled.program, policy_of(compiled.revision.logging))
