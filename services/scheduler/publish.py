"""Publish: what committed frames ask of the world becomes messages and wake-ups; after a commit and after a load alike.

Nothing here is called before the store has said yes (R8), and everything here may be done again at any time: what must
be sent is a function of the committed frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import assert_never

from engine.asl.model import Resource, TaskState
from engine.execution.effect import Effect, GoOn, GrantTask, OfferTask, PollJob, StartMapRun, WakeAt, effects
from engine.execution.frame import Attempt
from engine.execution.stimulus import Continue, TimerDue
from services.broker import queues
from services.broker.messages import MAP_CHILD_ENDED, Command, Reply, pack
from services.integrations.interface import FIRST_LOOK
from services.runtime.clock import Clock
from services.scheduler.activities import Activities
from services.scheduler.database_clock import DatabaseClock
from services.scheduler.incarnations import Incarnations
from services.scheduler.jobs import grant_of, poll_of
from services.scheduler.map_runs.runs import MapRuns
from services.scheduler.nested_ends import end_for_parent
from services.scheduler.offers import Offers
from services.scheduler.outbox import Outbox
from services.scheduler.resident import Delivery, Resident
from services.scheduler.turn import Turn
from services.scheduler.wake_ups import RESEND, WakeUps


class Publisher:
    """Turns effects into messages and wake-ups."""

    def __init__(
        self,
        *,
        outbox: Outbox,
        offers: Offers,
        activities: Activities,
        wake_ups: WakeUps,
        incarnations: Incarnations,
        clock: Clock,
        database_clock: DatabaseClock,
        reply_to: str,
        pool_of: Callable[[Resource], str],
        resend_ms: tuple[int, int],
        shards: int,
        map_runs: MapRuns,
    ) -> None:
        """Everything is handed in; `resend_ms` is the first and the longest pause before sending again."""
        self._shards = shards
        self._map_runs = map_runs
        self._outbox = outbox
        self._offers = offers
        self._activities = activities
        self._wake_ups = wake_ups
        self._incarnations = incarnations
        self._clock = clock
        self._now_ms = database_clock.now_ms
        self._reply_to = reply_to
        self._pool_of = pool_of
        self._resend_ms = resend_ms

    def publish(self, turn: Turn) -> None:
        """A turn is committed (or changed nothing): answer, then send what its frames ask for."""
        resident = turn.resident
        for delivery in turn.deliveries:
            if delivery.owes_answer:
                self._answer(resident, delivery)
        if turn.page is not None:
            for path in turn.touched:
                self._forget(resident, path)
            if resident.jobs:
                self._cancel_abandoned_jobs(resident)
            self._map_runs.parent_changed(resident)
            if resident.execution.ended:
                self._tell_parent(resident)
        if not resident.execution.ended:
            self._carry_out(resident, effects(resident.execution, turn.touched))
            self._wake_ups.arm(resident, "", resident.execution.deadline_ms)
            self._set_again(turn)

    def _tell_parent(self, resident: Resident) -> None:
        child = resident.row.map_child
        if child is not None and not self._map_runs.child_ended(child.run_id):
            body = pack(child.run_id.bytes)
            self._outbox.put(
                queues.shard(child.run_shard), Command("", "", b"", child.run_shard, MAP_CHILD_ENDED, body)
            )
        command = end_for_parent(resident, self._shards)
        if command is not None:
            self._outbox.put(queues.shard(command.shard), command)

    def _set_again(self, turn: Turn) -> None:
        """A timer that fired and changed nothing came too early (a clock was set back): it fires again."""
        for delivery in turn.deliveries:
            if isinstance(delivery.stimulus, TimerDue):
                path = delivery.stimulus.path
                for effect in effects(turn.resident.execution, (path,)):
                    if isinstance(effect, WakeAt):
                        self._wake_ups.arm(turn.resident, path, effect.due_ms)

    def resume(self, resident: Resident) -> None:
        """An execution was loaded: do whatever its frames ask for."""
        self._carry_out(resident, effects(resident.execution))

    def send_again(self, resident: Resident, path: str) -> None:
        """No answer came to an offer, a grant or a poll of this frame."""
        self._offers.withdraw(resident, path)
        again = [e for e in effects(resident.execution, (path,)) if isinstance(e, OfferTask | GrantTask | PollJob)]
        self._carry_out(resident, again)

    def look_again(self, resident: Resident, path: str, seconds: float) -> None:
        """A polled job still runs; poll again after so many seconds."""
        resident.resends.pop(path, None)
        self._wake_ups.arm(resident, RESEND + path, self._now_ms() + max(1, int(seconds * 1000)))

    def resend_later(self, resident: Resident, path: str) -> None:
        """Something was sent that may get lost: send it again after a pause that doubles each time."""
        sent = resident.resends.get(path, 0)
        resident.resends[path] = sent + 1
        first, longest = self._resend_ms
        self._wake_ups.arm(resident, RESEND + path, self._now_ms() + min(first << min(sent, 16), longest))

    def refuse(self, delivery: Delivery) -> None:
        """It will not be looked at: free the claimant's slot. Whoever sent something else sends it again."""
        if delivery.claim is not None:
            self._outbox.refuse(delivery.claim.incarnation, delivery.claim.token)

    def missing(self, delivery: Delivery) -> None:
        """The store has no such execution: what came for it is stale for good."""
        self.refuse(delivery)
        if delivery.result is not None:
            self._outbox.ack(delivery.result.incarnation, delivery.result.grant)
        elif delivery.command is not None:
            self.reply(delivery.command, "ExecutionDoesNotExist")

    def reply(self, command: Command, error: str, body: bytes = b"") -> None:
        """Answer an API node, if it waits for an answer."""
        if command.request_id:
            self._outbox.put(command.reply_to, Reply(command.request_id, error, body))

    def flush(self) -> None:
        """Let everything out."""
        self._offers.flush()
        self._activities.flush()
        self._outbox.flush()

    def _answer(self, resident: Resident, delivery: Delivery) -> None:
        if delivery.result is not None:
            self._outbox.ack(delivery.result.incarnation, delivery.result.grant)
        elif delivery.claim is not None:
            self._answer_claim(resident, delivery)
        elif delivery.command is not None:
            self.reply(delivery.command, *delivery.reply)

    def _answer_claim(self, resident: Resident, delivery: Delivery) -> None:
        claim = delivery.claim
        assert claim is not None
        attempt = resident.attempt(claim.path, claim.token)
        if attempt is None or attempt.grant != delivery.grant:
            # A claim that came twice has its answer: the grant.
            if attempt is None or attempt.incarnation != claim.incarnation:
                self._outbox.refuse(claim.incarnation, claim.token)
            return
        state = _state_of(resident, claim.path)
        if state.resource.kind == "activity":
            # Leased once and for all: if this message is lost, the definition's own timeouts decide.
            self._send_grant(resident, claim.path, state, attempt)

    def _forget(self, resident: Resident, path: str) -> None:
        """The frame has changed: what it asked for before counts no longer."""
        if resident.deadlines:
            self._wake_ups.disarm(resident, path)
            self._wake_ups.disarm(resident, RESEND + path)
        if resident.resends:
            resident.resends.pop(path, None)
        self._offers.withdraw(resident, path)

    def _carry_out(self, resident: Resident, wanted: Iterable[Effect]) -> None:
        goes_on = False
        for effect in wanted:
            match effect:
                case WakeAt(due_ms, path, _):
                    self._wake_ups.arm(resident, path, due_ms)
                case GoOn():
                    goes_on = True
                case OfferTask(path, state, attempt):
                    self._offer(resident, path, state, attempt)
                case GrantTask(path, state, attempt):
                    self._send_grant(resident, path, state, attempt)
                    self.resend_later(resident, path)
                case PollJob(path, state, attempt):
                    self._poll(resident, path, state, attempt)
                case StartMapRun(path, _, run):
                    self._map_runs.start(resident, path, run)
                case _ as never:
                    assert_never(never)
        if goes_on:
            resident.pending.append(Delivery(Continue()))

    def _offer(self, resident: Resident, path: str, state: TaskState, attempt: Attempt) -> None:
        if state.resource.kind == "activity":
            self._activities.put(state.resource.arn, resident, path, attempt.token)
        else:
            self._offers.put(self._pool_of(state.resource), resident, path, attempt.token)

    def _send_grant(self, resident: Resident, path: str, state: TaskState, attempt: Attempt) -> None:
        if state.resource.kind != "activity":
            self._incarnations.named(attempt.incarnation, self._clock.monotonic())
        grant = grant_of(resident, path, state, attempt, self._reply_to, self._now_ms())
        self._outbox.put(queues.incarnation(attempt.incarnation), grant)

    def _poll(self, resident: Resident, path: str, state: TaskState, attempt: Attempt) -> None:
        known = resident.jobs.get(path)
        resident.jobs[path] = (attempt, state)
        rest = 0.0 if known is not None and known[0].token == attempt.token else _first_look_seconds(attempt)
        if rest > 0:
            self.look_again(resident, path, rest)
            return
        poll = poll_of(resident, path, state, attempt, self._reply_to, self._now_ms())
        self._outbox.put(queues.polls(self._pool_of(state.resource)), poll)
        self.resend_later(resident, path)

    def _cancel_abandoned_jobs(self, resident: Resident) -> None:
        """Jobs of attempts that ended otherwise than by their own end (stopped, timed out) are stopped too."""
        for path, (attempt, state) in list(resident.jobs.items()):
            if resident.attempt(path, attempt.token) is None:
                del resident.jobs[path]
                poll = poll_of(resident, path, state, attempt, self._reply_to, self._now_ms(), cancel=True)
                self._outbox.put(queues.polls(self._pool_of(state.resource)), poll)


def _first_look_seconds(attempt: Attempt) -> float:
    """How long a job that was just submitted wants to be left alone."""
    assert attempt.job is not None
    job = attempt.job.value
    rest = job.get(FIRST_LOOK) if isinstance(job, dict) else None
    return float(rest) if isinstance(rest, int | float) else 0.0


def _state_of(resident: Resident, path: str) -> TaskState:
    state = resident.execution.state_of(resident.execution.frames[path])
    assert isinstance(state, TaskState)
    return state
