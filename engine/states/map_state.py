"""The inline Map state: run one sub-machine per item, so many at a time, and collect the outputs in order.

History: MapStateEntered, MapStateStarted, per item MapIterationStarted ... MapIterationSucceeded, at last
MapStateSucceeded and MapStateExited (both caused by the MapIterationSucceeded that came last).
"""

from __future__ import annotations

from typing import Any

from engine.asl.model import MapState
from engine.execution.context import scope_of
from engine.execution.frame import Children, Frame
from engine.execution.outcome import Outcome
from engine.execution.step import Step
from engine.failure import evaluation_error, runtime_error
from engine.limits import INLINE_MAP_CONCURRENCY
from engine.payload import Payload
from engine.states import distributed_map
from engine.states.children import collected
from engine.states.data_flow import View, check_size, effective_input, finish, leave, select_result
from engine.states.map_inputs import entries
from engine.states.map_limits import shown_json, whole_number


def enter(state: MapState, frame: Frame, step: Step) -> Outcome:
    """Enter and start as many iterations as may run at once."""
    step.record(frame, "MapStateEntered", state.name, frame.input)
    return start(state, frame, step)


def start(state: MapState, frame: Frame, step: Step) -> Outcome:
    """Start the iterations; also after a retry."""
    view = View(frame, step)
    if state.distributed:
        items_or_entries = None if state.item_reader is not None else items_of(state, view)
        return distributed_map.start(state, frame, step, items_or_entries, view)
    items = items_of(state, view)
    concurrency = whole_number(state.max_concurrency, view, "MaxConcurrency") or INLINE_MAP_CONCURRENCY
    started_id = step.record(frame, "MapStateStarted", len(items))
    waits = Children(started_id, len(items), min(concurrency, INLINE_MAP_CONCURRENCY), Payload(items))
    if not items:
        return resume(state, frame, step, started_id)
    start_iterations(state, frame, waits, step, started_id)
    return waits


def start_iterations(state: MapState, frame: Frame, waits: Children, step: Step, cause_id: int) -> None:
    """Fill the free slots with the next items.

    Args:
        state: the Map.
        frame: its frame.
        waits: what the frame waits for.
        step: the turn.
        cause_id: MapStateStarted, or the last state event of the iteration that freed the slot.
    """
    family = step.children_of(frame)
    assert waits.items is not None
    items = waits.items.value
    while family.open < waits.concurrency and len(family.frames) < waits.count:
        index = len(family.frames)
        item = Payload(items[index])
        given = _iteration_input(state, frame, step, index, item)
        started_id = step.note(cause_id, "MapIterationStarted", state.name, index)
        child = step.spawn(frame, index, state.processor.start_at, given, started_id)
        child.item = (index, item)


def go_on(state: MapState, frame: Frame, waits: Children, step: Step) -> Outcome:
    """After a redrive, when every iteration so far has succeeded and the next ones could not start."""
    start_iterations(state, frame, waits, step, waits.started_id)
    return waits


def iteration_succeeded(state: MapState, frame: Frame, waits: Children, step: Step, child: Frame) -> Outcome | None:
    """One item is done; the next one takes its slot, or the state is done."""
    succeeded_id = step.note(child.last_id, "MapIterationSucceeded", state.name, child.index)
    start_iterations(state, frame, waits, step, child.last_id)
    return resume(state, frame, step, succeeded_id) if step.children_of(frame).open == 0 else None


def resume(state: MapState, frame: Frame, step: Step, last_id: int) -> Outcome:
    """Every iteration has ended: collect. `last_id` is the event that ended the last one (or MapStateStarted)."""
    frame.last_id = last_id
    result = collected(frame, step)
    step.drop_children(frame)
    step.note(last_id, "MapStateSucceeded")
    view = View(frame, step)
    output, assigned = finish(state, view, select_result(state, view, result), state.result_path, is_work=True)
    return leave("MapStateExited", state, view, output, assigned, state.next)


def items_of(state: MapState, view: View) -> list[Any]:
    """The items that the Map runs over; the entries of an object are items of a distributed Map.

    Raises:
        StateError: they are no array; States.Runtime (JSONPath) or States.QueryEvaluationError.
    """
    if state.query_language == "JSONata":
        value = view.frame.input.value if state.items is None else state.items(view.scope)
        if not _is_iterable(state, value):
            what, location = ("state input", None) if state.items is None else ("Items", "Items")
            raise evaluation_error(f"Map {what} must be an array but was: {shown_json(value)}", location)
        return entries(value)
    given = effective_input(state, view)
    path = "$"
    value = given.value
    if state.items_path is not None:
        path, expression = state.items_path
        value = expression(view.scope.at(given.value))
    if not _is_iterable(state, value):
        shown = path[1:] if path.startswith("$$") else path
        raise runtime_error(f'Reference path "{shown}" must point to array.')
    if state.items_path is not None:
        view.shows("afterItemsPath", Payload(value))
    return entries(value)


def _is_iterable(state: MapState, value: Any) -> bool:
    return isinstance(value, list) or (state.distributed and isinstance(value, dict))


def _iteration_input(state: MapState, frame: Frame, step: Step, index: int, item: Payload) -> Payload:
    if state.item_selector is None:
        return item
    view = View(frame, step)
    scope = scope_of(step.execution, frame, step.entropy, item=(index, item.value), now_ms=step.now_ms)
    if state.query_language == "JSONPath":
        scope = scope.at(effective_input(state, view).value)
    given = Payload(state.item_selector(scope))
    check_size(state.name, given)
    return given
