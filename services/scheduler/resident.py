"""An execution in memory, and what has reached it but was not looked at yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from engine import task_token
from engine.asl.model import TaskState
from engine.execution.execution import Execution
from engine.execution.frame import Attempt
from engine.execution.stimulus import Stimulus
from services.broker.messages import Claim, Command, Result
from services.store.records import Revision, StoredExecution

UNKNOWN_WAKE_MS: Final = 1 << 62
UNCOUNTED_FRAMES: Final = 64
"""So few frames hold little enough to begin with, whatever was loaded."""
UNCOUNTED_BYTES: Final = 1 << 62
"""Makes the first turn count."""


@dataclass(slots=True)
class Delivery:
    """One thing that reached an execution, and to whom an answer is owed after the commit.

    Attributes:
        stimulus: what the engine is told; None for a command, which decides that in its turn.
        result: the worker's message to acknowledge.
        claim: the worker's claim, granted or refused; `grant` is the id of the grant it would get.
        command: what an API node asked for; `inbox_id` is its inbox row, 0 without one.
        reply: error code and body of the answer, decided in the turn, sent after the commit (R8, R19).
    """

    stimulus: Stimulus | None = None
    result: Result | None = None
    claim: Claim | None = None
    grant: bytes = b""
    command: Command | None = None
    inbox_id: int = 0
    reply: tuple[str, bytes] = ("", b"")

    @property
    def owes_answer(self) -> bool:
        """Whether the turn must be committed, even an empty one, because somebody waits for its verdict."""
        return self.result is not None or self.command is not None or self.claim is not None


class Resident:
    """An execution in memory with what its scheduler knows about it.

    Attributes:
        key: the 16 bytes of the id, as messages carry it.
        row: the stored row as it was loaded.
        revision: what it runs, with the role and what is to be logged.
        execution: the working copy.
        pending: what reached it and waits for a turn.
        in_flight: its last turn is being committed; until the answer it must not be advanced (R5).
        queued: it stands in the ready queue of its lane.
        gone: memory has dropped it; whoever still holds it must forget it.
        deadlines: what wakes it, by key (see `wake_ups.py`), in Unix milliseconds.
        resends: how often an offer, grant or poll of a frame has been sent, by path.
        jobs: submitted `.sync` jobs that are being polled, by path.
        row_wake_ms: `wake_at` of its row as far as known.
        parked: its row's `wake_at` tells when it is needed next, so memory may forget it.
        last_ms: time of its newest turn; its clock never goes back.
        held_bytes, added_bytes: payload bytes that its frames held when they were counted, and what turns have recorded
            since: more than the sum it cannot hold.
        redrive_tokens: client tokens of its redrives (see `redrive_tokens.py`).
        map_attempt: in which attempt of its map run it is; None if it is no Map's child.
    """

    __slots__ = (
        "added_bytes",
        "deadlines",
        "execution",
        "gone",
        "held_bytes",
        "id",
        "in_flight",
        "jobs",
        "key",
        "last_ms",
        "map_attempt",
        "parked",
        "pending",
        "queued",
        "redrive_tokens",
        "resends",
        "revision",
        "row",
        "row_wake_ms",
        "shard",
    )

    def __init__(self, row: StoredExecution, revision: Revision, execution: Execution, row_wake_ms: int) -> None:
        """Nothing has reached it yet."""
        self.id: UUID = row.id
        self.key = row.id.bytes
        self.shard = row.shard
        self.row = row
        self.revision = revision
        self.execution = execution
        self.pending: list[Delivery] = []
        self.in_flight = False
        self.queued = False
        self.gone = False
        self.deadlines: dict[str, int] = {}
        self.resends: dict[str, int] = {}
        self.jobs: dict[str, tuple[Attempt, TaskState]] = {}
        self.row_wake_ms = row_wake_ms
        self.parked = False
        self.last_ms = 0
        self.held_bytes = 0
        self.added_bytes = 0 if len(execution.frames) <= UNCOUNTED_FRAMES else UNCOUNTED_BYTES
        self.redrive_tokens = row.redrive_tokens
        self.map_attempt = None if row.map_child is None else row.map_child.attempt

    def attempt(self, path: str, token: bytes) -> Attempt | None:
        """The open attempt of a frame, if it has that token."""
        frame = self.execution.frames.get(path)
        if frame is None or self.execution.ended:
            return None
        waits = frame.waits
        return waits if isinstance(waits, Attempt) and waits.token == token else None

    def attempt_opened_by(self, path: str, secret: bytes) -> Attempt | None:
        """The open attempt of a frame, if its task token has that secret."""
        frame = self.execution.frames.get(path)
        if frame is None or self.execution.ended:
            return None
        waits = frame.waits
        return waits if isinstance(waits, Attempt) and task_token.opens(secret, waits.callback) else None

    def attempts(self) -> Iterator[tuple[str, Attempt]]:
        """Every open attempt with the path of its frame."""
        if not self.execution.ended:
            # A copy: a turn that is advanced aside changes the frames meanwhile.
            for path, frame in list(self.execution.frames.items()):
                if isinstance(frame.waits, Attempt):
                    yield path, frame.waits
