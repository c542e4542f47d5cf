"""The spans that a history tells of: one for each visit of a state, one for each try of its task.

Read in one pass, oldest event first: an event belongs to the state of the event that it follows, and a branch or an
iteration to the Parallel or Map around it. Nothing of a payload is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from engine.history.events import BY_CODE
from services.runtime.trace import ROOT_KEY

_OPENS_BRANCHES: Final = frozenset({"ParallelStateStarted", "MapStateStarted"})
_SCHEDULED: Final = ("TaskScheduled", "LambdaFunctionScheduled", "ActivityScheduled")
_TASK_ENDS: Final = ("Succeeded", "Failed", "TimedOut")
_TASK_KINDS: Final = ("Task", "LambdaFunction", "Activity")


@dataclass(slots=True)
class SpanTold:
    """A span as the history tells it; `end_ms` is 0 while it has no end."""

    key: str
    name: str
    parent_key: str
    start_ms: int
    attributes: dict[str, str | int]
    end_ms: int = 0
    error: str | None = None


@dataclass(slots=True)
class _Place:
    """Where an event stands: in which visit of a state, and with which try of its task."""

    visit: SpanTold | None = None
    around: _Place | None = None
    task: SpanTold | None = None


@dataclass(slots=True)
class HistorySpans:
    """Takes the events of an execution and keeps the spans, up to a number."""

    most: int
    spans: list[SpanTold] = field(default_factory=list)
    left_out: int = 0
    _places: dict[int, _Place] = field(default_factory=dict)

    def add(self, first_event_id: int, timestamp_ms: int, events: Sequence[Sequence[Any]]) -> None:
        """The events of one page."""
        for event_id, event in enumerate(events, first_event_id):
            self._places[event_id] = self._place(event_id, timestamp_ms, event)

    def ended(self, end_ms: int, error: str | None) -> Iterator[SpanTold]:
        """All spans; what had no end of its own ended with the execution."""
        for span in self.spans:
            if not span.end_ms:
                span.end_ms, span.error = end_ms, span.error or error
            yield span

    def _place(self, event_id: int, at_ms: int, event: Sequence[Any]) -> _Place:
        kind = BY_CODE[event[0]]
        before = self._places.get(event[1]) or _Place()
        name = kind.name
        if name.endswith("StateEntered"):
            around = before.around
            parent = ROOT_KEY if around is None or around.visit is None else around.visit.key
            visit = self._open(f"s{event_id}", event[2], parent, at_ms, {"stepwell.state.type": name[:-12]})
            return _Place(visit, around)
        if name in _OPENS_BRANCHES:
            return _Place(None, before)
        if name.endswith("StateExited"):
            return self._exited(before, event[2], at_ms)
        if name in _SCHEDULED and before.visit is not None:
            resource = _resource(kind.fields, event)
            task = self._open(f"t{event_id}", resource, before.visit.key, at_ms, {"stepwell.resource": resource})
            return _Place(before.visit, before.around, task)
        if before.task is not None and _ends_task(name):
            before.task.end_ms = at_ms
            if not name.endswith("Succeeded"):
                before.task.error = _error(kind.fields, event) or name
            return _Place(before.visit, before.around)
        return before

    def _exited(self, before: _Place, name: str, at_ms: int) -> _Place:
        """A Parallel or Map exits behind the last event of a branch: the visit that is left is one of those around."""
        place: _Place | None = before
        while place is not None and (place.visit is None or place.visit.name != name):
            place = place.around
        if place is None:
            return before
        assert place.visit is not None
        place.visit.end_ms = at_ms
        return _Place(None, place.around)

    def _open(self, key: str, name: str, parent: str, at_ms: int, attributes: dict[str, str | int]) -> SpanTold:
        span = SpanTold(key, name, parent, at_ms, attributes)
        if len(self.spans) < self.most:
            self.spans.append(span)
        else:
            self.left_out += 1
        return span


def _ends_task(name: str) -> bool:
    return name.endswith(_TASK_ENDS) and name.startswith(_TASK_KINDS)


def _member(fields: Iterable[str], event: Sequence[Any], wanted: str) -> Any:
    return next((value for field, value in zip(fields, event[2:], strict=False) if field == wanted), None)


def _resource(fields: Sequence[str], event: Sequence[Any]) -> str:
    service = _member(fields, event, "resourceType")
    resource = str(_member(fields, event, "resource"))
    return resource if service is None else f"{service}:{resource}"


def _error(fields: Sequence[str], event: Sequence[Any]) -> str | None:
    found = _member(fields, event, "error")
    return None if found is None else str(found)
