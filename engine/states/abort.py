"""What a failing branch or iteration does to its siblings: their Aborted events, in AWS's order.

Source: recordings of failing Parallel and Map states; every Aborted event follows the event that failed the branch.
"""

from __future__ import annotations

from engine.asl.model import MapState, State
from engine.execution.frame import Ended, Frame, Ready
from engine.execution.step import Step
from engine.states.dispatch import ABORTED_EVENTS


def abort_children(state: State, frame: Frame, failing: Frame, step: Step, cause_id: int) -> None:
    """Write what the history says about every child of `frame` that has not ended, the failing one first.

    Args:
        state: the Parallel or Map.
        frame: its frame.
        failing: the child that failed.
        step: the turn.
        cause_id: the event that failed it.
    """
    children = [child for child in step.children_of(frame).frames.values() if not isinstance(child.waits, Ended)]
    children.sort(key=lambda child: (child is not failing, child.index))
    for child in children:
        if isinstance(state, MapState):
            name = "MapIterationFailed" if child is failing else "MapIterationAborted"
            step.note(cause_id, name, state.name, child.index)
        if child is failing or not isinstance(child.waits, Ready):
            _abort(child, step, cause_id, with_children=child is not failing)


def _abort(frame: Frame, step: Step, cause_id: int, with_children: bool) -> None:
    """A frame between two states (Ready) is in none that could be aborted."""
    state = step.execution.state_of(frame)
    if with_children:
        for child in step.children_of(frame).frames.values():
            if not isinstance(child.waits, Ended):
                if isinstance(state, MapState):
                    step.note(cause_id, "MapIterationAborted", state.name, child.index)
                if not isinstance(child.waits, Ready):
                    _abort(child, step, cause_id, with_children=True)
    name = ABORTED_EVENTS.get(type(state))
    if name is not None and (with_children or name in ("TaskStateAborted", "WaitStateAborted")):
        step.note(cause_id, name)
