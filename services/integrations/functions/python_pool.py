"""The subprocesses of all Python functions: used again, bounded in number, started as fast as the load asks for."""

from __future__ import annotations

import asyncio
import os
from collections import Counter, deque
from dataclasses import dataclass
from typing import Final

from services.integrations.functions.python_process import PythonProcess, Reply, Request
from services.integrations.functions.targets import PythonTarget
from services.runtime.clock import Clock

GROWTH_SECONDS: Final = 0.01
PATIENCE_SECONDS: Final = 0.2
FAIRNESS_SECONDS: Final = 1.0
SWEEP_SECONDS: Final = 15.0
SPARE_SECONDS: Final = 60.0
IDLE_SECONDS: Final = 600.0
"""How long a process may idle: the last one of its target, and `SPARE_SECONDS` for the others."""


@dataclass(slots=True, eq=False)
class _Waiter:
    """An invocation without a process; it gets one, or None: leave to start one."""

    target: PythonTarget
    since: float
    turn: asyncio.Future[PythonProcess | None]


class PythonPool:
    """Hands each invocation a process of its target.

    The first processes of a target (one per core) start at once; more only when the line is long for what a call takes,
    so that short functions keep to few processes and long ones spread. At the bound, idle ones of others make room.
    """

    def __init__(self, clock: Clock, processes_max: int | None = None) -> None:
        """No process yet."""
        cores = os.cpu_count() or 1
        self._clock = clock
        self._processes_max = processes_max or max(16, 4 * cores)
        self._eager = min(cores, self._processes_max)
        self._count: dict[PythonTarget, int] = {}
        self._seconds: dict[PythonTarget, float] = {}
        self._total = 0
        self._idle: dict[PythonTarget, list[tuple[float, PythonProcess]]] = {}
        self._waiters: deque[_Waiter] = deque()
        self._growth: asyncio.TimerHandle | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._living: set[PythonProcess] = set()

    async def invoke(self, target: PythonTarget, request: Request) -> Reply:
        """Run one event. Cancelling kills the process that runs it.

        Raises:
            FunctionCrashed: the process ended without an answer.
        """
        process = self._take_idle(target)
        if process is None:
            turned = await self._wait_for_turn(target)
            if turned is None:
                turned, problem = await self._start(target)
                if problem is not None:
                    return problem
            process = turned
        try:
            reply = await process.invoke(request)
            known = self._seconds.get(target, reply.seconds)
            self._seconds[target] = known + 0.2 * (reply.seconds - known)
            return reply
        finally:
            self._put_back(process)

    async def warm(self, target: PythonTarget) -> None:
        """Start one process ahead of the first event."""
        if self._grows(target):
            process, problem = await self._start(target)
            if problem is None:
                self._put_back(process)

    async def close(self) -> None:
        """Kill all processes."""
        for handle in (self._growth, self._sweep):
            if handle is not None:
                handle.cancel()
        for waiter in self._waiters:
            waiter.turn.cancel()
        for process in list(self._living):
            process.kill()
        self._living.clear()

    def _take_idle(self, target: PythonTarget) -> PythonProcess | None:
        idle = self._idle.get(target)
        while idle:
            _, process = idle.pop()
            if process.alive:
                return process
            self._gone(process)
        return None

    async def _wait_for_turn(self, target: PythonTarget) -> PythonProcess | None:
        """A process that became free, or None: the place for a new one is reserved."""
        if self._count.get(target, 0) < self._eager and self._grows(target):
            return None
        waiter = _Waiter(target, self._clock.monotonic(), asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        self._watch_growth()
        try:
            return await waiter.turn
        except asyncio.CancelledError:
            self._give_turn_back(waiter)
            raise

    def _give_turn_back(self, waiter: _Waiter) -> None:
        if waiter in self._waiters:
            self._waiters.remove(waiter)
        elif waiter.turn.done() and not waiter.turn.cancelled():
            process = waiter.turn.result()
            if process is None:
                self._release(waiter.target)
            else:
                self._put_back(process)

    async def _start(self, target: PythonTarget) -> tuple[PythonProcess, Reply | None]:
        """Start a process in the reserved place; the reply says why the handler could not be loaded."""
        process = PythonProcess(target)
        self._living.add(process)
        try:
            reply = await process.start()
        except BaseException:
            self._gone(process)
            raise
        if reply.failed:
            process.kill()
            self._gone(process)
            return process, reply
        return process, None

    def _put_back(self, process: PythonProcess) -> None:
        """Give a process to who waits, or keep it."""
        if not process.alive:
            self._gone(process)
            return
        waiter = self._next_waiter(process.target)
        if waiter is None:
            self._idle.setdefault(process.target, []).append((self._clock.monotonic(), process))
            self._watch_idle()
        elif waiter.target == process.target:
            waiter.turn.set_result(process)
        else:
            self._idle.setdefault(process.target, []).append((self._clock.monotonic(), process))
            assert self._grows(waiter.target)
            waiter.turn.set_result(None)

    def _next_waiter(self, target: PythonTarget) -> _Waiter | None:
        """The oldest of the same target, unless another has waited too long and the bound is reached."""
        oldest: _Waiter | None = None
        same: _Waiter | None = None
        for waiter in self._waiters:
            if waiter.turn.done():
                continue
            oldest = oldest or waiter
            if waiter.target == target:
                same = waiter
                break
        chosen = same or oldest
        if oldest is not None and self._clock.monotonic() - oldest.since > FAIRNESS_SECONDS:
            chosen = oldest
        if chosen is not None:
            self._waiters.remove(chosen)
        return chosen

    def _watch_growth(self) -> None:
        if self._growth is None and self._waiters:
            self._growth = asyncio.get_running_loop().call_later(GROWTH_SECONDS, self._grow)

    def _grow(self) -> None:
        """Somebody has waited for a moment: let the oldest start a process, if that helps and there may be one."""
        self._growth = None
        lines = Counter(waiter.target for waiter in self._waiters)
        for waiter in list(self._waiters):
            if self._is_slow(waiter, lines[waiter.target]) and not waiter.turn.done() and self._grows(waiter.target):
                self._waiters.remove(waiter)
                waiter.turn.set_result(None)
                break
        self._watch_growth()

    def _is_slow(self, waiter: _Waiter, line: int) -> bool:
        """Would its line take long? A busy event loop makes everybody wait; more processes do not help against that."""
        running = self._count.get(waiter.target, 0)
        seconds = self._seconds.get(waiter.target)
        if not running or seconds is None or line * seconds / running > GROWTH_SECONDS:
            return True
        return self._clock.monotonic() - waiter.since > PATIENCE_SECONDS

    def _grows(self, target: PythonTarget) -> bool:
        """Reserve a place for one more process, at the cost of an idle one of another target if need be."""
        if self._total >= self._processes_max and not self._end_oldest_idle():
            return False
        self._total += 1
        self._count[target] = self._count.get(target, 0) + 1
        return True

    def _end_oldest_idle(self) -> bool:
        candidates = [(idle[0][0], target) for target, idle in self._idle.items() if idle]
        if not candidates:
            return False
        _, target = min(candidates, key=lambda candidate: candidate[0])
        _, process = self._idle[target].pop(0)
        process.kill()
        self._gone(process)
        return True

    def _gone(self, process: PythonProcess) -> None:
        if process in self._living:
            self._living.discard(process)
            self._release(process.target)

    def _release(self, target: PythonTarget) -> None:
        self._total -= 1
        self._count[target] -= 1
        if not self._count[target]:
            del self._count[target]
            self._idle.pop(target, None)
            self._seconds.pop(target, None)
        self._watch_growth()

    def _watch_idle(self) -> None:
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._end_idle)

    def _end_idle(self) -> None:
        """End processes that nobody needed for long."""
        self._sweep = None
        now = self._clock.monotonic()
        for idle in list(self._idle.values()):
            while idle and now - idle[0][0] > (SPARE_SECONDS if len(idle) > 1 else IDLE_SECONDS):
                _, process = idle.pop(0)
                process.kill()
                self._gone(process)
        if any(self._idle.values()):
            self._watch_idle()
