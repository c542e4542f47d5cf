"""History, read as a tree: which states an execution entered, inside which branch or iteration, and how they ended.

Pure: it is fed with history events in the API's shape and knows nothing of terminals. Where an event stands
follows from its `previousEventId`, as AWS links them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["running", "succeeded", "failed", "caught", "aborted"]


@dataclass(slots=True, eq=False)
class Node:
    """One stay in a state, or one iteration of a Map; children stand in the order of their start.

    Attributes:
        name: the state's name, `#2` for an iteration, "" for the execution itself.
        kind: the state's type (`Task`), `Iteration`, or `Execution`.
        parent: the Parallel, Map or iteration it runs in; None for the execution itself.
        start, end: seconds since the epoch; `end` is None while it runs.
        attempts: how often its task was scheduled, or its branches were started.
        error: the newest error's name.
        changed_id: number of the history event that changed it last.
    """

    name: str
    kind: str
    parent: Node | None
    start: float
    end: float | None = None
    status: Status = "running"
    attempts: int = 0
    error: str = ""
    changed_id: int = 0
    children: list[Node] = field(default_factory=list)

    def walk(self) -> Iterator[Node]:
        """Itself and everything below, without recursion."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(node.children)

    def close(self, status: Status, at: float, event_id: int) -> None:
        """It has ended; whatever still runs below was aborted."""
        for node in self.walk():
            if node.end is None:
                node.status, node.end, node.changed_id = "aborted", at, event_id
        self.status, self.end, self.changed_id = status, at, event_id


class Timeline:
    """The tree so far. Feed it every event once, in order."""

    def __init__(self) -> None:
        """An execution that has not started."""
        self.root = Node("", "Execution", None, 0.0)
        self.status = "RUNNING"
        self.error = ""
        self.cause = ""
        self.output: str | None = None
        self.last_event_id = 0
        self._owners: dict[int, Node] = {0: self.root}  # what an event is about
        self._containers: dict[int, Node] = {0: self.root}  # where a state runs that is entered after the event

    @property
    def ended(self) -> bool:
        """Whether the newest event is an end of the execution."""
        return self.status != "RUNNING"

    def add_all(self, events: Iterable[dict[str, Any]]) -> None:
        """Feed several events."""
        for event in events:
            self.add(event)

    def add(self, event: dict[str, Any]) -> None:
        """Feed one event."""
        number, kind, at = event["id"], event["type"], float(event["timestamp"])
        owner = self._owners.get(event.get("previousEventId", 0), self.root)
        self.last_event_id = number
        if kind in _ENDS:
            self._end(kind, event, at)
        elif kind.endswith("StateEntered"):
            owner = self._enter(event, kind, at)
        elif kind.endswith("StateExited"):
            owner = self._exit(event, owner, at)
        elif kind.startswith("MapIteration"):
            owner = self._iterate(event, kind, owner, at)
        elif kind.startswith("Execution"):
            self._begin(kind, at)
        else:
            owner = self._progress(event, kind, owner, at)
        self._owners[number] = owner
        self._containers[number] = owner.parent or owner if kind.endswith("Exited") else owner

    def _begin(self, kind: str, at: float) -> None:
        self.status, self.root.status, self.root.end = "RUNNING", "running", None
        if kind == "ExecutionStarted":
            self.root.start = at

    def _end(self, kind: str, event: dict[str, Any], at: float) -> None:
        details = _details(event)
        self.status = _ENDS[kind]
        self.error, self.cause = details.get("error", ""), details.get("cause", "")
        self.output = details.get("output")
        if self.status == "FAILED":
            owner = self._owners.get(event.get("previousEventId", 0))
            if owner is not None and owner.end is None and owner is not self.root:
                owner.close("failed", at, event["id"])
        self.root.close("succeeded" if self.status == "SUCCEEDED" else "failed", at, event["id"])

    def _enter(self, event: dict[str, Any], kind: str, at: float) -> Node:
        container = self._containers.get(event.get("previousEventId", 0), self.root)
        node = Node(_details(event)["name"], kind.removesuffix("StateEntered"), container, at, changed_id=event["id"])
        container.children.append(node)
        return node

    def _exit(self, event: dict[str, Any], owner: Node, at: float) -> Node:
        node = _nearest(owner, name=_details(event)["name"])
        node.close("caught" if node.status == "failed" else "succeeded", at, event["id"])
        return node

    def _iterate(self, event: dict[str, Any], kind: str, owner: Node, at: float) -> Node:
        details = _details(event)
        state, name = _nearest(owner, kind="Map", name=details["name"]), f"#{details['index']}"
        if kind == "MapIterationStarted":
            node = Node(name, "Iteration", state, at, changed_id=event["id"])
            state.children.append(node)
            return node
        node = next((child for child in reversed(state.children) if child.name == name), state)
        node.close(_ITERATION_ENDS[kind], at, event["id"])
        return node

    def _progress(self, event: dict[str, Any], kind: str, owner: Node, at: float) -> Node:
        if kind in ("ParallelStateStarted", "MapStateStarted") or kind.endswith("Scheduled"):
            node = owner if kind.endswith("Scheduled") else _nearest(owner, kind=kind.removesuffix("StateStarted"))
            node.attempts += 1
            node.status, node.end, node.changed_id = "running", None, event["id"]
            return node
        if kind in ("ParallelStateFailed", "MapStateFailed"):
            node = _nearest(owner, kind=kind.removesuffix("StateFailed"))
            node.error = node.error or owner.error
            node.close("failed", at, event["id"])
            return node
        if kind.endswith(("Failed", "TimedOut")):
            owner.error = _details(event).get("error") or kind
            owner.close("failed", at, event["id"])
        return owner


_ENDS = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionTimedOut": "TIMED_OUT",
    "ExecutionAborted": "ABORTED",
}
_ITERATION_ENDS: dict[str, Status] = {
    "MapIterationSucceeded": "succeeded",
    "MapIterationFailed": "failed",
    "MapIterationAborted": "aborted",
}


def _nearest(node: Node, *, kind: str | None = None, name: str | None = None) -> Node:
    """The node itself or the nearest around it of that kind and name; itself where there is none."""
    found: Node | None = node
    while found is not None:
        if kind in (None, found.kind) and name in (None, found.name):
            return found
        found = found.parent
    return node


def _details(event: dict[str, Any]) -> dict[str, Any]:
    """The event's one details member."""
    for name, value in event.items():
        if name.endswith("EventDetails") and isinstance(value, dict):
            return value
    return {}
