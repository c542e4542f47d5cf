"""Follow an execution until it has ended: a tree of its states that lights up, or lines where there is no terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from services.cli.client import Client
from services.cli.errors import ServerError, Unreachable
from services.cli.screen import STYLES, console, duration
from services.cli.timeline import Node, Status, Timeline

if TYPE_CHECKING:
    from rich.tree import Tree

POLL_SECONDS = 0.1
_CHILDREN_SHOWN_MAX = 12
_MARKS: dict[Status, tuple[str, str]] = {
    "running": ("●", "cyan"),
    "succeeded": ("✔", "green"),
    "failed": ("✖", "red"),
    "caught": ("↷", "yellow"),
    "aborted": ("■", "yellow"),
}


class HistoryReader:
    """Reads what is new in an execution's history, page by page."""

    def __init__(self, client: Client, execution_arn: str) -> None:
        """Begin at the first event."""
        self._client = client
        self._arn = execution_arn
        self._seen = 0
        self._token: str | None = None

    def new_events(self) -> list[dict[str, Any]]:
        """Events since the last call, oldest first.

        The last full page's token is kept, so following a long history does not read it from its start again.
        """
        found: list[dict[str, Any]] = []
        while True:
            answer = self._client.call(
                "GetExecutionHistory", executionArn=self._arn, maxResults=1000, nextToken=self._token
            )
            fresh = [event for event in answer["events"] if event["id"] > self._seen]
            found.extend(fresh)
            if fresh:
                self._seen = fresh[-1]["id"]
            token = answer.get("nextToken")
            if not token:
                return found
            self._token = token


def follow(
    client: Client,
    execution_arn: str,
    patience_seconds: float = 0.0,
    on_change: Callable[[Timeline], None] | None = None,
) -> Timeline:
    """Show the execution until it has ended, and return its timeline.

    Args:
        patience_seconds: how long a server that does not answer may be away.
        on_change: called after every change, for a caller that acts on what it sees.
    """
    reader, timeline = HistoryReader(client, execution_arn), Timeline()
    screen = console()
    if not screen.is_terminal:
        for _ in _changes(reader, timeline, patience_seconds, on_change, _Lines(screen.print).show):
            pass
        return timeline
    from rich.live import Live

    with Live(console=screen, refresh_per_second=10, transient=False) as live:
        for _ in _changes(reader, timeline, patience_seconds, on_change, lambda it: live.update(tree(it))):
            pass
    return timeline


def _changes(
    reader: HistoryReader,
    timeline: Timeline,
    patience_seconds: float,
    on_change: Callable[[Timeline], None] | None,
    show: Callable[[Timeline], None],
) -> Any:
    """Poll and show until the end; yields after every look."""
    silent_seconds = 0.0
    while not timeline.ended:
        try:
            events, silent_seconds = reader.new_events(), 0.0
        except (Unreachable, ServerError):
            silent_seconds += POLL_SECONDS
            if silent_seconds > patience_seconds:
                raise
            events = []
        timeline.add_all(events)
        if events:
            show(timeline)
            if on_change is not None:
                on_change(timeline)
        yield timeline
        if not timeline.ended:
            time.sleep(POLL_SECONDS)


def tree(timeline: Timeline, title: str = "") -> Tree:
    """The timeline as a rich tree."""
    from rich.text import Text
    from rich.tree import Tree

    top = Tree(Text.assemble(title, (timeline.status, STYLES.get(timeline.status, ""))))
    _grow(top, timeline.root)
    return top


def _grow(branch: Tree, node: Node) -> None:
    hidden = len(node.children) - _CHILDREN_SHOWN_MAX
    for child in node.children[: _CHILDREN_SHOWN_MAX if hidden > 1 else None]:
        _grow(branch.add(label(child)), child)
    if hidden > 1:
        rest = node.children[_CHILDREN_SHOWN_MAX:]
        done = sum(child.end is not None for child in rest)
        branch.add(f"… {hidden} more, {done} of them ended")


def label(node: Node) -> Any:
    """One line: mark, name, type, time, and what is worth a word."""
    from rich.text import Text

    mark, style = _MARKS[node.status]
    words = [] if node.kind == "Iteration" else [node.kind]
    if node.end is not None:
        words.append(duration(node.start, node.end))
    if node.attempts > 1:
        words.append(f"attempt {node.attempts}")
    if node.error:
        words.append(node.error)
    return Text.assemble((f"{mark} {node.name}", style), "  ", ("  ".join(words), "dim"))


class _Lines:
    """One line whenever a state begins to run or ends, for pipes and logs."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._shown: dict[int, tuple[Status, int]] = {}

    def show(self, timeline: Timeline) -> None:
        for node in self._in_order(timeline.root):
            now = (node.status, node.attempts if node.status == "running" else 0)
            if self._shown.get(id(node)) != now:
                self._shown[id(node)] = now
                self._write("  " * (_depth(node) - 1) + label(node).plain.rstrip())
        if timeline.ended:
            self._write(timeline.status)

    def _in_order(self, node: Node) -> list[Node]:
        return sorted((item for item in node.walk() if item.parent is not None), key=lambda item: item.changed_id)


def _depth(node: Node) -> int:
    depth = 0
    while node.parent is not None:
        node, depth = node.parent, depth + 1
    return depth
