"""An execution in memory: what was fixed at its start, its live frames, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any
from uuid import UUID

from engine.asl.model import Program, State
from engine.execution.frame import Ended, Frame
from engine.limits import EXECUTION_SECONDS_MAX, EXPRESS_SECONDS_MAX
from engine.payload import Payload


class Status(IntEnum):
    """Execution status; the number is what the store keeps, the name is AWS's."""

    RUNNING = 0
    SUCCEEDED = 1
    FAILED = 2
    TIMED_OUT = 3
    ABORTED = 4
    PENDING_REDRIVE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What is fixed when an execution starts. `machine_arn` is unqualified; times in Unix milliseconds.

    `test_case` names the mocked test case that it runs, "" outside mocked runs.
    """

    id: UUID
    arn: str
    name: str
    machine_arn: str
    machine_name: str
    role_arn: str
    input: Payload
    start_ms: int
    express: bool = False
    version_arn: str | None = None
    alias_arn: str | None = None
    trace_header: str | None = None
    map_run_arn: str | None = None
    synchronous: bool = False
    test_case: str = ""

    @property
    def region(self) -> str:
        """The region in the ARN."""
        return self.arn.split(":", 5)[3]

    @property
    def account(self) -> str:
        """The account in the ARN."""
        return self.arn.split(":", 5)[4]

    @property
    def place(self) -> str:
        """Region and account, as they stand in the ARN; task tokens are good there alone."""
        return ":".join(self.arn.split(":", 5)[3:5])


class Family:
    """The branches or iterations of one frame. Derived from the frames, never written.

    Attributes:
        frames: by index; those that ended stay until the parent has collected their outputs.
        open: how many have not ended.
    """

    __slots__ = ("frames", "open")

    def __init__(self) -> None:
        """Nobody yet."""
        self.frames: dict[int, Frame] = {}
        self.open = 0


class Execution:
    """A working copy: `advance` changes it in place; keep it only if the commit succeeds.

    Attributes:
        origin: what was fixed at the start.
        program: the compiled definition it runs.
        frames: live frames by path. A failed execution keeps them: a redrive goes on from there.
        families: children by path of their parent; derived.
        last_event_id: number of the newest history event.
        page_number: number of the newest page; pages count 1, 2, 3.
        pages_bytes, checkpoint_bytes: size of the frames written since the newest checkpoint, and of that one.
        status, output, error, cause, stop_ms: how it ended.
        redrive_count, redrive_ms: redrives so far and when the last one was.
        machine_deleted: the next transition ends it.
        missing_activities: ARNs of activities that the definition names and that do not exist.
        given_context: the context object that TestState was given instead of ours; None otherwise.
    """

    __slots__ = (
        "cause",
        "checkpoint_bytes",
        "error",
        "families",
        "frames",
        "given_context",
        "last_event_id",
        "machine_deleted",
        "missing_activities",
        "origin",
        "output",
        "page_number",
        "pages_bytes",
        "program",
        "redrive_count",
        "redrive_ms",
        "status",
        "stop_ms",
    )

    def __init__(self, origin: Origin, program: Program) -> None:
        """An execution that has not started: no frames, no events."""
        self.origin = origin
        self.program = program
        self.frames: dict[str, Frame] = {}
        self.families: dict[str, Family] = {}
        self.last_event_id = 0
        self.page_number = 0
        self.pages_bytes = 0
        self.checkpoint_bytes = 0
        self.status = Status.RUNNING
        self.output: Payload | None = None
        self.error: str | None = None
        self.cause: str | None = None
        self.stop_ms: int | None = None
        self.redrive_count = 0
        self.redrive_ms: int | None = None
        self.machine_deleted = False
        self.given_context: Mapping[str, Any] | None = None
        self.missing_activities: frozenset[str] = frozenset()

    @property
    def ended(self) -> bool:
        """Whether nothing will happen any more (a redrive aside)."""
        return self.status is not Status.RUNNING

    @property
    def deadline_ms(self) -> int:
        """When the whole execution times out: TimeoutSeconds, at most a year (five minutes for express)."""
        most = EXPRESS_SECONDS_MAX if self.origin.express else EXECUTION_SECONDS_MAX
        seconds = self.program.timeout_seconds
        since = self.redrive_ms if self.redrive_ms is not None else self.origin.start_ms
        return since + 1000 * (most if seconds is None else min(seconds, most))

    def state_of(self, frame: Frame) -> State:
        """The state that the frame is in."""
        return self.program.all_states[frame.state]

    def adopt(self, frame: Frame) -> None:
        """Add a frame, and tell its parent's family."""
        self.frames[frame.path] = frame
        parent, _, index = frame.path.rpartition("/")
        if parent:
            family = self.families.setdefault(parent, Family())
            family.frames[int(index)] = frame
            family.open += not isinstance(frame.waits, Ended)

    def drop_children(self, path: str) -> None:
        """Remove every frame below `path`."""
        family = self.families.pop(path, None)
        if family is None:
            return
        for child in family.frames.values():
            self.frames.pop(child.path, None)
            self.drop_children(child.path)
