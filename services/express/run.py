"""One express execution in memory: the engine's turns, its timers and its calls, until it has ended.

Everything happens on the event loop, except that a turn that may take long is advanced on a thread: what reaches the
execution meanwhile waits for its next turn.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from engine.advance import advance
from engine.execution.effect import GoOn, GrantTask, OfferTask, WakeAt, effects
from engine.execution.execution import Execution
from engine.execution.frame import Attempt
from engine.execution.held import held_bytes
from engine.execution.step import Step
from engine.execution.stimulus import (
    BudgetExceeded,
    CallDropped,
    Continue,
    ExecutionTimerDue,
    Start,
    Stimulus,
    TaskFailed,
    TaskStarted,
    TaskSucceeded,
    TimerDue,
)
from engine.failure import DATA_LIMIT_EXCEEDED, RUNTIME
from engine.payload import JsonError, Payload
from services.express.aside import Aside
from services.express.memory import LaneMemory
from services.integrations.attempt_call import call_of
from services.integrations.interface import Call, Failed, Integrations, Submitted
from services.runtime.clock import Clock
from services.runtime.ids import Ids

_INCARNATION: Final = "express"
_MEMORY_LOOKS_PER_FRAME: Final = 0.25


class Run:
    """Drives one execution; nothing is stored."""

    __slots__ = (
        "_advancing",
        "_aside",
        "_bytes_max",
        "_calls",
        "_clock",
        "_held_bytes",
        "_ids",
        "_integrations",
        "_look_after",
        "_loop",
        "_memory",
        "_on_broken",
        "_on_end",
        "_on_turn",
        "_over",
        "_timers",
        "_waiting",
        "execution",
    )  # fmt: skip

    def __init__(
        self,
        execution: Execution,
        integrations: Integrations,
        clock: Clock,
        ids: Ids,
        memory: LaneMemory,
        aside: Aside,
        bytes_max: int,
        on_turn: Callable[[Step], None] | None,
        on_end: Callable[[Execution], None],
        on_broken: Callable[[Exception], None],
    ) -> None:
        """Keep what it needs.

        Args:
            execution: not started yet.
            integrations: what its tasks call, in this process.
            clock, ids: time and randomness.
            memory: what all executions of the lane hold.
            aside: advances turns that may take long.
            bytes_max: memory budget of this one's payloads.
            on_turn: told every turn, for the log.
            on_end: told once, when the execution has ended.
            on_broken: told instead, if an invariant of ours broke; the execution has no end then.
        """
        self.execution = execution
        self._memory = memory
        self._aside = aside
        self._advancing = False
        self._waiting: deque[Stimulus] = deque()
        self._held_bytes = 0
        self._integrations = integrations
        self._clock = clock
        self._ids = ids
        self._bytes_max = bytes_max
        self._on_turn = on_turn
        self._on_end = on_end
        self._on_broken = on_broken
        self._loop = asyncio.get_running_loop()
        self._calls: dict[str, tuple[bytes, asyncio.Task[None]]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._look_after = 0.0
        self._over = False

    def begin(self) -> None:
        """Make the first turn at once; an execution of plain states has ended when this returns."""
        self._hold(self.execution.origin.input.size_bytes)
        self._turn(Start())
        if not self._over:
            self._arm("", self.execution.deadline_ms, ExecutionTimerDue())

    def abandon(self) -> None:
        """Stop without an end: the lane is going away and the execution will be started again elsewhere."""
        self._forget()

    def _turn(self, stimulus: Stimulus) -> None:
        if self._over:
            return
        if self._advancing:
            self._waiting.append(stimulus)
            return
        machine = self.execution.origin.machine_arn
        step = Step(self.execution, self._clock.now_ms(), self._ids.entropy)
        if self._aside.expects_slow(machine, self.execution.program):
            self._advancing = True
            self._aside.take(machine, lambda: advance(step, stimulus), lambda problem: self._advanced(step, problem))
            return
        begun = self._clock.monotonic()
        try:
            advance(step, stimulus)
            self._conclude(step)
        except Exception as error:
            self._break(error)
        self._aside.took(machine, self._clock.monotonic() - begun)

    def _advanced(self, step: Step, problem: Exception | None) -> None:
        """A turn was advanced on the thread; then whatever came meanwhile has its turns."""
        self._advancing = False
        if self._over:
            return
        try:
            if problem is not None:
                raise problem
            self._conclude(step)
        except Exception as error:
            self._break(error)
        while self._waiting and not (self._advancing or self._over):
            self._turn(self._waiting.popleft())

    def _break(self, error: Exception) -> None:
        """The top of an execution's life: an invariant of ours that it breaks must not touch the others."""
        self._forget()
        self._on_broken(error)

    def _conclude(self, step: Step) -> None:
        """What follows from a turn: attempts of ours, the log, the end or the next effects."""
        execution = self.execution
        if not execution.ended:
            self._take_attempts(step)
            self._look_at_memory(step)
        if self._on_turn is not None and step.events:
            self._on_turn(step)
        if execution.ended:
            self._forget()
            self._on_end(execution)
        else:
            self._carry_out(step)

    def _take_attempts(self, step: Step) -> None:
        """Every offered attempt is ours: the lane is its own worker."""
        for effect in effects(self.execution, list(step.touched)):
            if isinstance(effect, OfferTask):
                token = effect.attempt.token
                advance(step, TaskStarted(effect.path, token, _INCARNATION, token))

    def _carry_out(self, step: Step) -> None:
        go_on = False
        for effect in effects(self.execution, step.touched):
            match effect:
                case WakeAt(due_ms, path, visit):
                    self._arm(path, due_ms, TimerDue(path, visit))
                case GrantTask(path):
                    if self._token_at(path) != effect.attempt.token:
                        self._call(effect)
                case GoOn():
                    go_on = True
                case _:
                    raise AssertionError("refused when the definition was created")
        if go_on:
            self._loop.call_soon(self._turn, Continue())
        if self._calls:
            self._cancel_stale_calls(self._calls if step.childless else step.touched)

    def _arm(self, path: str, due_ms: int, stimulus: Stimulus) -> None:
        """Each frame has one timer; a newer one replaces it, and none outlives the execution."""
        armed = self._timers.get(path)
        if armed is not None:
            armed.cancel()
        seconds = max(0, due_ms - self._clock.now_ms()) / 1000
        self._timers[path] = self._loop.call_later(seconds, self._fire, path, due_ms, stimulus)

    def _fire(self, path: str, due_ms: int, stimulus: Stimulus) -> None:
        """The loop's timers may be a millisecond early, and the engine knows only the clock: then wait for the rest."""
        if self._clock.now_ms() < due_ms:
            self._arm(path, due_ms, stimulus)
        else:
            self._turn(stimulus)

    def _call(self, effect: GrantTask) -> None:
        self._cancel_call(effect.path)
        # Made at once: a turn that is advanced on a thread may change the frames before the task begins.
        frame = self.execution.frames[effect.path]
        call = call_of(self.execution, frame, effect.state, effect.attempt, self._clock.now_ms())
        task = self._loop.create_task(self._make_call(effect, call))
        self._calls[effect.path] = effect.attempt.token, task
        task.add_done_callback(lambda done: self._report(done, effect))

    def _report(self, task: asyncio.Task[None], effect: GrantTask) -> None:
        """A fault of ours in the middle of a call must not leave the execution waiting for ever."""
        if task.cancelled() or task.exception() is None:
            return
        self._loop.call_exception_handler({"message": "a call broke", "exception": task.exception(), "task": task})
        self._call_is_over(effect.path, effect.attempt.token)
        cause = "The task could not be run because of a fault in the server; its log says more."
        self._turn(TaskFailed(effect.path, effect.attempt.token, RUNTIME, cause, effect.attempt.token))

    async def _make_call(self, effect: GrantTask, call: Call) -> None:
        attempt = effect.attempt
        try:
            # The same limit that the integration has, but ahead of it: whose time is up has timed out, not failed.
            async with asyncio.timeout(call.timeout_seconds) as limit:
                outcome = await self._integrations.call(call)
        except TimeoutError:
            if not limit.expired():
                raise
            self._call_is_over(effect.path, attempt.token)
            self._turn(CallDropped(effect.path, attempt.token, attempt.token))
            return
        self._call_is_over(effect.path, attempt.token)
        assert not isinstance(outcome, Submitted), "refused when the definition was created"
        if isinstance(outcome, Failed):
            self._turn(TaskFailed(effect.path, attempt.token, outcome.error, outcome.cause, attempt.token))
            return
        try:
            output = Payload.of_text(outcome.output)
        except JsonError as error:
            cause = f"The task's answer is not JSON: {error}"
            self._turn(TaskFailed(effect.path, attempt.token, RUNTIME, cause, attempt.token))
            return
        self._turn(TaskSucceeded(effect.path, attempt.token, output, attempt.token))

    def _token_at(self, path: str) -> bytes | None:
        found = self._calls.get(path)
        return None if found is None else found[0]

    def _call_is_over(self, path: str, token: bytes) -> None:
        if self._token_at(path) == token:
            del self._calls[path]

    def _cancel_call(self, path: str) -> None:
        found = self._calls.pop(path, None)
        if found is not None:
            found[1].cancel()

    def _cancel_stale_calls(self, paths: Iterable[str]) -> None:
        """Calls of branches that were aborted, and of attempts that timed out."""
        for path in list(paths):
            if path in self._calls:
                frame = self.execution.frames.get(path)
                waits = None if frame is None else frame.waits
                if not isinstance(waits, Attempt) or waits.token != self._token_at(path):
                    self._cancel_call(path)

    def _look_at_memory(self, step: Step) -> None:
        """Every few turns, the more frames the fewer, so that looking costs a wide Map no more than its own turns."""
        self._look_after -= 1
        if self._look_after > 0:
            return
        self._look_after = _MEMORY_LOOKS_PER_FRAME * len(self.execution.frames)
        self._hold(held_bytes(self.execution))
        if self._held_bytes > self._bytes_max:
            advance(step, BudgetExceeded(DATA_LIMIT_EXCEEDED, "The execution needs more memory than the lane allows."))

    def _hold(self, size_bytes: int) -> None:
        self._memory.held_bytes += size_bytes - self._held_bytes
        self._held_bytes = size_bytes

    def _forget(self) -> None:
        self._over = True
        self._hold(0)
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for _, task in self._calls.values():
            if task is not asyncio.current_task():
                task.cancel()
        self._calls.clear()
