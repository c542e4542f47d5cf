"""Distributed Maps in a mocked run: like inline ones, over the items that the case brings along.

What the program says about readers, batches and writers becomes expressions of an inline Map, so that the engine runs
it as it is. What is left out: a tolerated failure count or percentage, and the objects that a ResultWriter writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from engine.asl.model import MapState, NumberLimit, Program
from engine.expressions.scope import Expression, Scope
from engine.failure import runtime_error
from engine.states.map_inputs import batches
from services.runtime.ids import uuid4
from services.testing.item_source import read_items
from services.testing.s3_objects import Objects

_UUID_BYTES: Final = 16


def with_items(program: Program, objects: Objects, run_arn_prefix: str) -> Program:
    """The program whose distributed Maps find their items in `objects`.

    `run_arn_prefix` is how the ARNs of map runs begin: `arn:...:mapRun:machine/`.
    """
    states = {
        name: _with_items(state, objects, run_arn_prefix) if isinstance(state, MapState) else state
        for name, state in program.all_states.items()
    }
    return replace(program, all_states=states)


def _with_items(state: MapState, objects: Objects, run_arn_prefix: str) -> MapState:
    reads, in_batches = state.item_reader is not None, state.item_batcher is not None
    writes = state.result_writer is not None and bool(state.result_writer.resource)
    if not state.distributed:
        return state
    if not (reads or in_batches or writes):
        return replace(state, distributed=False)
    writer = _Writer(state, run_arn_prefix) if writes else None
    items = _batched(state, _source(state, objects)) if in_batches else _source(state, objects)

    def begin(scope: Scope) -> list[Any]:
        if writer is not None:
            writer.begin(scope)
        return items(scope)

    return replace(
        state,
        distributed=False,
        items_path=("$", begin),
        items=begin,
        item_selector=None if in_batches else state.item_selector,
        result_selector=state.result_selector if writer is None else writer.selector(state.result_selector),
    )


def _source(state: MapState, objects: Objects) -> Callable[[Scope], list[Any]]:
    reader = state.item_reader
    if reader is None:
        return _items_of_input(state)

    def read(scope: Scope) -> list[Any]:
        parameters: Mapping[str, Any] = {} if reader.parameters is None else reader.parameters(scope)
        found = read_items(reader.resource, reader.config, parameters, objects)
        most = _number(reader.max_items, scope)
        return found[:most] if most else found

    return read


def _items_of_input(state: MapState) -> Callable[[Scope], list[Any]]:
    expression: Expression | None = state.items
    if state.query_language == "JSONPath":
        expression = None if state.items_path is None else state.items_path[1]

    def find(scope: Scope) -> list[Any]:
        found = scope.input if expression is None else expression(scope)
        if not isinstance(found, list):
            raise runtime_error("The items of a Map must be an array.")
        return found

    return find


def _batched(state: MapState, items: Callable[[Scope], list[Any]]) -> Callable[[Scope], list[Any]]:
    """ItemSelector runs before batching, so it is used up here."""
    batcher, selector = state.item_batcher, state.item_selector
    assert batcher is not None

    def batch(scope: Scope) -> list[Any]:
        chosen = items(scope)
        if selector is not None:
            chosen = [selector(_with_item(scope, index, item)) for index, item in enumerate(chosen)]
        limits: dict[str, Any] = {
            "max_items": _number(batcher.max_items, scope),
            "max_bytes": _number(batcher.max_input_bytes, scope),
        }
        if batcher.batch_input is not None:
            limits["batch_input"] = batcher.batch_input(scope)
        return list(batches(chosen, limits))

    return batch


def _with_item(scope: Scope, index: int, item: Any) -> Scope:
    about = {"Map": {"Item": {"Index": index, "Value": item}}}
    return Scope(scope.input, lambda: {**scope.context(), **about}, scope.variables, scope.entropy)


def _number(limit: NumberLimit, scope: Scope) -> int:
    value = limit.value(scope) if callable(limit.value) else limit.value
    return int(value or 0)


class _Writer:
    """Stands for a ResultWriter: the Map's result names the objects that a server would have written."""

    def __init__(self, state: MapState, run_arn_prefix: str) -> None:
        assert state.result_writer is not None
        self._parameters = state.result_writer.parameters
        self._prefix = f"{run_arn_prefix}{state.label or state.name}:"
        self._target: Mapping[str, Any] = {}

    def begin(self, scope: Scope) -> None:
        """Take down where to; the expression sees the Map's input only now."""
        self._target = {} if self._parameters is None else self._parameters(scope)

    def selector(self, inner: Expression | None) -> Expression:
        """The ResultSelector that makes the result, and then applies the state's own."""

        def select(scope: Scope) -> Any:
            run = str(uuid4(scope.entropy(_UUID_BYTES)))
            key = "/".join(filter(None, (str(self._target.get("Prefix", "")), run, "manifest.json")))
            details = {"Bucket": self._target.get("Bucket"), "Key": key}
            written = {"MapRunArn": self._prefix + run, "ResultWriterDetails": details}
            return written if inner is None else inner(scope.at(written))

        return select
