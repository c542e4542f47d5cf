"""Effects: what the committed frames ask of the world. Derived, never stored; the same after a commit and a crash."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from engine.asl.model import MapState, TaskState
from engine.execution.execution import Execution
from engine.execution.frame import Attempt, BackOff, Children, Ended, Frame, MapRun, Ready, Until, path_order


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Deliver `TimerDue(path, visit)` at `due_ms`; path "" means `ExecutionTimerDue`."""

    due_ms: int
    path: str
    visit: int


@dataclass(frozen=True, slots=True)
class GoOn:
    """Deliver `Continue` after others had their turn."""


@dataclass(frozen=True, slots=True)
class OfferTask:
    """Offer an open, unbound attempt to the workers (or to the activity's pollers)."""

    path: str
    state: TaskState
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class GrantTask:
    """Tell the incarnation named in the attempt to run it."""

    path: str
    state: TaskState
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class PollJob:
    """Look after a submitted `.sync` job until it has ended; repeatable work, any worker may do it."""

    path: str
    state: TaskState
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class StartMapRun:
    """Make sure that the distributed Map's run exists and goes on."""

    path: str
    state: MapState
    run: MapRun


Effect: TypeAlias = WakeAt | GoOn | OfferTask | GrantTask | PollJob | StartMapRun


def effects(execution: Execution, paths: Iterable[str] | None = None) -> list[Effect]:
    """What the frames at `paths` (default: all) ask of the world; the execution's own deadline comes with "all"."""
    if execution.ended:
        return []
    found: list[Effect] = []
    if paths is None:
        # In the order of their paths, so that memory and a reload from pages go on alike.
        paths = [frame.path for frame in sorted(execution.frames.values(), key=path_order)]
        found.append(WakeAt(execution.deadline_ms, "", 0))
    for path in paths:
        frame = execution.frames.get(path)
        if frame is not None:
            _effects_of(execution, frame, found)
    return found


def _effects_of(execution: Execution, frame: Frame, found: list[Effect]) -> None:
    match frame.waits:
        case Until(due_ms) | BackOff(due_ms):
            found.append(WakeAt(due_ms, frame.path, frame.visit))
        case Ready():
            found.append(GoOn())
        case Attempt() as attempt:
            _effects_of_attempt(execution, frame, attempt, found)
        case MapRun() as run:
            state = execution.state_of(frame)
            assert isinstance(state, MapState)
            found.append(StartMapRun(frame.path, state, run))
        case Children() | Ended():
            pass
        case _ as never:
            assert_never(never)


def _effects_of_attempt(execution: Execution, frame: Frame, attempt: Attempt, found: list[Effect]) -> None:
    state = execution.state_of(frame)
    assert isinstance(state, TaskState)
    if attempt.due_ms is not None:
        found.append(WakeAt(attempt.due_ms, frame.path, frame.visit))
    if not attempt.bound:
        found.append(OfferTask(frame.path, state, attempt))
    elif not attempt.submitted_id:
        if state.resource.kind != "activity":
            found.append(GrantTask(frame.path, state, attempt))
    elif attempt.job is not None:
        found.append(PollJob(frame.path, state, attempt))
