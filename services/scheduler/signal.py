"""A signal that wakes one waiting coroutine; given twice before it is seen, it wakes once."""

from __future__ import annotations

import asyncio

from services.runtime.clock import Clock


class Signal:
    """Set from anywhere on the loop, awaited by one coroutine."""

    def __init__(self) -> None:
        """Not given yet."""
        self._event = asyncio.Event()

    def set(self) -> None:
        """Give it."""
        self._event.set()

    async def wait(self) -> None:
        """Return when it is given, and take it."""
        await self._event.wait()
        self._event.clear()

    async def wait_at_most(self, clock: Clock, seconds: float) -> None:
        """Return when it is given or the time has passed, and take it."""
        if not self._event.is_set() and seconds > 0:
            waiter = asyncio.ensure_future(self._event.wait())
            sleeper = asyncio.ensure_future(clock.sleep(seconds))
            try:
                await asyncio.wait((waiter, sleeper), return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiter.cancel()
                sleeper.cancel()
        self._event.clear()
