"""Which file handles which state: the one place to visit when a state type is added."""

from __future__ import annotations

from typing import assert_never

from engine.asl.model import (
    ChoiceState,
    FailState,
    MapState,
    ParallelState,
    PassState,
    State,
    SucceedState,
    TaskState,
    WaitState,
)
from engine.execution.frame import Frame, MapRun
from engine.execution.outcome import Outcome
from engine.execution.step import Step
from engine.states import (
    choice_state,
    distributed_map,
    fail_state,
    map_state,
    parallel_state,
    pass_state,
    succeed_state,
    task_state,
    wait_state,
)

# What is aborted by its own event type when a sibling fails; other states are never caught in the middle.
ABORTED_EVENTS = {
    TaskState: "TaskStateAborted",
    WaitState: "WaitStateAborted",
    ParallelState: "ParallelStateAborted",
    MapState: "MapStateAborted",
}


def enter(state: State, frame: Frame, step: Step) -> Outcome:
    """Enter a state."""
    match state:
        case PassState():
            return pass_state.enter(state, frame, step)
        case TaskState():
            return task_state.enter(state, frame, step)
        case ChoiceState():
            return choice_state.enter(state, frame, step)
        case WaitState():
            return wait_state.enter(state, frame, step)
        case SucceedState():
            return succeed_state.enter(state, frame, step)
        case FailState():
            return fail_state.enter(state, frame, step)
        case ParallelState():
            return parallel_state.enter(state, frame, step)
        case MapState():
            return map_state.enter(state, frame, step)
        case _ as never:
            assert_never(never)


def go_on(state: State, frame: Frame, step: Step) -> Outcome:
    """Act once more in a state that a redrive goes on in; there is no second Entered event."""
    match state:
        case PassState():
            return pass_state.act(state, frame, step)
        case ChoiceState():
            return choice_state.act(state, frame, step)
        case WaitState():
            return wait_state.act(state, frame, step)
        case SucceedState():
            return succeed_state.act(state, frame, step)
        case FailState():
            return fail_state.fail(state, frame, step, frame.entered_id)
        case MapState() if isinstance(frame.waits, MapRun) and not frame.waits.spent:
            return distributed_map.redrive(frame, frame.waits, step)
        case TaskState() | ParallelState() | MapState():
            return try_again(state, frame, step)
        case _ as never:
            assert_never(never)


def try_again(state: State, frame: Frame, step: Step) -> Outcome:
    """Begin the next attempt of a state that may retry, after its back-off; there is no second Entered event."""
    match state:
        case TaskState():
            return task_state.schedule(state, frame, step)
        case ParallelState():
            return parallel_state.start(state, frame, step)
        case MapState():
            return map_state.start(state, frame, step)
        case _:
            raise AssertionError(f"{state.name} cannot be retried")
