"""What a mocked run came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a case could not be run to its end; `state` is where, "" for the case as a whole."""

    message: str
    state: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run went.

    Attributes:
        status, output, error, cause: as DescribeExecution names them; output is None unless it succeeded.
        events: the history, as GetExecutionHistory shows it.
        virtual_ms: time that passed on the virtual clock.
        children: iterations or child executions started, by the name of the Map.
        problem: what kept the run from its end; None when it ended.
        failed_child: of a run that failed with a map run, the first child execution that failed in it.
    """

    status: str
    output: Any
    error: str | None
    cause: str | None
    events: tuple[dict[str, Any], ...]
    virtual_ms: int
    children: Counter[str]
    problem: Problem | None = None
    failed_child: Finished | None = None

    @property
    def last_state(self) -> str:
        """The state that the newest event of a failed run leads back to, in its failed child; "" when there is none."""
        if self.failed_child is not None:
            return self.failed_child.last_state
        by_id = {event["id"]: event for event in self.events}
        event = self.events[-1] if self.events else None
        while event is not None:
            details = event.get("stateEnteredEventDetails")
            if details is not None:
                return str(details["name"])
            event = by_id.get(event["previousEventId"])
        return ""
