"""One turn of one execution: what reached it becomes a page, before anything of it is visible outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from engine.advance import advance
from engine.asl.model import Resource, TaskState
from engine.execution.execution import Execution
from engine.execution.frame import Attempt, BackOff, Children, Ended, Until
from engine.execution.held import held_bytes, recorded_bytes
from engine.execution.page import Page
from engine.execution.step import Step
from engine.execution.stimulus import BudgetExceeded, TaskStarted
from engine.failure import DATA_LIMIT_EXCEEDED
from engine.limits import TURN_TRANSITIONS_MAX
from services.runtime.ids import Ids
from services.scheduler.commands import Commands
from services.scheduler.incarnations import Incarnations
from services.scheduler.mocked_activities import AnswerActivity, answer_activities
from services.scheduler.resident import Delivery, Resident
from services.store.records import ExecutionChange

GRANT_BYTES = 16
_HOLDS_TOO_MUCH = "The execution holds more data than a scheduler keeps for one."
_PARKED_FRAMES_MAX = 1_000


@dataclass(slots=True)
class Turn:
    """What one execution adds to a group commit.

    Attributes:
        resident: whose turn it is.
        touched: frames that changed, in order.
        deliveries: what was taken from its pending ones; answers are owed for some.
        page: None if nothing changed.
        change: of the execution's row, None for most turns.
        transitions, stale: counted for the metrics.
    """

    resident: Resident
    touched: list[str]
    deliveries: list[Delivery]
    page: Page | None
    change: ExecutionChange | None
    transitions: int
    stale: int

    @property
    def must_commit(self) -> bool:
        """Whether anything waits for the store's yes: a page, a row, or an answer that needs ownership (R19)."""
        return self.page is not None or self.change is not None or any(d.owes_answer for d in self.deliveries)


@dataclass(slots=True)
class OpenTurn:
    """A turn that is being taken.

    Attributes:
        resident, step, deliveries: whose it is, what it makes, and what is told.
        left: deliveries that its budget did not reach.
        ended_before, attempt_before: of the execution, to see what changes.
        stale: how many deliveries changed nothing.
        freed: incarnations that have a slot more, told when it is closed.
    """

    resident: Resident
    step: Step
    deliveries: list[Delivery]
    left: list[Delivery]
    ended_before: bool
    attempt_before: int | None
    stale: int = 0
    freed: list[str] = field(default_factory=list)


class Turns:
    """Takes turns; holds what every turn needs.

    A turn is opened and closed on the event loop. In between it is advanced, which may be done on another thread: that
    touches its own execution alone, and nobody else changes that meanwhile.
    """

    def __init__(
        self,
        ids: Ids,
        incarnations: Incarnations,
        pool_of: Callable[[Resource], str],
        monotonic: Callable[[], float],
        park_ms: int,
        execution_bytes_max: int,
        answer_activity: AnswerActivity | None = None,
    ) -> None:
        """Everything is handed in."""
        self._entropy = ids.entropy
        self._incarnations = incarnations
        self._pool_of = pool_of
        self._monotonic = monotonic
        self._park_ms = park_ms
        self._execution_bytes_max = execution_bytes_max
        self._answer_activity = answer_activity
        self._commands = Commands()

    def take(self, resident: Resident, now_ms: int) -> Turn:
        """Open, advance and close in one go.

        Raises:
            AssertionError: an invariant of the engine is broken.
        """
        opened = self.open(resident, now_ms)
        self.advance(opened)
        return self.close(opened)

    def open(self, resident: Resident, now_ms: int) -> OpenTurn:
        """Begin with what is pending; what comes from now on waits for the next turn."""
        resident.last_ms = max(now_ms, resident.last_ms)
        step = Step(resident.execution, resident.last_ms, self._entropy)
        deliveries, resident.pending = resident.pending, []
        return OpenTurn(resident, step, deliveries, [], resident.execution.ended, resident.map_attempt)

    def advance(self, opened: OpenTurn) -> None:
        """Tell the engine what reached the execution, as far as the turn's budget goes.

        Raises:
            AssertionError: an invariant of the engine is broken.
        """
        step, execution = opened.step, opened.resident.execution
        for number, delivery in enumerate(opened.deliveries):
            if step.budget <= 0:
                opened.left = opened.deliveries[number:]
                opened.deliveries = opened.deliveries[:number]
                break
            opened.stale += self._apply(opened, delivery)
        if execution.origin.test_case and self._answer_activity is not None:
            answer_activities(step, self._answer_activity)
        if not execution.ended:
            self._look_at_memory(step, opened.resident)

    def close(self, opened: OpenTurn) -> Turn:
        """Bind what it offers, and make its page."""
        resident, step = opened.resident, opened.step
        if opened.left:
            resident.pending = opened.left + resident.pending
        for incarnation in opened.freed:
            self._incarnations.slot_free(incarnation, self._monotonic())
        if not resident.execution.ended:
            self._pre_grant(step)
        page = None if step.empty else step.page()
        touched = sorted(step.touched, key=_branch_order) if len(step.touched) > 1 else list(step.touched)
        changed = page is not None or resident.map_attempt != opened.attempt_before
        change = self._change(resident, opened.ended_before) if changed else None
        transitions = TURN_TRANSITIONS_MAX - step.budget
        return Turn(resident, touched, opened.deliveries, page, change, transitions, opened.stale)

    def _apply(self, opened: OpenTurn, delivery: Delivery) -> int:
        """Tell the engine; 1 if it was stale."""
        if delivery.command is not None:
            delivery.reply = self._commands.perform(opened.step, opened.resident, delivery.command)
            return int(delivery.reply[0] != "")
        assert delivery.stimulus is not None
        if delivery.result is not None and not self._fits(opened, delivery):
            return 1
        advance(opened.step, delivery.stimulus)
        return 0

    def _fits(self, opened: OpenTurn, delivery: Delivery) -> bool:
        """Whether a result counts: open attempt, right token, right grant (R14). Its worker has a free slot again."""
        result, resident = delivery.result, opened.resident
        assert result is not None
        attempt = resident.attempt(result.path, result.token)
        if attempt is None or attempt.grant != result.grant:
            return False
        if result.incarnation == attempt.incarnation and not attempt.submitted_id:
            opened.freed.append(result.incarnation)
        if result.kind in ("succeeded", "failed"):
            resident.jobs.pop(result.path, None)
        return True

    def _look_at_memory(self, step: Step, resident: Resident) -> None:
        """Fail an execution that holds too much; counting is rare, because what turns record bounds what they add."""
        resident.added_bytes += recorded_bytes(step.events)
        if resident.held_bytes + resident.added_bytes <= self._execution_bytes_max:
            return
        resident.held_bytes, resident.added_bytes = held_bytes(step.execution), 0
        if resident.held_bytes > self._execution_bytes_max:
            advance(step, BudgetExceeded(DATA_LIMIT_EXCEEDED, _HOLDS_TOO_MUCH))

    def _pre_grant(self, step: Step) -> None:
        """Bind fresh attempts at once where a worker is known to have a free slot (R11)."""
        execution = step.execution
        for path in sorted(step.touched, key=_branch_order) if len(step.touched) > 1 else list(step.touched):
            frame = execution.frames.get(path)
            if frame is None or not isinstance(frame.waits, Attempt) or frame.waits.bound:
                continue
            state = execution.state_of(frame)
            assert isinstance(state, TaskState)
            if state.resource.kind == "activity":
                continue
            incarnation = self._incarnations.take_credit(self._pool_of(state.resource), self._monotonic())
            if incarnation is not None:
                grant = self._entropy(GRANT_BYTES)
                advance(step, TaskStarted(path, frame.waits.token, incarnation, grant))

    def _change(self, resident: Resident, ended_before: bool) -> ExecutionChange | None:
        """What changes in the row: the end, a redrive, when it is needed next if it waits long, else "due now"."""
        execution = resident.execution
        if execution.ended:
            return _row(resident, None)
        now_ms = resident.last_ms
        wake_ms = parked_until(execution, now_ms + self._park_ms)
        if wake_ms is None:
            late = ended_before or resident.row_wake_ms > now_ms
            return _row(resident, now_ms) if late else None
        if now_ms < resident.row_wake_ms <= wake_ms:
            return None
        return _row(resident, wake_ms)


def parked_until(execution: Execution, after_ms: int) -> int | None:
    """When an execution that only waits is needed next; None if that is before `after_ms` or messages are due."""
    if len(execution.frames) > _PARKED_FRAMES_MAX:
        return None
    wake_ms = execution.deadline_ms
    for frame in execution.frames.values():
        match frame.waits:
            case Until(due_ms) | BackOff(due_ms):
                wake_ms = min(wake_ms, due_ms)
            case Attempt() as attempt:
                if not _waits_for_callback(execution, frame.path, attempt):
                    return None
                if attempt.due_ms is not None:
                    wake_ms = min(wake_ms, attempt.due_ms)
            case Children() | Ended():
                continue
            case _:
                return None
        if wake_ms < after_ms:
            return None
    return wake_ms


def _waits_for_callback(execution: Execution, path: str, attempt: Attempt) -> bool:
    """Nothing has to be sent for it: it is leased to an activity worker, or its token is out."""
    if attempt.submitted_id:
        return attempt.job is None
    state = execution.state_of(execution.frames[path])
    assert isinstance(state, TaskState)
    return attempt.bound and state.resource.kind == "activity"


def _row(resident: Resident, wake_ms: int | None) -> ExecutionChange:
    execution = resident.execution
    return ExecutionChange(
        resident.id,
        execution.status,
        wake_ms,
        None if execution.output is None else execution.output.text,
        _storable(execution.error),
        _storable(execution.cause),
        execution.stop_ms,
        execution.redrive_count,
        execution.redrive_ms,
        start_ms=execution.origin.start_ms if execution.origin.start_ms != resident.row.start_ms else None,
        redrive_tokens=resident.redrive_tokens,
        map_attempt=resident.map_attempt,
    )


def _storable(text: str | None) -> str | None:
    """Postgres has no NUL in texts; the history keeps it."""
    return text if text is None or "\0" not in text else text.replace("\0", "\ufffd")


def _branch_order(path: str) -> tuple[int, str]:
    """Branch 2 before branch 10."""
    return len(path), path
