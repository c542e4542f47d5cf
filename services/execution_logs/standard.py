"""The logs of standard executions: what a scheduler has committed, page by page."""

from __future__ import annotations

from engine.execution.execution import Execution
from engine.execution.page import Page
from engine.history.page_codec import decode_events
from services.execution_logs.log import ExecutionLog
from services.execution_logs.policy import Policies
from services.store.records import Revision


class StandardLog:
    """Told of every committed page (see `OnCommitted` of the scheduler); pages of machines without logs cost a look."""

    def __init__(self, log: ExecutionLog, policies: Policies) -> None:
        """Write to this log."""
        self._log = log
        self._policies = policies

    def __call__(self, revision: Revision, execution: Execution, page: Page) -> None:
        """Log the events of a page."""
        policy = self._policies.of(revision)
        if not self._log.wants(policy) or page.last_event_id < page.first_event_id:
            return
        events = decode_events(page.events)
        self._log.write(
            policy, execution.origin, execution.redrive_count, page.first_event_id, events.timestamp_ms, events
        )
