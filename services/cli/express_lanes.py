"""The express lane put together: the half that answers the API, the half that works off the queue, what they share."""

from __future__ import annotations

from typing import Any, Final

from services.cli.errors import CommandError
from services.cli.execution_logs import ExecutionLogs
from services.execution_logs.traces import Traces
from services.express.aside import Aside
from services.express.background import BackgroundExpress
from services.express.front import ExpressFront
from services.express.intake import ExpressIntake
from services.express.keep import ExpressKeep
from services.express.lane import Lane
from services.express.queue import on_redis, open_express_queue
from services.express.settings import ExpressSettings
from services.integrations.interface import Integrations
from services.integrations.preparation import equip
from services.runtime.clock import Clock
from services.runtime.ids import Ids
from services.runtime.metrics import ExpressMetrics
from services.store.express_history import ExpressHistory
from services.store.postgres import PostgresStore
from services.store.programs import Programs

PROGRAM_BYTES_MAX: Final = 67_108_864


class _Traced(ExpressMetrics):
    """Has every ended execution traced, too."""

    def __init__(self, traces: Traces) -> None:
        super().__init__()
        self._traces = traces

    def ended(self, kind: str, execution: Any) -> None:
        super().ended(kind, execution)
        self._traces.express_ended(execution)


class ExpressLanes:
    """Makes both halves of one process."""

    def __init__(
        self,
        store: PostgresStore,
        integrations: Integrations,
        clock: Clock,
        ids: Ids,
        settings: ExpressSettings,
        broker_url: str,
        logs: ExecutionLogs,
        database_url: str,
        traces: Traces | None = None,
    ) -> None:
        """Open the queue; nothing is taken from it yet."""
        self._integrations = integrations
        self._clock = clock
        self._ids = ids
        self._settings = settings
        self._programs = Programs(store, PROGRAM_BYTES_MAX, equip)
        self._shared = on_redis(broker_url)
        self._queue = open_express_queue(broker_url, fsync=settings.express_fsync)
        self._logs = logs
        self.metrics = ExpressMetrics() if traces is None else _Traced(traces)
        days = settings.express_retention_days
        self._aside = Aside(clock.monotonic)
        self._keep = ExpressKeep(ExpressHistory(database_url, clock), clock, days, self.metrics) if days else None

    def front(self, *, with_background: bool) -> ExpressFront:
        """For the API; `with_background` tells whether this very process works off the queue, too."""
        intake = ExpressIntake(self._queue, self._settings) if self._shared or with_background else None
        return ExpressFront(self._lane(), intake, self._programs, self._logs.policies, self.metrics)

    def background(self, *, with_api: bool) -> BackgroundExpress:
        """For the express role; its id is new in every process life.

        Raises:
            CommandError: nothing could ever come into its queue.
        """
        if not self._shared and not with_api:
            raise CommandError("an express process needs a Redis broker: redis://host:6379/0")
        lane_id = self._ids.entropy(8).hex()
        return BackgroundExpress(
            lane_id,
            self._lane(),
            self._queue,
            self._programs,
            self._logs.policies,
            self._logs.log,
            self._clock,
            self._settings,
            self.metrics,
        )

    async def close(self) -> None:
        """Write what is to be kept, and disconnect."""
        if self._keep is not None:
            await self._keep.close()
        await self._queue.close()

    def _lane(self) -> Lane:
        return Lane(self._integrations, self._logs.log, self._clock, self._ids, self._settings, self._aside, self._keep)
