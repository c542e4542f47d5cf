"""Step: one turn of one execution while it is being made: its history events and the frames it touched."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

from engine.execution.execution import Execution, Family, Status
from engine.execution.frame import Frame, Ready
from engine.execution.page import Page, encode_frames
from engine.expressions.scope import Entropy
from engine.history.events import CODE, TERMINAL
from engine.history.page_codec import PayloadTable, RecordedEvent, encode_events
from engine.limits import HISTORY_EVENTS_MAX, TURN_TRANSITIONS_MAX
from engine.payload import Payload

Taken: TypeAlias = Literal["rule", "retrier", "catcher"]

_READY: Final = Ready()
_CHECKPOINT_SLACK_BYTES: Final = 16_384


class HistoryFull(Exception):
    """The execution has used up its history events; `advance` ends it."""


class Step:
    """A turn. Several stimuli may share one, and with it one page.

    Attributes:
        execution: the working copy that the turn changes.
        now_ms: the only clock that the engine sees. Unix milliseconds, never before the last page's.
        entropy: random bytes from outside.
        events: recorded events, oldest first.
        touched: paths of changed frames.
        childless: parents whose children were dropped.
        ready: frames that can go on at once.
        budget: transitions left in this turn.
        inspect: told each intermediate value by TestState; None otherwise.
        witness: told each Choice rule, retrier and catcher that was taken, for a coverage report; None otherwise.
        bare_causes: leave out the prefix that names the state (TestState).
    """

    __slots__ = (
        "bare_causes",
        "budget",
        "childless",
        "entropy",
        "events",
        "events_max",
        "execution",
        "first_event_id",
        "inspect",
        "now_ms",
        "ready",
        "touched",
        "witness",
    )

    def __init__(self, execution: Execution, now_ms: int, entropy: Entropy, budget: int = TURN_TRANSITIONS_MAX) -> None:
        """Open a turn."""
        self.execution = execution
        self.now_ms = now_ms
        self.entropy = entropy
        self.events: list[RecordedEvent] = []
        self.first_event_id = execution.last_event_id + 1
        self.touched: set[str] = set()
        self.childless: list[str] = []
        self.ready: deque[Frame] = deque()
        self.budget = budget
        self.events_max = HISTORY_EVENTS_MAX if not execution.origin.express else 1 << 62
        self.inspect: Callable[[str, Any], None] | None = None
        self.bare_causes = False
        self.witness: Callable[[Taken, str, int], None] | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to commit."""
        return not self.events and not self.touched and not self.childless

    def record(self, frame: Frame, name: str, *members: Any) -> int:
        """Write an event that follows the frame's newest one; returns its id."""
        event_id = self.note(frame.last_id, name, *members)
        frame.last_id = event_id
        self.touched.add(frame.path)
        return event_id

    def note(self, previous_id: int, name: str, *members: Any) -> int:
        """Write an event with an explicit cause, leaving every frame as it is; returns its id.

        Raises:
            HistoryFull: only the event that ends the execution still has room.
        """
        execution = self.execution
        event_id = execution.last_event_id + 1
        if event_id >= self.events_max and name not in TERMINAL:
            raise HistoryFull
        execution.last_event_id = event_id
        self.events.append((CODE[name], previous_id, *members))
        return event_id

    def took(self, what: Taken, state: str, index: int) -> None:
        """Say which rule of a state was taken; -1 is a Choice's Default. Nobody listens in production."""
        if self.witness is not None:
            self.witness(what, state, index)

    def spawn(self, parent: Frame, index: int, state: str, input: Payload, last_id: int) -> Frame:
        """A new branch or iteration, ready to enter its first state."""
        frame = Frame(f"{parent.path}/{index}", state, input, _READY, last_id=last_id)
        self.execution.adopt(frame)
        self.touched.add(frame.path)
        self.ready.append(frame)
        return frame

    def drop_children(self, frame: Frame) -> None:
        """Forget everything below a frame."""
        if self.execution.families.get(frame.path) is not None:
            self.execution.drop_children(frame.path)
            self.childless.append(frame.path)

    def children_of(self, frame: Frame) -> Family:
        """The branches or iterations of a frame."""
        return self.execution.families.setdefault(frame.path, Family())

    def park_ready_frames(self) -> None:
        """The budget is used up: what could go on waits for the next turn."""
        self.touched.update(frame.path for frame in self.ready)
        self.ready.clear()

    def page(self) -> Page:
        """Close the turn: encode its page and count it in the execution."""
        execution = self.execution
        table = PayloadTable()
        events = encode_events(self.events, self.now_ms, table)
        live = execution.frames
        if execution.status is Status.SUCCEEDED:
            live.clear()
            execution.families.clear()
        changed = [live[path] for path in self.touched if path in live]
        checkpoint = len(changed) == len(live)
        if not checkpoint and execution.pages_bytes > execution.checkpoint_bytes + _CHECKPOINT_SLACK_BYTES:
            checkpoint = True
            changed = list(live.values())
        frames = encode_frames(changed, () if checkpoint else self.childless, table)
        if checkpoint:
            execution.pages_bytes = 0
            execution.checkpoint_bytes = len(frames)
        else:
            execution.pages_bytes += len(frames)
        execution.page_number += 1
        return Page(execution.page_number, self.first_event_id, execution.last_event_id, events, frames, checkpoint)
