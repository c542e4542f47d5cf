"""Activities of a mocked test case: over in the turn that schedules them, because nobody may be polling for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from engine.advance import advance
from engine.asl.model import TaskState
from engine.execution.frame import Attempt, Frame
from engine.execution.step import Step
from engine.execution.stimulus import TaskFailed, TaskStarted, TaskSucceeded
from engine.payload import Payload
from services.integrations.attempt_call import call_of
from services.integrations.interface import Call, Failed, Succeeded

AnswerActivity: TypeAlias = Callable[[Call], Succeeded | Failed | None]
"""The mocked answer to an attempt of an activity; None leaves it to the activity's workers."""

_WORKER: Final = "mocked"


def answer_activities(step: Step, answer: AnswerActivity) -> None:
    """Answer for every activity that the execution's test case mocks, and go on."""
    asked: set[bytes] = set()
    while (found := _open_activity(step, asked)) is not None:
        frame, state, attempt = found
        path, token = frame.path, attempt.token
        asked.add(token)
        outcome = answer(call_of(step.execution, frame, state, attempt, step.now_ms))
        if outcome is None:
            continue
        advance(step, TaskStarted(path, token, _WORKER, token))
        if isinstance(outcome, Failed):
            advance(step, TaskFailed(path, token, outcome.error, outcome.cause))
        else:
            advance(step, TaskSucceeded(path, token, Payload.of_text(outcome.output)))


def _open_activity(step: Step, asked: set[bytes]) -> tuple[Frame, TaskState, Attempt] | None:
    execution = step.execution
    if execution.ended:
        return None
    for path in sorted(step.touched):
        frame = execution.frames.get(path)
        if frame is None or not isinstance(frame.waits, Attempt) or frame.waits.bound or frame.waits.token in asked:
            continue
        state = execution.state_of(frame)
        assert isinstance(state, TaskState)
        if state.resource.kind == "activity":
            return frame, state, frame.waits
    return None
