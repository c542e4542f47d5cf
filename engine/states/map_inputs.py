"""The inputs of a distributed Map's child executions: ItemSelector for each item, then batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from engine.asl.model import MapState
from engine.execution.context import scope_of
from engine.execution.execution import Execution
from engine.execution.frame import Frame
from engine.execution.step import Step
from engine.expressions.scope import Entropy
from engine.limits import PAYLOAD_BYTES_MAX
from engine.payload import encode_json
from engine.states.data_flow import View, effective_input

STATE_DATA: Final = "STATE_DATA"


class Selector:
    """Makes what a child gets of an item; the same look at the state's data for all of them."""

    def __init__(self, execution: Execution, frame: Frame, entropy: Entropy, now_ms: int, source: str | None) -> None:
        """`source` is `$$.Map.Item.Source` of every item; the items of an inline Map have none."""
        state = execution.state_of(frame)
        assert isinstance(state, MapState)
        self._state: MapState = state
        self._execution, self._frame, self._entropy, self._now_ms = execution, frame, entropy, now_ms
        self._source = source
        self._given: Any = None
        if state.item_selector is not None and state.query_language == "JSONPath":
            self._given = effective_input(state, View(frame, Step(execution, now_ms, entropy))).value

    def select(self, index: int, item: Any) -> Any:
        """The item itself, or what ItemSelector makes of it.

        Raises:
            StateError: an expression fails.
        """
        if self._state.item_selector is None:
            return item
        about = {} if self._source is None else {"Source": self._source}
        scope = scope_of(
            self._execution, self._frame, self._entropy, item=(index, item), now_ms=self._now_ms, item_details=about
        )
        if self._state.query_language == "JSONPath":
            scope = scope.at(self._given)
        return self._state.item_selector(scope)


def batches(items: Iterable[Any], batcher: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Child inputs of several items each.

    Args:
        items: after ItemSelector.
        batcher: evaluated: `max_items`, `max_bytes`, and `batch_input` where there is one.
    """
    head = {"BatchInput": batcher["batch_input"]} if "batch_input" in batcher else {}
    most = batcher.get("max_items") or 0
    most_bytes = min(batcher.get("max_bytes") or PAYLOAD_BYTES_MAX, PAYLOAD_BYTES_MAX)
    empty_bytes = len(encode_json({**head, "Items": []}))
    batch: list[Any] = []
    room_bytes = most_bytes - empty_bytes
    for item in items:
        item_bytes = len(encode_json(item)) + 1
        if batch and (len(batch) == most or item_bytes > room_bytes):
            yield {**head, "Items": batch}
            batch, room_bytes = [], most_bytes - empty_bytes
        batch.append(item)
        room_bytes -= item_bytes
    if batch:
        yield {**head, "Items": batch}


def entries(items: Sequence[Any] | Mapping[str, Any]) -> list[Any]:
    """The items of an array; of an object its entries as `{"Key", "Value"}`."""
    if isinstance(items, Mapping):
        return [{"Key": key, "Value": value} for key, value in items.items()]
    return items if isinstance(items, list) else list(items)
