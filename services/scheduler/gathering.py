"""The next batch of a lane: turns are taken as soon as somebody is ready, while the batch before is being written.

Turns of state machines that are known to take long are advanced aside, on a thread, and join the batch when they are
done. Memory is ahead of the store for those turns, but nobody sees it: their executions get no further turn, nothing is
derived from them, and if the commit before fails their shard is forgotten with them (R5).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from services.scheduler.aside import Aside, RunAside
from services.scheduler.caution import Caution
from services.scheduler.observe import Observer
from services.scheduler.ready_queue import ReadyQueue
from services.scheduler.resident import Delivery, Resident
from services.scheduler.settings import SchedulerSettings
from services.scheduler.shard import Shards
from services.scheduler.turn import OpenTurn, Turn, Turns

REST_SHARE: Final = 0.25
"""How long slow state machines rest after a turn, in parts of what it took."""

log = logging.getLogger(__name__)


class Gathering:
    """Who is ready, and the turns taken for the next commit.

    Args:
        nothing_to_commit: called with turns that changed nothing and owe no answer.
        quarantine: called with executions that broke an invariant.
        wake_after: called with a number of seconds, after which somebody is ready who is not now.
        wake: called when something is ready to be committed, or somebody for a turn, who was not before.
        run_aside: advances a turn on a thread.
    """

    def __init__(
        self,
        shards: Shards,
        turns: Turns,
        settings: SchedulerSettings,
        observer: Observer,
        caution: Caution,
        now_ms: Callable[[], int],
        monotonic: Callable[[], float],
        *,
        nothing_to_commit: Callable[[Turn], None],
        quarantine: Callable[[bytes], None],
        wake_after: Callable[[float], None],
        wake: Callable[[], None],
        run_aside: RunAside,
    ) -> None:
        """Nobody is ready."""
        self._shards = shards
        self._turns = turns
        self._settings = settings
        self._observer = observer
        self._caution = caution
        self._now_ms = now_ms
        self._monotonic = monotonic
        self._wake_after = wake_after
        self._wake = wake
        self._nothing_to_commit = nothing_to_commit
        self._quarantine = quarantine
        self._ready = ReadyQueue()
        self._aside = Aside(turns, run_aside, monotonic, self._advanced_aside)
        self._finished: list[Turn] = []
        self._taken: list[Turn] = []
        self._events = self._bytes = 0
        self._alone = self._long = False
        self._slow_at = 0.0

    def __len__(self) -> int:
        """How many executions wait for a turn."""
        return len(self._ready)

    def push(self, resident: Resident) -> None:
        """It is ready for a turn."""
        self._ready.push(resident)

    def gather(self) -> None:
        """Take turns of whoever is ready, within the bounds of one commit.

        A turn that takes long (an expression that uses its whole budget) ends the batch. The next ones of its state
        machine are advanced aside, and each has to wait for a part of what the one before took: a fifth of the time is
        everybody else's alone, whoever is slow.
        """
        while self._finished and not self._full:
            self._add(self._finished.pop(0))
        now_ms = self._now_ms()
        while not self._full and (resident := self._next()) is not None:
            if self._shards.owned[resident.shard].closing:
                continue
            if self._ready.expects_slow(resident) and resident.key not in self._caution:
                self._aside.take(resident, now_ms)
                continue
            if resident.key in self._caution:
                if self._taken:
                    self._ready.put_back(resident)
                    return
                self._alone = True
            turn = self._take_turn(resident, now_ms)
            if turn is None:
                self._alone = False
            elif turn.must_commit:
                self._add(turn)
            else:
                self._alone = False
                self._nothing_to_commit(turn)

    def _next(self) -> Resident | None:
        rest = self._slow_at - self._monotonic()
        busy = self._aside.busy
        found = self._ready.pop(slow_too=rest <= 0 and not busy)
        if found is None and self._ready.only_slow and not busy:
            self._wake_after(rest)
        return found

    def hand_over(self) -> list[Turn]:
        """What was gathered, for the commit; turns of shards that were given up meanwhile are forgotten."""
        taken, self._taken = self._taken, []
        self._events = self._bytes = 0
        self._alone = self._long = False
        return [turn for turn in taken if not turn.resident.gone]

    def return_deliveries(self, shards: list[int]) -> None:
        """These shards are being given up: what their executions were told is unanswered."""
        for turn in self._taken + self._finished:
            if turn.resident.shard in shards:
                turn.resident.pending = turn.deliveries + turn.resident.pending

    @property
    def _full(self) -> bool:
        settings = self._settings
        return (
            self._alone
            or self._long
            or len(self._taken) >= settings.turns_max
            or self._events >= settings.events_max
            or self._bytes >= settings.page_bytes_max
        )

    def _add(self, turn: Turn) -> None:
        turn.resident.in_flight = True
        self._taken.append(turn)
        page = turn.page
        if page is not None:
            self._events += page.last_event_id - page.first_event_id + 1
            self._bytes += len(page.events) + len(page.frames)

    def _take_turn(self, resident: Resident, now_ms: int) -> Turn | None:
        deliveries = resident.pending
        begun = self._monotonic()
        try:
            turn = self._turns.take(resident, now_ms)
        except Exception as problem:
            # The top of the loop over executions: a broken invariant of one must not stop the others.
            self._broke(resident, deliveries, problem)
            return None
        self._long = self._took(resident, self._monotonic() - begun) or self._long
        return turn

    def _advanced_aside(self, opened: OpenTurn, seconds: float, problem: Exception | None) -> None:
        """Close a turn that was advanced aside, if its shard is still ours; it joins the next batch."""
        resident = opened.resident
        self._wake()
        if resident.gone:
            return
        if problem is None and self._shards.owned[resident.shard].closing:
            resident.pending = opened.deliveries + opened.left + resident.pending
            return
        try:
            if problem is not None:
                raise problem
            turn = self._turns.close(opened)
        except Exception as broken:
            # As in `_take_turn`.
            self._broke(resident, opened.deliveries + opened.left, broken)
            return
        self._took(resident, seconds)
        if turn.must_commit:
            resident.in_flight = True
            self._finished.append(turn)
        else:
            self._nothing_to_commit(turn)

    def _broke(self, resident: Resident, deliveries: list[Delivery], problem: Exception) -> None:
        """Memory may be ahead of the store now, so it is forgotten at once."""
        log.error("a turn of execution %s broke an invariant", resident.id, exc_info=problem)
        self._observer.broken()
        resident.pending = deliveries
        self._quarantine(resident.key)
        self._shards.remove(resident)

    def _took(self, resident: Resident, seconds: float) -> bool:
        """Learn from how long a turn took; whether that was long."""
        slow = self._ready.took(resident, seconds)
        if slow:
            self._slow_at = self._monotonic() + REST_SHARE * seconds
        return slow
