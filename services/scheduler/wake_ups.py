"""Wake-ups: one heap of deadlines for everything in memory: timers, whole executions, messages to send again.

Each execution knows its own deadlines by key: "" for the whole execution, a frame's path for its timer, and the path
behind `RESEND` for a message that has to be sent again. A heap entry counts only while the execution still has that
very deadline, so changing one costs a push and forgetting one costs nothing; the dead are swept out now and then.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Final

from services.runtime.clock import Clock
from services.scheduler.database_clock import DatabaseClock
from services.scheduler.resident import Resident
from services.scheduler.signal import Signal

RESEND: Final = "~"
_SWEEP_FROM: Final = 1_024
_SLEEP_SECONDS_MAX: Final = 3_600.0


class WakeUps:
    """Calls `fire(resident, key, due_ms)` for every deadline that has come, on the database's clock."""

    def __init__(
        self,
        clock: Clock,
        database_clock: DatabaseClock,
        fire: Callable[[Resident, str, int], None],
        fired: Callable[[], None],
    ) -> None:
        """Nothing is armed; `fired` is called after a round of `fire`."""
        self._clock = clock
        self._now_ms = database_clock.now_ms
        self._fire = fire
        self._fired = fired
        self._heap: list[tuple[int, int, Resident, str]] = []
        self._number = 0
        self._dead = 0
        self._earlier = Signal()

    def __len__(self) -> int:
        """Entries in the heap, dead ones included."""
        return len(self._heap)

    def arm(self, resident: Resident, key: str, due_ms: int) -> None:
        """Set or move a deadline."""
        old = resident.deadlines.get(key)
        if old == due_ms:
            return
        if old is not None:
            self._dead += 1
        resident.deadlines[key] = due_ms
        self._number += 1
        entry = (due_ms, self._number, resident, key)
        heapq.heappush(self._heap, entry)
        if self._heap[0] is entry:
            self._earlier.set()

    def disarm(self, resident: Resident, key: str) -> None:
        """Forget a deadline, if there is one."""
        if resident.deadlines.pop(key, None) is not None:
            self._dead += 1

    def forget(self, resident: Resident) -> None:
        """Forget all deadlines of an execution."""
        self._dead += len(resident.deadlines)
        resident.deadlines.clear()
        if self._dead > _SWEEP_FROM and self._dead * 2 > len(self._heap):
            self._sweep()

    def fire_due(self) -> None:
        """Fire every deadline that has come."""
        now_ms = self._now_ms()
        heap = self._heap
        while heap and heap[0][0] <= now_ms:
            due_ms, _, resident, key = heapq.heappop(heap)
            if resident.deadlines.get(key) == due_ms:
                del resident.deadlines[key]
                self._fire(resident, key, due_ms)
            else:
                self._dead -= 1
        self._fired()

    async def run(self) -> None:
        """Sleep until the next deadline, for ever."""
        while True:
            await self._earlier.wait_at_most(self._clock, self._seconds_left())
            self.fire_due()

    def _seconds_left(self) -> float:
        if not self._heap:
            return _SLEEP_SECONDS_MAX
        # One millisecond more than it looks: rounding down must not make the loop spin.
        return min(_SLEEP_SECONDS_MAX, max(0, self._heap[0][0] - self._now_ms()) / 1000 + 0.001)

    def _sweep(self) -> None:
        self._heap[:] = [entry for entry in self._heap if entry[2].deadlines.get(entry[3]) == entry[0]]
        heapq.heapify(self._heap)
        self._dead = 0
