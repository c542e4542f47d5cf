"""Tenures: taking shards, sharing them fairly with the other living schedulers, and giving them up.

The lease decides when one may take; the guard of every commit decides who may write (R1-R3). A tenure's id is random
and never used again, so whoever was deposed can never be mistaken for the owner (R2).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace

from services.runtime.clock import Clock
from services.runtime.faults import Fault
from services.runtime.ids import Ids
from services.scheduler.settings import SchedulerSettings
from services.scheduler.shard import Shard, Shards
from services.scheduler.signal import Signal
from services.store.interface import SchedulerStore
from services.store.records import ShardTenure

log = logging.getLogger(__name__)


class Tenures:
    """Keeps this scheduler's share of the shards.

    Args:
        name: the queue where this scheduler listens; its name among the schedulers.
        renew: asks a lane to renew a lease by an empty commit.
        changed: called after shards were taken or given up.
    """

    def __init__(
        self,
        store: SchedulerStore,
        shards: Shards,
        clock: Clock,
        ids: Ids,
        settings: SchedulerSettings,
        name: str,
        *,
        renew: Callable[[Shard], None],
        changed: Callable[[list[Shard]], None],
    ) -> None:
        """Nothing is owned."""
        self._store = store
        self._shards = shards
        self._clock = clock
        self._ids = ids
        self._settings = settings
        self._name = name
        self._renew = renew
        self._changed = changed
        self._unreleased: list[tuple[ShardTenure, float]] = []
        self._stopping = False
        self._settled = Signal()
        self._soon = Signal()

    async def run(self) -> None:
        """Look after the shards until `stop`."""
        while not self._stopping:
            try:
                await self.tick()
            except Fault as fault:
                log.warning("shards cannot be looked after: %s", fault)
            await self._soon.wait_at_most(self._clock, self._settings.tenure_seconds)

    def stop(self) -> None:
        """Let `run` end after what it is doing."""
        self._stopping = True
        self._soon.set()

    async def tick(self) -> None:
        """Register, renew what is idle, then take or give back until the share is fair."""
        lease = self._settings.lease_seconds
        living = await self._store.register_scheduler(self._name, lease)
        self._renew_idle()
        await self._release_given_up()
        share = -(-self._store.shards // max(1, living))
        surplus = len(self._shards.owned) - share
        if surplus > 0:
            await self.release(sorted(self._shards.owned.values(), key=lambda shard: -shard.number)[:surplus])
        elif surplus < 0:
            await self._take(-surplus)

    def give_up(self, shards: Iterable[Shard], unknown: bool) -> None:
        """Forget shards at once: their guard was refused, or (`unknown`) the answer to a commit was lost (R7).

        In the second case they may still be ours: they are released, so that a new tenure can begin without waiting
        for the lease. The store lets nothing of the old tenure in after that, and shows everything that was.
        """
        until = self._clock.monotonic() + self._settings.lease_seconds
        for shard in shards:
            self._shards.drop(shard)
            if unknown:
                self._unreleased.append((shard.tenure, until))
        self._changed([])
        self._soon.set()

    def settled(self) -> None:
        """A commit was answered; whoever waits for a shard to become idle looks again."""
        self._settled.set()

    async def release_all(self) -> None:
        """Give everything back and say that this scheduler lives no longer, so that the others' share grows."""
        await self._store.forget_scheduler(self._name)
        await self.release(list(self._shards.owned.values()))

    async def release(self, shards: list[Shard]) -> None:
        """Give shards back: no more turns, the commit in flight is awaited, then others may take them."""
        for shard in shards:
            shard.closing = True
        while any(shard.in_flight for shard in shards):
            await self._settled.wait()
        mine = [shard for shard in shards if self._shards.owned.get(shard.number) is shard]
        tenures = [shard.tenure for shard in mine]
        for shard in mine:
            self._shards.drop(shard)
        self._changed([])
        if tenures:
            await self._store.release_shards(tenures)

    def _renew_idle(self) -> None:
        """A lease that no commit has renewed for a third of its time gets an empty one."""
        idle_since = self._clock.monotonic() - self._settings.lease_seconds / 3
        for shard in self._shards.owned.values():
            if shard.renewed <= idle_since and not shard.in_flight:
                self._renew(shard)

    async def _release_given_up(self) -> None:
        """Release what was given up, again and again until it is surely over: a dying commit may hold the row still."""
        now = self._clock.monotonic()
        owned = self._shards.owned
        self._unreleased = [one for one in self._unreleased if one[1] > now and one[0].shard not in owned]
        if self._unreleased:
            tenures = [tenure for tenure, _ in self._unreleased]
            await self._store.release_shards(tenures)
            # The commit without an answer may be in, then the shard's number is one higher.
            await self._store.release_shards([replace(tenure, seq=tenure.seq + 1) for tenure in tenures])

    async def _take(self, count: int) -> None:
        owner = self._ids.uuid()
        tenures = await self._store.take_shards(owner, self._name, count, self._settings.lease_seconds)
        now = self._clock.monotonic()
        taken = [self._shards.take(tenure, now) for tenure in tenures if tenure.shard not in self._shards.owned]
        for shard in taken:
            self._renew(shard)  # an empty commit tells the database's time before the first timer is looked at (R21)
        if taken:
            log.info("took %d shards, %d owned", len(taken), len(self._shards.owned))
            self._changed(taken)
