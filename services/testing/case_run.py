"""Runs one mocked case on a virtual clock: the real engine in memory, so that waits and back-offs cost nothing.

A call whose state is mocked is answered at once: `Return` is the result of the task, for `.waitForTaskToken` what
SendTaskSuccess would bring, for `.sync` the description of the finished job. A state without a mock ends the run with
a problem, unless real calls are allowed; while one of those is under way the clock goes at its real pace.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
from collections import Counter
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from engine.advance import advance
from engine.asl.model import MapState, Program
from engine.execution.effect import GoOn, OfferTask, WakeAt, effects
from engine.execution.execution import Execution, Origin
from engine.execution.frame import ROOT
from engine.execution.step import Step
from engine.execution.stimulus import (
    Continue,
    ExecutionTimerDue,
    Start,
    Stimulus,
    TaskFailed,
    TaskStarted,
    TaskSubmitted,
    TaskSucceeded,
    TimerDue,
)
from engine.history.events import BY_CODE
from engine.history.page_codec import RecordedEvent
from engine.history.render import render_event
from engine.payload import EMPTY_OBJECT, JsonError, Payload
from services.integrations.attempt_call import call_of
from services.integrations.interface import Failed, Integrations, Pending, Submitted
from services.integrations.mocks import MockedAnswer
from services.runtime.ids import uuid4
from services.testing.answers import Answers
from services.testing.cases import Case
from services.testing.coverage import Coverage
from services.testing.item_source import Unreadable
from services.testing.map_items import with_items
from services.testing.s3_objects import ObjectsError

START_MS: Final = 1_767_225_600_000
"""2026-01-01T00:00:00Z: every run begins at the same moment, so that two runs are alike."""
REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
_WORKER: Final = "stepwell-test"
_GRANT: Final = b"mocked"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a case could not be run to its end; `state` is where, "" for the case as a whole."""

    message: str
    state: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run went.

    Attributes:
        status, output, error, cause: as DescribeExecution names them; output is None unless it succeeded.
        events: the history, as GetExecutionHistory shows it.
        virtual_ms: time that passed on the virtual clock.
        children: iterations or child executions started, by the name of the Map.
        problem: what kept the run from its end; None when it ended.
    """

    status: str
    output: Any
    error: str | None
    cause: str | None
    events: tuple[dict[str, Any], ...]
    virtual_ms: int
    children: Counter[str]
    problem: Problem | None = None

    @property
    def last_state(self) -> str:
        """The state that the newest event of a failed run leads back to; "" when there is none."""
        by_id = {event["id"]: event for event in self.events}
        event = self.events[-1] if self.events else None
        while event is not None:
            details = event.get("stateEnteredEventDetails")
            if details is not None:
                return str(details["name"])
            event = by_id.get(event["previousEventId"])
        return ""


class _Stopped(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class CaseRun:
    """One run of one case of one machine. Make one, then await `finish` once."""

    def __init__(
        self,
        machine: str,
        program: Program,
        case: Case,
        answers: Answers,
        coverage: Coverage | None = None,
        *,
        express: bool = False,
        integrations: Integrations | None = None,
    ) -> None:
        """Prepare the execution.

        Args:
            machine: name of the state machine.
            program: its compiled definition.
            case: what to run.
            answers: the mocks, not asked yet.
            coverage: counts what is reached.
            express: run it as an express execution.
            integrations: where states without a mock are called for real; None refuses them.
        """
        arn = f"arn:aws:states:{REGION}:{ACCOUNT}"
        self._noise = count()
        self._seed = f"{machine}#{case.name}".encode()
        name = f"{case.name}:{uuid4(self.entropy(16))}" if express else case.name
        origin = Origin(
            id=uuid4(self.entropy(16)),
            arn=f"{arn}:{'express' if express else 'execution'}:{machine}:{name}",
            name=case.name,
            machine_arn=f"{arn}:stateMachine:{machine}",
            machine_name=machine,
            role_arn=f"arn:aws:iam::{ACCOUNT}:role/{machine}",
            input=Payload(case.input),
            start_ms=START_MS,
            express=express,
            test_case=case.name,
        )
        self._written = program
        self._execution = Execution(origin, with_items(program, case.objects, f"{arn}:mapRun:{machine}/"))
        self._case = case
        self._answers = answers
        self._coverage = coverage
        self._integrations = integrations
        self._now_ms = START_MS
        self._due: list[tuple[int, int, Stimulus]] = []
        self._order = count()
        self._answered: set[bytes] = set()
        self._calls: set[asyncio.Task[None]] = set()
        self._events: list[tuple[int, int, RecordedEvent]] = []
        self._exited: dict[int, str] = {}
        self._children: Counter[str] = Counter()

    def entropy(self, size: int) -> bytes:
        """Different bytes every time, the same in every run of the case."""
        return hashlib.shake_128(self._seed + next(self._noise).to_bytes(8)).digest(size)

    async def finish(self) -> Finished:
        """Run to the end."""
        try:
            self._turn(Start())
            while not self._execution.ended:
                await self._go_on()
        except _Stopped as stopped:
            return self._finished(stopped.problem)
        except (Unreadable, ObjectsError) as error:
            return self._finished(Problem(str(error)))
        finally:
            for call in self._calls:
                call.cancel()
        return self._finished(None)

    # --- turns --------------------------------------------------------------------------------------------------------

    async def _go_on(self) -> None:
        """Deliver what is due next; the clock jumps there, unless a real call may still come first."""
        due_ms = self._due[0][0]
        if self._calls and due_ms > self._now_ms:
            begun = asyncio.get_running_loop().time()
            await asyncio.wait(self._calls, timeout=(due_ms - self._now_ms) / 1000, return_when=asyncio.FIRST_COMPLETED)
            passed = asyncio.get_running_loop().time() - begun
            self._now_ms = min(due_ms, self._now_ms + round(1000 * passed))
            for call in [call for call in self._calls if call.done()]:
                self._calls.discard(call)
                call.result()
            return
        due_ms, _, stimulus = heapq.heappop(self._due)
        self._now_ms = max(self._now_ms, due_ms)
        self._turn(stimulus)

    def _turn(self, stimulus: Stimulus) -> None:
        execution = self._execution
        begins = isinstance(stimulus, Start)
        step = Step(execution, self._now_ms, self.entropy)
        if self._coverage is not None:
            step.witness = self._coverage.took
        advance(step, stimulus)
        self._keep(step)
        for effect in effects(execution, None if begins else sorted(step.touched)):
            match effect:
                case WakeAt(due_ms, "", _):
                    self._at(due_ms, ExecutionTimerDue())
                case WakeAt(due_ms, path, visit):
                    self._at(due_ms, TimerDue(path, visit))
                case GoOn():
                    self._at(self._now_ms, Continue())
                case OfferTask() if effect.attempt.token not in self._answered:
                    self._answered.add(effect.attempt.token)
                    self._answer(effect)
                case _:
                    pass

    def _at(self, due_ms: int, stimulus: Stimulus) -> None:
        heapq.heappush(self._due, (due_ms, next(self._order), stimulus))

    def _now(self, stimulus: Stimulus) -> None:
        self._at(self._now_ms, stimulus)

    def _keep(self, step: Step) -> None:
        """Remember the history, and tell the coverage what it says."""
        for event_id, event in enumerate(step.events, step.first_event_id):
            self._events.append((event_id, self._now_ms, event))
            name = BY_CODE[event[0]].name
            if name.endswith("StateExited"):
                self._exited[event_id] = event[2]
            elif name == "MapIterationStarted":
                self._children[event[2]] += 1
            elif name.endswith("StateEntered") and self._coverage is not None:
                self._coverage.entered(event[2])
                if event[1] in self._exited:
                    self._coverage.moved(self._exited[event[1]], event[2])

    # --- answers ------------------------------------------------------------------------------------------------------

    def _answer(self, offer: OfferTask) -> None:
        answer = self._answers.next(self._execution_of(offer.path), offer.state.name, offer.attempt.number)
        if answer is not None:
            self._start(offer)
            self._answer_mocked(offer, answer)
            return
        resource = offer.state.resource
        if self._integrations is None:
            message = f"no mock for state '{offer.state.name}' in case '{self._case.name}'"
            raise _Stopped(Problem(message, offer.state.name))
        if resource.kind == "activity" or resource.pattern == "wait_for_task_token":
            message = (
                f"state '{offer.state.name}' waits for a worker or a callback: mock it in case '{self._case.name}'"
            )
            raise _Stopped(Problem(message, offer.state.name))
        self._start(offer)
        self._calls.add(asyncio.get_running_loop().create_task(self._call(offer, self._integrations)))

    def _start(self, offer: OfferTask) -> None:
        self._now(TaskStarted(offer.path, offer.attempt.token, _WORKER, _GRANT))

    def _answer_mocked(self, offer: OfferTask, answer: MockedAnswer) -> None:
        path, token, pattern = offer.path, offer.attempt.token, offer.state.resource.pattern
        if answer.output is None:
            self._now(TaskFailed(path, token, answer.error, answer.cause, _GRANT))
            return
        if pattern != "request_response":
            self._now(TaskSubmitted(path, token, EMPTY_OBJECT))
        by_token = pattern == "wait_for_task_token" or offer.state.resource.kind == "activity"
        self._now(TaskSucceeded(path, token, Payload.of_text(answer.output), b"" if by_token else _GRANT))

    def _execution_of(self, path: str) -> str:
        """The path of the distributed Map's iteration around a frame, which would be an execution of its own."""
        frames = self._execution.frames
        while path != ROOT:
            parent = frames[path].parent_path
            state = self._written.all_states[frames[parent].state]
            if isinstance(state, MapState) and state.distributed:
                return path
            path = parent
        return path

    async def _call(self, offer: OfferTask, integrations: Integrations) -> None:
        """Make a real call, and look after its job until that has ended."""
        path, token = offer.path, offer.attempt.token
        frame = self._execution.frames[path]
        call = call_of(self._execution, frame, offer.state, offer.attempt, self._now_ms)
        outcome = await integrations.call(call)
        if isinstance(outcome, Submitted):
            self._now(TaskSubmitted(path, token, _payload(outcome.output)))
            answer = await integrations.poll(call, outcome.job or {})
            while isinstance(answer, Pending):
                await asyncio.sleep(answer.seconds)
                answer = await integrations.poll(call, outcome.job or {})
            outcome = answer
        if isinstance(outcome, Failed):
            self._now(TaskFailed(path, token, outcome.error, outcome.cause, _GRANT))
        else:
            self._now(TaskSucceeded(path, token, _payload(outcome.output), _GRANT))

    # --- the end ------------------------------------------------------------------------------------------------------

    def _finished(self, problem: Problem | None) -> Finished:
        execution = self._execution
        events = (render_event(it, ms / 1000, event, (), [], True) for it, ms, event in self._events)
        return Finished(
            status=execution.status.name,
            output=None if execution.output is None else execution.output.value,
            error=execution.error,
            cause=execution.cause,
            events=tuple(events),
            virtual_ms=self._now_ms - START_MS,
            children=self._children,
            problem=problem,
        )


def _payload(text: bytes) -> Payload:
    try:
        return Payload.of_text(text)
    except JsonError:
        return Payload(text.decode("utf-8", "replace"))
