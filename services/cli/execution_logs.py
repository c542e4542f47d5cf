"""The logs of executions put together: which sinks a process has, by its settings and its environment."""

from __future__ import annotations

from collections.abc import Mapping

from services.cli.errors import CommandError
from services.execution_logs.cloudwatch import CloudWatchLogGroups, CloudWatchSink
from services.execution_logs.log import ExecutionLog
from services.execution_logs.policy import Policies
from services.execution_logs.settings import LogSettings
from services.execution_logs.sinks import LinesSink, Sink
from services.execution_logs.standard import StandardLog
from services.integrations.assembly import read_roles
from services.integrations.aws import Aws
from services.integrations.endpoints import Endpoints
from services.integrations.settings import IntegrationSettings
from services.runtime.clock import Clock
from services.runtime.ids import Ids
from services.runtime.metrics import LogMetrics
from services.runtime.settings import read_settings


class ExecutionLogs:
    """What the roles of one process share."""

    def __init__(self, settings: LogSettings, environment: Mapping[str, str], clock: Clock, ids: Ids) -> None:
        """Open the sinks.

        Raises:
            CommandError: the log file cannot be opened.
            SettingError: the role map cannot be read.
        """
        self.metrics = LogMetrics()
        self.policies = Policies()
        sinks: list[Sink] = []
        if settings.execution_log:
            sinks.append(self._lines(settings.execution_log))
        self._aws: Aws | None = None
        if _reaches_cloudwatch(settings, environment):
            self._aws = Aws(environment, read_roles(read_settings(IntegrationSettings, environment)), clock)
            sinks.append(self._cloudwatch(self._aws, clock, ids))
        self.log = ExecutionLog(sinks)

    @property
    def log_groups(self) -> CloudWatchLogGroups | None:
        """For the API's check; None where no log group is reached."""
        return CloudWatchLogGroups(self._aws) if self._aws is not None else None

    def standard(self) -> StandardLog:
        """For a scheduler."""
        return StandardLog(self.log, self.policies)

    def _lines(self, where: str) -> LinesSink:
        try:
            return LinesSink.open(
                where,
                lambda lines: self.metrics.dropped("file", lines),
                lambda lines: self.metrics.written("file", lines),
            )
        except OSError as error:
            raise CommandError(f"STEPWELL_EXECUTION_LOG={where} cannot be opened: {error.strerror}") from None

    def _cloudwatch(self, aws: Aws, clock: Clock, ids: Ids) -> CloudWatchSink:
        return CloudWatchSink(
            aws,
            clock,
            ids,
            lambda lines: self.metrics.dropped("cloudwatch", lines),
            lambda lines: self.metrics.written("cloudwatch", lines),
        )


def _reaches_cloudwatch(settings: LogSettings, environment: Mapping[str, str]) -> bool:
    if settings.cloudwatch_logs != "auto":
        return settings.cloudwatch_logs == "on"
    return Endpoints(environment).of_service("logs", "CloudWatch Logs") is not None
