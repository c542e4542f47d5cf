"""One express execution in memory: the engine's turns, its timers and its calls, until it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from engine.advance import advance
from engine.execution.effect import GrantTask, OfferTask, PollJob, StartMapRun, WakeAt, effects
from engine.execution.execution import Execution
from engine.execution.frame import Attempt
from engine.execution.step import Step
from engine.execution.stimulus import (
    BudgetExceeded,
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
from services.integrations.attempt_call import call_of
from services.integrations.interface import Failed, Integrations, Submitted
from services.runtime.clock import Clock
from services.runtime.ids import Ids

_INCARNATION = "express"


class Run:
    """Drives one execution. Everything happens on the event loop; nothing is stored."""

    __slots__ = ("_bytes_max", "_calls", "_clock", "_deadline", "_ids", "_integrations", "_loop", "_on_end", "_on_turn",
                 "execution")  # fmt: skip

    def __init__(
        self,
        execution: Execution,
        integrations: Integrations,
        clock: Clock,
        ids: Ids,
        bytes_max: int,
        on_turn: Callable[[Step], None],
        on_end: Callable[[Execution], None],
    ) -> None:
        """Keep what it needs.

        Args:
            execution: not started yet.
            integrations: what its tasks call, in this process.
            clock, ids: time and randomness.
            bytes_max: memory budget of its payloads.
            on_turn: told every turn, for the log.
            on_end: told once, when the execution has ended.
        """
        self.execution = execution
        self._integrations = integrations
        self._clock = clock
        self._ids = ids
        self._bytes_max = bytes_max
        self._on_turn = on_turn
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._calls: dict[bytes, asyncio.Task[None]] = {}
        self._deadline: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Make the first turn at once; an execution of plain states has ended when this returns."""
        self._turn(Start())
        if not self.execution.ended:
            self._deadline = self._call_at(self.execution.deadline_ms, ExecutionTimerDue())

    def abandon(self) -> None:
        """Stop without an end: the lane is going away and the execution will be started again elsewhere."""
        self._forget()

    def _turn(self, stimulus: Stimulus) -> None:
        execution = self.execution
        if execution.ended:
            return
        step = Step(execution, self._clock.now_ms(), self._ids.entropy)
        advance(step, stimulus)
        if not step.execution.ended:
            self._take_attempts(step)
            if len(execution.frames) > 1 or step.events:
                self._check_memory(step)
        if not step.empty:
            self._on_turn(step)
        if step.execution.ended:
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
        for effect in effects(self.execution, step.touched):
            match effect:
                case WakeAt(due_ms, path, visit):
                    self._call_at(due_ms, TimerDue(path, visit))
                case GrantTask(path):
                    if effect.attempt.token not in self._calls:
                        self._call(effect)
                case PollJob() | StartMapRun() | OfferTask():
                    raise AssertionError("refused when the definition was created")
                case _:
                    self._loop.call_soon(self._turn, Continue())
        self._cancel_stale_calls()

    def _call_at(self, due_ms: int, stimulus: Stimulus) -> asyncio.TimerHandle:
        seconds = max(0, due_ms - self._clock.now_ms()) / 1000
        return self._loop.call_later(seconds, self._turn, stimulus)

    def _call(self, effect: GrantTask) -> None:
        token = effect.attempt.token
        task = self._loop.create_task(self._make_call(effect))
        self._calls[token] = task
        task.add_done_callback(lambda done: self._report(done, effect))

    def _report(self, task: asyncio.Task[None], effect: GrantTask) -> None:
        """A fault of ours in the middle of a call must not leave the execution waiting for ever."""
        if task.cancelled() or task.exception() is None:
            return
        self._loop.call_exception_handler({"message": "a call broke", "exception": task.exception(), "task": task})
        self._calls.pop(effect.attempt.token, None)
        cause = "The task could not be run because of a fault in the server; its log says more."
        self._turn(TaskFailed(effect.path, effect.attempt.token, RUNTIME, cause, effect.attempt.token))

    async def _make_call(self, effect: GrantTask) -> None:
        attempt = effect.attempt
        call = call_of(self.execution, self.execution.frames[effect.path], effect.state, attempt, self._clock.now_ms())
        outcome = await self._integrations.call(call)
        self._calls.pop(attempt.token, None)
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

    def _cancel_stale_calls(self) -> None:
        """Calls of branches that were aborted, and of attempts that timed out."""
        if not self._calls:
            return
        frames = self.execution.frames.values()
        live = {frame.waits.token for frame in frames if isinstance(frame.waits, Attempt)}
        for token in [token for token in self._calls if token not in live]:
            self._calls.pop(token).cancel()

    def _check_memory(self, step: Step) -> None:
        held = sum(frame.input.size_bytes for frame in self.execution.frames.values())
        if held > self._bytes_max:
            advance(step, BudgetExceeded(DATA_LIMIT_EXCEEDED, "The execution needs more memory than the lane allows."))

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        for task in self._calls.values():
            if task is not asyncio.current_task():
                task.cancel()
        self._calls.clear()
