"""Runs one mocked case on a virtual clock: the real engine in memory, so that waits and back-offs cost nothing.

A call whose state is mocked is answered at once: `Return` is the result of the task, for `.waitForTaskToken` what
SendTaskSuccess would bring, for `.sync` the description of the finished job. A state without a mock ends the run with
a problem, unless real calls are allowed; while one of those is under way the clock goes at its real pace. The child
executions of distributed Maps run beside their parent on the same clock.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
from collections import Counter
from dataclasses import replace
from itertools import count
from typing import Final

from engine.advance import advance
from engine.asl.model import Program
from engine.execution.effect import GoOn, OfferTask, StartMapRun, WakeAt, effects
from engine.execution.execution import Execution, Origin, Status
from engine.execution.step import Step
from engine.execution.stimulus import (
    Continue,
    ExecutionTimerDue,
    MapRunEnded,
    Start,
    Stimulus,
    TaskFailed,
    TaskStarted,
    TaskSubmitted,
    TaskSucceeded,
    TimerDue,
)
from engine.failure import StateError
from engine.payload import EMPTY_OBJECT, JsonError, Payload
from engine.states.distributed_map import THRESHOLD_ERROR
from engine.states.map_inputs import Selector
from services.integrations.attempt_call import call_of
from services.integrations.interface import Failed, Integrations, Pending, Submitted
from services.integrations.mocks import MockedAnswer
from services.runtime.ids import uuid4
from services.testing.answers import Answers
from services.testing.cases import Case
from services.testing.coverage import Coverage
from services.testing.finished import Finished, Problem
from services.testing.hosted import Hosted
from services.testing.map_run import CaseMapRun
from services.testing.s3_objects import CaseObjects

START_MS: Final = 1_767_225_600_000
"""2026-01-01T00:00:00Z: every run begins at the same moment, so that two runs are alike."""
REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
_WORKER: Final = "stepwell-test"
_GRANT: Final = b"mocked"


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
        self._own = Hosted(Execution(origin, program))
        self._objects = CaseObjects(case.objects)
        self._case = case
        self._answers = answers
        self._coverage = coverage
        self._integrations = integrations
        self._now_ms = START_MS
        self._due: list[tuple[int, int, Hosted, Stimulus]] = []
        self._order = count()
        self._answered: set[bytes] = set()
        self._calls: set[asyncio.Task[None]] = set()
        self._children: Counter[str] = Counter()

    def entropy(self, size: int) -> bytes:
        """Different bytes every time, the same in every run of the case."""
        return hashlib.shake_128(self._seed + next(self._noise).to_bytes(8)).digest(size)

    async def finish(self) -> Finished:
        """Run to the end."""
        try:
            await self._turn(self._own, Start())
            while not self._own.over:
                await self._go_on()
        except _Stopped as stopped:
            return self._finished(stopped.problem)
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
        due_ms, _, hosted, stimulus = heapq.heappop(self._due)
        if not hosted.over:
            self._now_ms = max(self._now_ms, due_ms)
            await self._turn(hosted, stimulus)

    async def _turn(self, hosted: Hosted, stimulus: Stimulus) -> None:
        execution = hosted.execution
        begins = isinstance(stimulus, Start)
        step = Step(execution, self._now_ms, self.entropy)
        if self._coverage is not None:
            step.witness = self._coverage.took
        advance(step, stimulus)
        self._children.update(hosted.keep(step, self._now_ms, self._coverage))
        hosted.leave_runs()
        for effect in effects(execution, None if begins else sorted(step.touched)):
            match effect:
                case WakeAt(due_ms, "", _):
                    self._at(due_ms, hosted, ExecutionTimerDue())
                case WakeAt(due_ms, path, visit):
                    self._at(due_ms, hosted, TimerDue(path, visit))
                case GoOn():
                    self._now(hosted, Continue())
                case OfferTask() if effect.attempt.token not in self._answered:
                    self._answered.add(effect.attempt.token)
                    self._answer(hosted, effect)
                case StartMapRun(path, _, waiting) if waiting.arn not in hosted.runs:
                    await self._open(hosted, CaseMapRun(execution, path, waiting, self._objects))
                case _:
                    pass
        if execution.ended and hosted.of_run is not None and hosted.parent is not None:
            await self._child_ended(hosted, hosted.parent, hosted.of_run)

    def _at(self, due_ms: int, hosted: Hosted, stimulus: Stimulus) -> None:
        heapq.heappush(self._due, (due_ms, next(self._order), hosted, stimulus))

    def _now(self, hosted: Hosted, stimulus: Stimulus) -> None:
        self._at(self._now_ms, hosted, stimulus)

    # --- map runs -----------------------------------------------------------------------------------------------------

    async def _open(self, hosted: Hosted, run: CaseMapRun) -> None:
        hosted.runs[run.waiting.arn] = run
        frame = hosted.execution.frames[run.path]
        try:
            await run.plan(Selector(hosted.execution, frame, self.entropy, self._now_ms))
        except StateError as error:
            self._end(hosted, run, error)
        else:
            await self._look_after(hosted, run)

    async def _child_ended(self, child: Hosted, parent: Hosted, run: CaseMapRun) -> None:
        run.child_ended(child.index, child.execution)
        if child.execution.status is not Status.SUCCEEDED:
            parent.failed.setdefault(run.waiting.arn, child)
        await self._look_after(parent, run)

    async def _look_after(self, hosted: Hosted, run: CaseMapRun) -> None:
        """Start what may start, or end the run if all is done or too much has failed."""
        outcome = await run.outcome()
        if outcome is not None:
            self._end(hosted, run, outcome)
            return
        while (started := run.next_child(uuid4(self.entropy(16)), self._now_ms)) is not None:
            index, execution = started
            self._children[run.state] += 1
            self._now(Hosted(execution, hosted, run, index), Start())

    def _end(self, hosted: Hosted, run: CaseMapRun, outcome: Payload | StateError) -> None:
        run.over = True
        if isinstance(outcome, StateError):
            self._now(hosted, MapRunEnded(run.path, run.waiting.arn, None, outcome.error, outcome.cause))
        else:
            self._now(hosted, MapRunEnded(run.path, run.waiting.arn, outcome))

    # --- answers ------------------------------------------------------------------------------------------------------

    def _answer(self, hosted: Hosted, offer: OfferTask) -> None:
        answer = self._answers.next(hosted.execution.origin.arn, offer.state.name, offer.attempt.number)
        if answer is not None:
            self._start(hosted, offer)
            self._answer_mocked(hosted, offer, answer)
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
        self._start(hosted, offer)
        self._calls.add(asyncio.get_running_loop().create_task(self._call(hosted, offer, self._integrations)))

    def _start(self, hosted: Hosted, offer: OfferTask) -> None:
        self._now(hosted, TaskStarted(offer.path, offer.attempt.token, _WORKER, _GRANT))

    def _answer_mocked(self, hosted: Hosted, offer: OfferTask, answer: MockedAnswer) -> None:
        path, token, pattern = offer.path, offer.attempt.token, offer.state.resource.pattern
        if answer.output is None:
            self._now(hosted, TaskFailed(path, token, answer.error, answer.cause, _GRANT))
            return
        if pattern != "request_response":
            self._now(hosted, TaskSubmitted(path, token, EMPTY_OBJECT))
        by_token = pattern == "wait_for_task_token" or offer.state.resource.kind == "activity"
        self._now(hosted, TaskSucceeded(path, token, Payload.of_text(answer.output), b"" if by_token else _GRANT))

    async def _call(self, hosted: Hosted, offer: OfferTask, integrations: Integrations) -> None:
        """Make a real call, and look after its job until that has ended."""
        path, token = offer.path, offer.attempt.token
        frame = hosted.execution.frames[path]
        call = call_of(hosted.execution, frame, offer.state, offer.attempt, self._now_ms)
        outcome = await integrations.call(call)
        if isinstance(outcome, Submitted):
            self._now(hosted, TaskSubmitted(path, token, _payload(outcome.output)))
            answer = await integrations.poll(call, outcome.job or {})
            while isinstance(answer, Pending):
                await asyncio.sleep(answer.seconds)
                answer = await integrations.poll(call, outcome.job or {})
            outcome = answer
        if isinstance(outcome, Failed):
            self._now(hosted, TaskFailed(path, token, outcome.error, outcome.cause, _GRANT))
        else:
            self._now(hosted, TaskSucceeded(path, token, _payload(outcome.output), _GRANT))

    # --- the end ------------------------------------------------------------------------------------------------------

    def _finished(self, problem: Problem | None) -> Finished:
        return self._described(self._own, problem)

    def _described(self, hosted: Hosted, problem: Problem | None = None) -> Finished:
        execution = hosted.execution
        finished = Finished(
            status=execution.status.name,
            output=None if execution.output is None else execution.output.value,
            error=execution.error,
            cause=execution.cause,
            events=hosted.history(),
            virtual_ms=self._now_ms - START_MS,
            children=self._children,
            problem=problem,
        )
        if execution.error != THRESHOLD_ERROR:
            return finished
        child = next((it for it in reversed(hosted.failed.values()) if _map_of(it) == finished.last_state), None)
        return finished if child is None else replace(finished, failed_child=self._described(child))


def _map_of(child: Hosted) -> str:
    return "" if child.of_run is None else child.of_run.state


def _payload(text: bytes) -> Payload:
    try:
        return Payload.of_text(text)
    except JsonError:
        return Payload(text.decode("utf-8", "replace"))
