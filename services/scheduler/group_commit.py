"""Group commit: the turns of many executions in one transaction, guarded shard by shard.

A lane has one commit in flight at most, over shards of its own (R6). It never waits for a timer: whatever is ready when
the lane is free goes into the next commit, so a lone execution waits for one fsync and a crowd shares it. While
Postgres writes one batch, the turns of the next one are taken.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from engine.execution.execution import Execution
from engine.execution.page import Page
from services.runtime.clock import Clock
from services.scheduler.aside import RunAside
from services.scheduler.caution import Caution
from services.scheduler.database_clock import DatabaseClock
from services.scheduler.gathering import Gathering
from services.scheduler.observe import Observer
from services.scheduler.publish import Publisher
from services.scheduler.resident import Resident
from services.scheduler.settings import SchedulerSettings
from services.scheduler.shard import Shard, Shards
from services.scheduler.signal import Signal
from services.scheduler.turn import Turn, Turns
from services.store.interface import SchedulerStore
from services.store.records import Batch, Revision

log = logging.getLogger(__name__)


class OnCommitted(Protocol):
    """Told of every committed page, e.g. to write the execution's log."""

    def __call__(self, revision: Revision, execution: Execution, page: Page) -> None:
        """The page is in the store."""
        ...


class Lane:
    """The group commits of some of the shards."""

    def __init__(
        self,
        *,
        store: SchedulerStore,
        shards: Shards,
        turns: Turns,
        publisher: Publisher,
        clock: Clock,
        database_clock: DatabaseClock,
        settings: SchedulerSettings,
        observer: Observer,
        on_committed: OnCommitted | None,
        step_down: Callable[[list[Shard], bool], None],
        quarantine: Callable[[bytes], None],
        settled: Callable[[], None],
        run_aside: RunAside,
    ) -> None:
        """Everything is handed in.

        Args:
            step_down: called with shards whose guard was refused, or (True) whose commit has an unknown outcome.
            quarantine: called with executions that broke an invariant.
            settled: called whenever a commit was answered.
            (the others): see their types.
        """
        self._store = store
        self._shards = shards
        self._publisher = publisher
        self._clock = clock
        self._database_clock = database_clock
        self._settings = settings
        self._observer = observer
        self._on_committed = on_committed
        self._step_down = step_down
        self._quarantine = quarantine
        self._settled = settled
        self._caution = Caution()
        self._gathering = Gathering(
            shards,
            turns,
            settings,
            observer,
            self._caution,
            database_clock.now_ms,
            clock.monotonic,
            nothing_to_commit=self._nothing_to_commit,
            quarantine=quarantine,
            wake_after=self._wake_after,
            wake=self._wake,
            run_aside=run_aside,
        )
        self._alarm: asyncio.TimerHandle | None = None
        self._renew: dict[int, Shard] = {}
        self._inbox_done: list[tuple[int, int]] = []
        self._work = Signal()
        self._ready = Signal()

    def __len__(self) -> int:
        """How many executions wait for a turn."""
        return len(self._gathering)

    def enqueue(self, resident: Resident) -> None:
        """Give it a turn when there is something to do and nothing in flight (R5)."""
        if resident.pending and not resident.in_flight and not resident.gone:
            self._gathering.push(resident)
            self._work.set()
            self._ready.set()

    def _wake_after(self, seconds: float) -> None:
        """Look again then: somebody waits whose turn would have been too early now."""
        if self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_later(seconds, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._wake()

    def _wake(self) -> None:
        self._work.set()
        self._ready.set()

    def renew(self, shard: Shard) -> None:
        """Renew a lease by an empty commit if no other commit does."""
        self._renew[shard.number] = shard
        self._work.set()

    def drop_inbox_row(self, shard: int, row_id: int) -> None:
        """An inbox row is dealt with: let the next commit remove it."""
        self._inbox_done.append((shard, row_id))
        self._work.set()

    async def run(self) -> None:
        """Commit batch after batch, for ever, and take turns while Postgres writes."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._commit_for_ever())
            group.create_task(self._gather_for_ever())

    async def _commit_for_ever(self) -> None:
        while True:
            await self._work.wait()
            while await self._commit_once():
                pass

    async def _gather_for_ever(self) -> None:
        while True:
            await self._ready.wait()
            self._gathering.gather()

    async def _commit_once(self) -> bool:
        """Commit what was gathered and what is ready now; False when nothing was to be done."""
        self._gathering.gather()
        turns = self._gathering.hand_over()
        batch, guarded = self._batch(turns)
        if not guarded:
            return bool(turns)
        started = self._clock.monotonic()
        for shard in guarded:
            shard.in_flight = True
        try:
            committed = await self._store.commit(batch, self._settings.lease_seconds)
        except Exception as problem:
            # The top of the loop over commits: whatever went wrong, nobody knows whether the batch is in (R7).
            log.warning("no answer to a commit of %d shards: %r", len(guarded), problem)
            self._suspect(turns)
            self._give_up(turns, guarded, True)
            return True
        self._database_clock.learn(committed.now_ms)
        self._observer.committed(self._clock.monotonic() - started, len(turns))
        self._settle(turns, guarded, committed.shards, started)
        return True

    # before the commit

    def _batch(self, turns: list[Turn]) -> tuple[Batch, list[Shard]]:
        owned = self._shards.owned
        guarded = {number: shard for number, shard in self._renew.items() if owned.get(number) is shard}
        self._renew.clear()
        inbox_done, self._inbox_done = [row for row in self._inbox_done if row[0] in owned], []
        pages: list[tuple[int, UUID, Page]] = []
        batch = Batch([], pages, inbox_done=inbox_done)
        for number, _ in inbox_done:
            guarded[number] = owned[number]
        for turn in turns:
            number = turn.resident.shard
            if number not in guarded:
                guarded[number] = owned[number]
            if turn.page is not None:
                pages.append((number, turn.resident.id, turn.page))
            if turn.change is not None:
                batch.changes.append((number, turn.change))
            inbox_done.extend((number, d.inbox_id) for d in turn.deliveries if d.inbox_id)
        batch.guards = [guarded[number].tenure for number in sorted(guarded)]
        return batch, list(guarded.values())

    # after the commit

    def _settle(self, turns: list[Turn], guarded: list[Shard], accepted: frozenset[int], started: float) -> None:
        refused = []
        for shard in guarded:
            shard.in_flight = False
            if shard.number in accepted:
                shard.seq += 1
                shard.renewed = started
            else:
                refused.append(shard)
        if refused:
            self._give_up([t for t in turns if t.resident.shard not in accepted], refused, False)
        for turn in turns:
            if turn.resident.shard in accepted:
                self._after(turn)
        self._caution.succeeded(turn.resident.key for turn in turns)
        self._publisher.flush()
        self._settled()

    def _after(self, turn: Turn) -> None:
        """The turn is in the store: publish it, and let its execution go on, wait, or leave memory."""
        resident = turn.resident
        resident.in_flight = False
        self._publisher.publish(turn)
        if turn.change is not None:
            resident.row_wake_ms = turn.change.wake_at_ms or 0
        if turn.page is not None:
            self._observer.turn(turn)
            if self._on_committed is not None:
                self._on_committed(resident.revision, resident.execution, turn.page)
        self._rest(resident)

    def _nothing_to_commit(self, turn: Turn) -> None:
        """What reached the execution was stale."""
        self._publisher.publish(turn)
        self._rest(turn.resident)

    def _rest(self, resident: Resident) -> None:
        """Nothing is in flight any more."""
        if resident.pending:
            self.enqueue(resident)
        elif resident.execution.ended:
            self._shards.remove(resident)
        elif resident.row_wake_ms > resident.last_ms:
            self._shards.park(resident)
        else:
            self._shards.unpark(resident)

    def _suspect(self, turns: list[Turn]) -> None:
        """One row of a batch may be what the store cannot take."""
        proven = self._caution.failed([turn.resident.key for turn in turns])
        if proven is not None:
            log.error("execution %s cannot be committed and is put aside", UUID(bytes=proven))
            self._observer.broken()
            self._quarantine(proven)

    def _give_up(self, turns: list[Turn], shards: list[Shard], unknown: bool) -> None:
        """Forget shards that another owns now, or whose commit may be in or not (R7)."""
        for shard in shards:
            shard.in_flight = False
        for turn in turns:
            turn.resident.pending = turn.deliveries + turn.resident.pending
        self._gathering.return_deliveries([shard.number for shard in shards])
        self._step_down(shards, unknown)
        self._publisher.flush()
        self._settled()
