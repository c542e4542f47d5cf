"""What one state machine wants logged, and where, as its loggingConfiguration says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from services.store.records import Revision

_KEPT_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """What is logged of a state machine's executions.

    Attributes:
        level: ALL, ERROR, FATAL or OFF.
        include_data: whether inputs and outputs are shown.
        log_group_arns: CloudWatch Logs groups; the ARNs end in `:*`.
        role_arn: the machine's role, on whose behalf the log groups are written.
    """

    level: str
    include_data: bool
    log_group_arns: tuple[str, ...] = ()
    role_arn: str = ""

    @property
    def off(self) -> bool:
        """Whether nothing is logged."""
        return self.level == "OFF"


OFF: Final = LogPolicy("OFF", False)


def policy_of(logging: Mapping[str, Any] | None, role_arn: str = "") -> LogPolicy:
    """Read a loggingConfiguration as the API accepted it."""
    if not logging or logging.get("level", "OFF") == "OFF":
        return OFF
    arns = tuple(
        destination["cloudWatchLogsLogGroup"]["logGroupArn"]
        for destination in logging.get("destinations") or ()
        if (destination.get("cloudWatchLogsLogGroup") or {}).get("logGroupArn")
    )
    return LogPolicy(logging["level"], bool(logging.get("includeExecutionData", False)), arns, role_arn)


class Policies:
    """The policies of revisions; a revision never changes, so each is read once."""

    def __init__(self) -> None:
        """None read yet."""
        self._kept: dict[UUID, LogPolicy] = {}

    def of(self, revision: Revision) -> LogPolicy:
        """The policy of a revision."""
        found = self._kept.get(revision.id)
        if found is None:
            if len(self._kept) >= _KEPT_MAX:
                self._kept.clear()
            found = self._kept[revision.id] = policy_of(revision.logging, revision.role_arn)
        return found
