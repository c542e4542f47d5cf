"""The express lane as the API sees it: run one now and wait, or take one over for later."""

from __future__ import annotations

from uuid import UUID

from engine.execution.execution import Execution, Origin
from services.execution_logs.policy import Policies
from services.express.intake import ExpressIntake
from services.express.lane import Lane
from services.express.start import start_of
from services.express.watch import ExpressWatch
from services.runtime.faults import BrokerUnavailable, Overloaded
from services.store.programs import Programs
from services.store.records import Revision


class ExpressFront:
    """StartSyncExecution runs in this process, at most once; StartExecution goes to the queue, at least once."""

    def __init__(
        self, lane: Lane, intake: ExpressIntake | None, programs: Programs, policies: Policies, watch: ExpressWatch
    ) -> None:
        """`intake` is None where nobody could take what is put into the queue."""
        self._lane = lane
        self._intake = intake
        self._programs = programs
        self._policies = policies
        self._watch = watch

    async def revision(self, revision_id: UUID) -> Revision:
        """A revision from memory, or read and compiled. It never changes, so nothing has to be checked again.

        Raises:
            StoreUnavailable: it is not in memory and cannot be read.
        """
        compiled = self._programs.cached(revision_id) or await self._programs.get(revision_id)
        return compiled.revision

    async def run(self, origin: Origin, revision: Revision) -> Execution:
        """Run to the end, at most five minutes. The caller may go away; the execution goes on.

        Raises:
            Overloaded: as many run already as this process allows.
        """
        if self._lane.full:
            raise Overloaded("too many synchronous express executions")
        compiled = self._programs.cached(revision.id) or await self._programs.keep(revision)
        execution = await self._lane.run(origin, compiled, self._policies.of(revision))
        self._watch.ended("sync", execution)
        return execution

    async def accept(self, origin: Origin, revision: Revision) -> None:
        """Return when the queue has the start.

        Raises:
            Overloaded: the queue is full.
            BrokerUnavailable: the queue cannot be reached; nothing was accepted.
        """
        if self._intake is None:
            raise BrokerUnavailable("asynchronous express executions need Redis between the API and their lanes")
        await self._intake.submit(start_of(origin, revision.id))
