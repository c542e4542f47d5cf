"""Express turns that may take long are advanced on a thread, one at a time, so that nobody else waits for them.

Decision 0009 says why. Turns of state machines that have proved slow wait for those that have not; among themselves
they come in the order in which they were asked for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

from engine.asl.model import Program
from services.runtime.pace import Pace
from services.runtime.run_aside import RunAside

_Done: TypeAlias = Callable[[Exception | None], None]
_Work: TypeAlias = tuple[str, Callable[[], None], _Done]

REST_SHARE: Final = 0.25
"""How long the thread rests after a slow turn, in parts of what it took: that time is everybody else's alone."""


class Aside:
    """The thread for turns that may take long, and who waits for it; the lanes of a process share one."""

    def __init__(self, monotonic: Callable[[], float], run: RunAside = asyncio.to_thread) -> None:
        """Nobody is known, nobody waits."""
        self._monotonic = monotonic
        self._run = run
        self._pace: Pace[str] = Pace()
        self._new: deque[_Work] = deque()
        self._slow: deque[_Work] = deque()
        self._task: asyncio.Task[None] | None = None

    def expects_slow(self, machine: str, program: Program) -> bool:
        """Whether the next turn of a state machine may take long; `machine` is its ARN."""
        pace = self._pace
        if not pace.knows(machine):
            pace.meet(machine, program.uses_jsonata)
            pace.trim(kept=lambda _: False)
        return pace.is_slow(machine)

    def took(self, machine: str, seconds: float) -> None:
        """Learn from a turn that was not taken here."""
        self._pace.took(machine, seconds)

    def take(self, machine: str, work: Callable[[], None], done: _Done) -> None:
        """Do work on the thread, then tell on the event loop that it is done, and what went wrong, if anything did."""
        (self._slow if self._pace.proved_slow(machine) else self._new).append((machine, work, done))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work(), name="express turns that may take long")

    async def _work(self) -> None:
        try:
            while waiting := self._new or self._slow:
                machine, work, done = waiting.popleft()
                begun, problem = self._monotonic(), None
                try:
                    await self._run(work)
                except Exception as error:
                    # Whoever asked is told: a broken invariant of one execution must not stop the others.
                    problem = error
                seconds = self._monotonic() - begun
                slow = self._pace.took(machine, seconds)
                done(problem)
                if slow:
                    await asyncio.sleep(REST_SHARE * seconds)
        finally:
            self._task = None
