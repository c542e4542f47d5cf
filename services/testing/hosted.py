"""An execution of a mocked run, the case's own or a child of a map run, with the history that it has written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.execution.execution import Execution
from engine.execution.frame import MapRun
from engine.execution.step import Step
from engine.history.events import BY_CODE
from engine.history.page_codec import RecordedEvent
from engine.history.render import render_event
from services.testing.coverage import Coverage
from services.testing.map_run import CaseMapRun


@dataclass(slots=True, eq=False)
class Hosted:
    """One execution and its host's memory of it.

    Attributes:
        execution: its working copy.
        parent, of_run, index: of a child: who waits for its map run, the run, and which child of it this is.
        runs: its own map runs that go on, by ARN.
        failed: the first child that failed of each of its map runs, by ARN.
    """

    execution: Execution
    parent: Hosted | None = None
    of_run: CaseMapRun | None = None
    index: int = 0
    runs: dict[str, CaseMapRun] = field(default_factory=dict)
    failed: dict[str, Hosted] = field(default_factory=dict)
    _events: list[tuple[int, int, RecordedEvent]] = field(default_factory=list)
    _exited: dict[int, str] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """It has ended, or nobody waits for its map run any more."""
        if self.parent is None or self.of_run is None:
            return self.execution.ended
        return self.execution.ended or self.of_run.over or self.parent.over

    def keep(self, step: Step, now_ms: int, coverage: Coverage | None) -> list[str]:
        """Remember what a turn wrote and tell the coverage; the name of the Map of each iteration that began."""
        begun = []
        for event_id, event in enumerate(step.events, step.first_event_id):
            self._events.append((event_id, now_ms, event))
            name = BY_CODE[event[0]].name
            if name.endswith("StateExited"):
                self._exited[event_id] = event[2]
            elif name == "MapIterationStarted":
                begun.append(event[2])
            elif name.endswith("StateEntered") and coverage is not None:
                coverage.entered(event[2])
                if event[1] in self._exited:
                    coverage.moved(self._exited[event[1]], event[2])
        return begun

    def leave_runs(self) -> None:
        """Runs that no frame waits for any more are over."""
        awaited = {frame.waits.arn for frame in self.execution.frames.values() if isinstance(frame.waits, MapRun)}
        for arn in self.runs.keys() - awaited:
            self.runs.pop(arn).over = True

    def history(self) -> tuple[dict[str, Any], ...]:
        """Its events, as GetExecutionHistory shows them."""
        return tuple(render_event(it, ms / 1000, event, (), [], True) for it, ms, event in self._events)
