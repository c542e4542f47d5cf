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


class Entry(dict[str, Any]):
    """An item that is an entry of an object: a child without ItemSelector gets it as `{"Key", "Value"}`."""

    def __init__(self, key: str, value: Any) -> None:
        """`$$.Map.Item.Key` and `$$.Map.Item.Value`."""
        super().__init__(Key=key, Value=value)


class Selector:
    """Makes what a child gets of an item; the same look at the state's data for all of them."""

    def __init__(self, execution: Execution, frame: Frame, entropy: Entropy, now_ms: int) -> None:
        """Look at the state's data."""
        state = execution.state_of(frame)
        assert isinstance(state, MapState)
        self._state: MapState = state
        self._execution, self._frame, self._entropy, self._now_ms = execution, frame, entropy, now_ms
        self._given: Any = None
        if state.item_selector is not None and state.query_language == "JSONPath":
            self._given = effective_input(state, View(frame, Step(execution, now_ms, entropy))).value

    def select(self, index: int, item: Any, source: str | None) -> Any:
        """The item itself, or what ItemSelector makes of it.

        `source` is its `$$.Map.Item.Source`; the items of an inline Map have none.

        Raises:
            StateError: an expression fails.
        """
        if self._state.item_selector is None:
            return item
        about: dict[str, Any] = {} if source is None else {"Source": source}
        if isinstance(item, Entry):
            about["Key"], item = item["Key"], item["Value"]
        scope = scope_of(
            self._execution, self._frame, self._entropy, item=(index, item), now_ms=self._now_ms, item_details=about
        )
        if self._state.query_language == "JSONPath":
            scope = scope.at(self._given)
        return self._state.item_selector(scope)


class Batches:
    """Puts items together to child inputs of several items each.

    Args:
        batcher: evaluated: `max_items`, `max_bytes`, and `batch_input` where there is one.
    """

    def __init__(self, batcher: Mapping[str, Any]) -> None:
        """No item has come."""
        self._head = {"BatchInput": batcher["batch_input"]} if "batch_input" in batcher else {}
        self._most = batcher.get("max_items") or 0
        most_bytes = min(batcher.get("max_bytes") or PAYLOAD_BYTES_MAX, PAYLOAD_BYTES_MAX)
        self._empty_bytes = most_bytes - len(encode_json({**self._head, "Items": []}))
        self._room_bytes = self._empty_bytes
        self._items: list[Any] = []

    def add(self, item: Any) -> dict[str, Any] | None:
        """Take an item, after ItemSelector; the batch that was complete without it, if it was."""
        item_bytes = len(encode_json(item)) + 1
        complete = None
        if self._items and (len(self._items) == self._most or item_bytes > self._room_bytes):
            complete = self.rest()
        self._items.append(item)
        self._room_bytes -= item_bytes
        return complete

    def rest(self) -> dict[str, Any] | None:
        """The items since the last batch as one more; None if there are none."""
        if not self._items:
            return None
        batch = {**self._head, "Items": self._items}
        self._items, self._room_bytes = [], self._empty_bytes
        return batch


def batches(items: Iterable[Any], batcher: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All items, after ItemSelector, as child inputs of several items each."""
    collected = Batches(batcher)
    for item in items:
        if (complete := collected.add(item)) is not None:
            yield complete
    if (last := collected.rest()) is not None:
        yield last


def entries(items: Sequence[Any] | Mapping[str, Any]) -> list[Any]:
    """The items of an array; of an object its entries as `{"Key", "Value"}`."""
    if isinstance(items, Mapping):
        return [Entry(key, value) for key, value in items.items()]
    return items if isinstance(items, list) else list(items)
