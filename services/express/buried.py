"""The last word on a start that was delivered too often: the log says why it will not be tried again."""

from __future__ import annotations

from engine.failure import RUNTIME
from engine.history.events import CODE
from services.execution_logs.log import ExecutionLog
from services.execution_logs.policy import LogPolicy
from services.express.start import ExpressStart, origin_of


def bury_record(log: ExecutionLog, policy: LogPolicy, start: ExpressStart, now_ms: int) -> None:
    """Log ExecutionFailed for a start that goes to the dead-letter queue."""
    cause = "Every lane that ran this execution was lost; it was delivered too often and is kept in the dead letters."
    event = (CODE["ExecutionFailed"], 0, RUNTIME, cause)
    log.write(policy, origin_of(start), 0, 1, now_ms, [event], redelivered=True)
