"""A Map under trial: which items it would run over, what each of them would get, how many failures it tolerates.

Source: recordings of TestState on Map states; the service model for what was not recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from engine.asl.model import MapState
from engine.execution.frame import Frame
from engine.execution.step import Step
from engine.failure import StateError
from engine.payload import Payload
from engine.states.data_flow import View, effective_input
from engine.states.distributed_map import batcher_plan, percentage_of, reader_plan
from engine.states.map_inputs import STATE_DATA, Selector, batches
from engine.states.map_limits import whole_number
from engine.states.map_state import items_of

ReadItems: TypeAlias = Callable[[Mapping[str, Any]], list[Any]]
"""The items that an evaluated ItemReader (`resource`, `config`, `parameters`, `max_items`) finds in given data."""

_THRESHOLD: Final = "States.ExceedToleratedFailureThreshold"


class TooManyFailures(ValueError):
    """More iterations are said to have failed than there are; the message is AWS's."""

    def __init__(self) -> None:
        """There is one text."""
        super().__init__("Map iteration failure count must be less than or equal to the number of Map iterations")


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What a Map said on entry; `iterations` is None when only its reader knows."""

    iterations: int | None
    count: int | None = None
    percentage: float | None = None

    def check(self, failures: int) -> None:
        """Fail as the Map would; one without a tolerance is not checked (recorded).

        Raises:
            StateError: more iterations failed than it tolerates.
        """
        over_count = self.count is not None and failures > self.count
        share = 100 * failures / self.iterations if self.iterations else 0
        if over_count or (self.percentage is not None and share > self.percentage):
            raise StateError(_THRESHOLD, "The specified tolerated failure threshold was exceeded")


def enter_map(state: MapState, frame: Frame, step: Step, read: ReadItems | None, failures: int) -> Tolerance:
    """Evaluate what a Map evaluates on entry, and show it.

    Args:
        state: the Map.
        frame: its frame.
        step: the turn.
        read: finds the items of an ItemReader; None when no data were given.
        failures: the iterations that are said to have failed.

    Raises:
        StateError: the state fails here.
        TooManyFailures: there are not so many iterations.
    """
    view = View(frame, step)
    items = _items(state, view, read)
    show = view.step.inspect or _ignore
    show("maxConcurrency", whole_number(state.max_concurrency, view, "MaxConcurrency") or 0)
    count = whole_number(state.tolerated_failure_count, view, "ToleratedFailureCount")
    percentage = percentage_of(state.tolerated_failure_percentage, view)
    if count is not None:
        show("toleratedFailureCount", count)
    if percentage is not None:
        show("toleratedFailurePercentage", percentage)
    if items is None:
        return Tolerance(None, count, percentage)
    iterations = _inputs(state, frame, step, view, items)
    if failures > iterations:
        raise TooManyFailures
    return Tolerance(iterations, count, percentage)


def _ignore(member: str, value: Any) -> None:
    return


def _items(state: MapState, view: View, read: ReadItems | None) -> list[Any] | None:
    if state.item_reader is None:
        return items_of(state, view)
    if state.query_language == "JSONPath":
        effective_input(state, view)
    if read is None:
        return None
    reader = reader_plan(state, view)["reader"]
    items = read(reader)
    if "ItemsPointer" in reader["config"]:
        view.shows("afterItemsPointer", Payload(items))
    return items


def _inputs(state: MapState, frame: Frame, step: Step, view: View, items: list[Any]) -> int:
    """Show what the iterations get; how many there are."""
    inputs = items
    if state.item_selector is not None:
        selector = Selector(step.execution, frame, step.entropy, step.now_ms)
        source = STATE_DATA if state.distributed else None
        inputs = [selector.select(index, item, source) for index, item in enumerate(items)]
        view.shows("afterItemSelector", Payload(inputs))
    plan = batcher_plan(state, view)
    if plan:
        inputs = list(batches(inputs, plan["batcher"]))
        view.shows("afterItemBatcher", Payload(inputs))
    return len(inputs)
