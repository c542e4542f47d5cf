"""A trial: one state on its own, as TestState runs it, with every value on the way shown.

The state's own code runs; only what it would wait for is answered by the host: a task's result, or a mock.
Source: recordings of TestState at all inspection levels, with mocks, contexts and state configurations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.asl.model import MapState, ParallelState, Program, TaskState, WaitState, WorkState
from engine.execution.execution import Execution, Origin
from engine.execution.frame import ROOT, Attempt, Children, Frame, Ready, Until
from engine.execution.outcome import Done, Failed, Outcome
from engine.execution.step import Step
from engine.expressions.scope import Entropy
from engine.failure import StateError
from engine.payload import Payload
from engine.states import dispatch, task_state, wait_state
from engine.states.data_flow import View, caught, finish, leave, select_result
from engine.states.map_trial import ReadItems, Tolerance, enter_map
from engine.states.retry import delay_seconds, error_output, first_match

Status = Literal["SUCCEEDED", "FAILED", "RETRIABLE", "CAUGHT_ERROR"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the trial ended.

    Attributes:
        status: as TestState names it.
        output: SUCCEEDED and CAUGHT_ERROR only.
        error, cause: all but SUCCEEDED.
        next_state: where control would go; None at an end.
        inspection: value by AWS's member name; payloads, numbers, and `errorDetails` as an object.
    """

    status: Status
    output: Payload | None = None
    error: str | None = None
    cause: str | None = None
    next_state: str | None = None
    inspection: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Configuration:
    """TestState's stateConfiguration; `read_items` finds the items in its data for an ItemReader."""

    retrier_retry_count: int = 0
    map_iteration_failure_count: int | None = None
    read_items: ReadItems | None = None


class Trial:
    """One state, one visit. Call `enter` first; when it returns None, answer with `succeed` or `fail`."""

    def __init__(
        self,
        program: Program,
        state_name: str,
        origin: Origin,
        now_ms: int,
        entropy: Entropy,
        variables: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        configuration: Configuration | None = None,
    ) -> None:
        """Place a fresh execution in the state; its input is the origin's."""
        self.execution = Execution(origin, program)
        self.execution.given_context = context
        self._configuration = configuration or Configuration()
        self._inspection: dict[str, Any] = {}
        self._tolerance = Tolerance(None)
        self.frame = Frame(ROOT, state_name, origin.input, Ready(), visit=1, entered_ms=now_ms)
        self.frame.retry_count = self._configuration.retrier_retry_count
        self.frame.variables = {name: Payload(value) for name, value in (variables or {}).items()}
        self.execution.adopt(self.frame)
        self.state = program.all_states[state_name]
        self._step = Step(self.execution, now_ms, entropy)
        self._step.bare_causes = True
        self._step.inspect = self._inspection.__setitem__
        self._inspection["input"] = self.frame.input

    @property
    def attempt(self) -> Attempt:
        """What a Task asks for, after `enter` returned None."""
        assert isinstance(self.frame.waits, Attempt)
        return self.frame.waits

    def enter(self) -> Verdict | None:
        """Enter the state. None: a Task, Map or Parallel waits for an answer.

        Raises:
            TooManyFailures: more iterations are said to have failed than the Map has.
        """
        return self._judge(self._enter)

    def succeed(self, output: Payload) -> Verdict:
        """The work is done, or a mock says so."""
        verdict = self._judge(lambda: self._succeed(output))
        assert verdict is not None
        return verdict

    def fail(self, error: str | None, cause: str | None) -> Verdict:
        """The work failed, or a mock says so."""
        return self._failed(error, cause)

    def _enter(self) -> Outcome:
        state, frame, step = self.state, self.frame, self._step
        if isinstance(state, MapState):
            return self._enter_map(state)
        if isinstance(state, ParallelState):
            return Children(0, len(state.branches), len(state.branches))
        outcome = dispatch.enter(state, frame, step)
        if isinstance(outcome, Until):
            assert isinstance(state, WaitState)
            return wait_state.resume(state, frame, step)
        if isinstance(outcome, Attempt):
            outcome.incarnation = "trial"
        return outcome

    def _enter_map(self, state: MapState) -> Outcome:
        given = self._configuration
        failures = given.map_iteration_failure_count or 0
        self._tolerance = enter_map(state, self.frame, self._step, given.read_items, failures)
        return Children(0, self._tolerance.iterations or 0, 0)

    def _succeed(self, output: Payload) -> Outcome:
        state, frame, step = self.state, self.frame, self._step
        if isinstance(state, TaskState):
            return task_state.succeeded(state, frame, step, output)
        assert isinstance(state, WorkState)
        self._tolerance.check(self._configuration.map_iteration_failure_count or 0)
        view = View(frame, step)
        selected = select_result(state, view, output)
        final, assigned = finish(state, view, selected, state.result_path, is_work=True)
        kind = "MapStateExited" if isinstance(state, MapState) else "ParallelStateExited"
        return leave(kind, state, view, final, assigned, state.next)

    def _judge(self, act: Callable[[], Outcome]) -> Verdict | None:
        try:
            outcome = act()
        except StateError as error:
            return self._failed(error.error, error.cause)
        match outcome:
            case Done(output, next_state):
                return Verdict("SUCCEEDED", output, next_state=next_state, inspection=self._shown())
            case Failed():
                return self._failed(outcome.error, outcome.cause)
            case _:
                self.frame.waits = outcome
                return None

    def _failed(self, error: str | None, cause: str | None) -> Verdict:
        state, failed = self.state, Failed(error, cause, 0)
        if isinstance(state, WorkState):
            retried = first_match(state.retry, failed)
            if retried is not None:
                index, retrier = retried
                self._inspection["errorDetails"] = {"retryIndex": index}
                used = self._configuration.retrier_retry_count
                if used < retrier.max_attempts:
                    seconds = delay_seconds(retrier, used)
                    self._inspection["errorDetails"]["retryBackoffIntervalSeconds"] = int(seconds)
                    return Verdict("RETRIABLE", error=error, cause=cause, inspection=self._shown())
            found = first_match(state.catch, failed)
            if found is not None:
                return self._catch(found[0], failed)
        return Verdict("FAILED", error=error, cause=cause, inspection=self._shown())

    def _catch(self, index: int, failed: Failed) -> Verdict:
        assert isinstance(self.state, WorkState)
        catcher = self.state.catch[index]
        try:
            output, assigned = caught(catcher, View(self.frame, self._step), error_output(failed))
        except StateError as error:
            return Verdict("FAILED", error=error.error, cause=error.cause, inspection=self._shown())
        self.frame.variables = {**self.frame.variables, **(assigned or {})}
        self._inspection["errorDetails"] = {"catchIndex": index}
        return Verdict("CAUGHT_ERROR", output, failed.error, failed.cause, catcher.next, self._shown())

    def _shown(self) -> Mapping[str, Any]:
        if self.frame.variables:
            self._inspection["variables"] = Payload(
                {name: payload.value for name, payload in self.frame.variables.items()}
            )
        return self._inspection
