"""Suspicion: a worker that has been silent for its lease, while we could listen all the time, is lost (R15)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from services.broker.interface import Broker
from services.runtime.clock import Clock
from services.runtime.faults import Fault
from services.scheduler.incarnations import Incarnations

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 1.0
_PAUSE_SECONDS: Final = 2.0


class Suspicion:
    """Looks once a second; the verdict falls at the second look in a row, with all our queues empty in between.

    Args:
        queues: where results may still wait.
        lost: called with each lost incarnation.
    """

    def __init__(
        self,
        broker: Broker,
        clock: Clock,
        incarnations: Incarnations,
        lease_seconds: float,
        queues: Callable[[], list[str]],
        lost: Callable[[str], None],
    ) -> None:
        """Nobody is suspected."""
        self._broker = broker
        self._clock = clock
        self._incarnations = incarnations
        self._lease_seconds = lease_seconds
        self._queues = queues
        self._lost = lost
        self._suspects: set[str] = set()

    async def run(self, also: Callable[[], Awaitable[None]]) -> None:
        """Look every second, for ever; `also` is whatever else happens as often."""
        while True:
            before = self._clock.monotonic()
            await self._clock.sleep(_LOOK_SECONDS)
            now = self._clock.monotonic()
            if now - before > _LOOK_SECONDS + _PAUSE_SECONDS:
                # We were paused ourselves; the beats of that time wait in our queue.
                self._incarnations.excuse(now)
            try:
                await self.look()
                await also()
            except Fault as fault:
                log.warning("the broker cannot be asked: %s", fault)

    async def look(self) -> None:
        """Suspect the silent, and give up those suspected before."""
        if self._broker.connected_seconds() < self._lease_seconds:
            self._suspects.clear()
            return
        silent = self._incarnations.silent(self._clock.monotonic())
        if not silent:
            self._suspects.clear()
            return
        for queue in self._queues():
            if await self._broker.length(queue):
                return
        still = set(self._incarnations.silent(self._clock.monotonic()))
        for incarnation in silent:
            if incarnation in self._suspects and incarnation in still:
                self._incarnations.forget(incarnation)
                self._lost(incarnation)
        self._suspects = still
