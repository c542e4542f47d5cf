"""The announcer of status-change events put together: whose store, which endpoint, whose keys."""

from __future__ import annotations

from collections.abc import Mapping

from services.integrations.assembly import read_roles
from services.integrations.aws import Aws
from services.integrations.settings import IntegrationSettings
from services.runtime.clock import Clock
from services.runtime.metrics import StatusEventMetrics, expose
from services.runtime.settings import read_settings
from services.scheduler.settings import SchedulerSettings
from services.scheduler.status_events import StatusEvents
from services.store.postgres import PostgresStore


def make_status_events(
    store: PostgresStore, environment: Mapping[str, str], clock: Clock, settings: SchedulerSettings
) -> StatusEvents:
    """An announcer that sends as execution logs do: to the operator's endpoint, with the keys of the machines' roles.

    Raises:
        SettingError: the role map cannot be read.
    """
    metrics = StatusEventMetrics()
    expose(metrics)
    return StatusEvents(
        store,
        Aws(environment, read_roles(read_settings(IntegrationSettings, environment)), clock),
        metrics,
        source=settings.status_event_source,
        bus=settings.status_event_bus,
        pause_seconds=settings.status_event_seconds,
    )
