"""The queue inside one process, for `stepwell up` without a Redis server: it ends with the process."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Sequence

from services.express.start import ExpressStart


class MemoryQueue:
    """Starts in memory."""

    def __init__(self) -> None:
        """Empty."""
        self._waiting: deque[ExpressStart] = deque()
        self._held: dict[str, dict[bytes, ExpressStart]] = {}
        self._dead: deque[ExpressStart] = deque()
        self._arrived = asyncio.Event()

    async def put(self, starts: Sequence[ExpressStart]) -> int:
        """Keep them."""
        self._waiting.extend(starts)
        self._arrived.set()
        return len(self._waiting)

    async def take(self, lane: str, count: int, wait_seconds: float) -> list[ExpressStart]:
        """The oldest ones; waits for the next when there is none."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        taken = [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]
        held = self._held.setdefault(lane, {})
        for start in taken:
            start.deliveries += 1
            held[start.id] = start
        return taken

    async def strays(self, lane: str, known: Collection[bytes]) -> list[ExpressStart]:
        """Answers are not lost here."""
        return []

    async def done(self, lane: str, ids: Sequence[bytes]) -> None:
        """Forget them."""
        held = self._held.get(lane, {})
        for one in ids:
            held.pop(one, None)

    async def bury(self, lane: str, starts: Sequence[ExpressStart]) -> None:
        """Keep them apart."""
        held = self._held.get(lane, {})
        for start in starts:
            held.pop(start.id, None)
        self._dead.extend(starts)

    async def give_up(self, lane: str, ids: Sequence[bytes]) -> None:
        """First in line again."""
        held = self._held.get(lane, {})
        self._waiting.extendleft(held.pop(one) for one in ids if one in held)
        self._arrived.set()

    async def hand_back(self, lane: str) -> int:
        """First in line again, the delivery not counted."""
        held = self._held.pop(lane, {})
        for start in held.values():
            start.deliveries -= 1
            start.returns += 1
            self._waiting.appendleft(start)
        self._arrived.set()
        return len(held)

    async def beat(self, lane: str, lease_seconds: float) -> None:
        """The lanes live as long as the process."""

    async def return_orphans(self) -> int:
        """There are none."""
        return 0

    async def length(self) -> int:
        """How many wait."""
        return len(self._waiting)

    async def dead(self, count: int) -> list[ExpressStart]:
        """The oldest dead letters."""
        return list(self._dead)[:count]

    async def requeue_dead(self) -> int:
        """Start counting their deliveries anew."""
        dead, self._dead = self._dead, deque()
        for start in dead:
            start.deliveries, start.returns, start.reason = 0, start.returns + 1, ""
        await self.put(dead)
        return len(dead)

    async def close(self) -> None:
        """Nothing to disconnect."""
