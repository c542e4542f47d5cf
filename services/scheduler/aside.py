"""Turns that may take long are advanced on a thread, one at a time, so that nobody else waits for them.

An expression may work for about a second before its budget ends it. On the event loop that second would be everybody's:
leases, commits and answers wait. On a thread it is shared: the loop gets its part of the time every few milliseconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from services.scheduler.resident import Resident
from services.scheduler.turn import OpenTurn, Turns

RunAside: TypeAlias = Callable[[Callable[[OpenTurn], None], OpenTurn], Awaitable[None]]
"""Calls the function with the turn, on a thread where that is possible."""


class Aside:
    """The one turn that is being advanced on a thread."""

    def __init__(
        self,
        turns: Turns,
        run: RunAside,
        monotonic: Callable[[], float],
        advanced: Callable[[OpenTurn, float, Exception | None], None],
    ) -> None:
        """`advanced` is told of every turn: how many seconds it took, and what went wrong, if anything did."""
        self._turns = turns
        self._run = run
        self._monotonic = monotonic
        self._advanced = advanced
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a turn is being advanced."""
        return self._task is not None

    def take(self, resident: Resident, now_ms: int) -> None:
        """Open a turn and advance it; until `advanced` hears of it the execution counts as one in flight."""
        assert self._task is None, "one turn at a time"
        opened = self._turns.open(resident, now_ms)
        resident.in_flight = True
        self._task = asyncio.create_task(self._advance(opened), name="a turn that may take long")

    async def _advance(self, opened: OpenTurn) -> None:
        begun = self._monotonic()
        problem: Exception | None = None
        try:
            await self._run(self._turns.advance, opened)
        except Exception as error:
            # Whoever asked is told: a broken invariant of one execution must not stop the others.
            problem = error
        self._task = None
        opened.resident.in_flight = False
        self._advanced(opened, self._monotonic() - begun, problem)
