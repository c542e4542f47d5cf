"""A fair share of the event loop for work that could go on for ever: as long as the others took, then they again.

Under a flood of requests every turn of the loop is long, and whoever does a fixed small piece in each falls behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

_LEAST_SECONDS: Final = 0.005
_MOST_SECONDS: Final = 0.1


class LoopShare:
    """Counts the time of one worker on the loop."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """The first turn is a short one."""
        self._monotonic = monotonic
        self._until = monotonic() + _LEAST_SECONDS

    async def pause_if_used_up(self) -> None:
        """Let the others run, if this worker has had its time."""
        if self._monotonic() >= self._until:
            await self.pause()

    async def pause(self) -> None:
        """Let the others run; what they take is what the next turn may take."""
        left = self._monotonic()
        await asyncio.sleep(0)
        now = self._monotonic()
        self._until = now + min(max(now - left, _LEAST_SECONDS), _MOST_SECONDS)
