"""Predicates behind a step or value: `[0]`, `[price > 3]`, and `#$i` behind a predicate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from engine.expressions.jsonata.calls import Code
from engine.expressions.jsonata.run import Frame, Run
from engine.expressions.jsonata.tree import Node
from engine.expressions.jsonata.values import UNDEFINED, Sequence, is_number, is_number_list, truth

if TYPE_CHECKING:
    from engine.expressions.jsonata.compiler import Compiler

CONTEXT: Final = "@"
"""The name of the context among the bindings of a tuple."""


def compile_filters(compiler: Compiler, code: Code, predicates: list[Node], depth: int) -> Code:
    """A node with its predicates behind it."""
    stages = compile_stages(compiler, predicates, depth)

    def filtered(input: Any, frame: Frame) -> Any:
        result = code(input, frame)
        for stage in stages:
            result = stage(result, frame)
        return result

    return filtered


def compile_stages(compiler: Compiler, stages: list[Node] | None, depth: int) -> list[Code]:
    """Filters and index bindings of a step, as code from sequence to sequence."""
    return [
        _index_stage(stage.value) if stage.type == "index" else _filter(compiler, stage.expression, depth)
        for stage in stages or ()
    ]


def _index_stage(name: str) -> Code:
    def number(tuples: Any, frame: Frame) -> Any:
        for at, item in enumerate(tuples):
            item[name] = at
        return tuples

    return number


def _filter(compiler: Compiler, predicate: Node, depth: int) -> Code:
    if predicate.type == "number":
        return _element(math.floor(predicate.value))
    before = compiler.nodes
    condition = compiler.code(predicate, depth + 1)
    nodes = compiler.nodes - before

    def select(value: Any, frame: Frame) -> Any:
        items = value if isinstance(value, list) else [value]
        is_stream = items.__class__ is Sequence and items.tuple_stream
        found = Sequence()
        found.tuple_stream = is_stream
        frame.run.turns(len(items), nodes)
        size = len(items)
        for at, item in enumerate(items):
            answer = condition(item[CONTEXT], Frame(item, frame, frame.run)) if is_stream else condition(item, frame)
            if answer is True:
                found.append(item)
            elif answer is not False and answer is not UNDEFINED:
                _choose(found, item, answer, at, size, frame.run)
        return found

    return select


def _choose(found: Sequence, item: Any, answer: Any, at: int, size: int, run: Run) -> None:
    """A number or list of numbers selects by index, anything else by its truth."""
    if is_number(answer):
        answer = [answer]
    if isinstance(answer, list):
        run.step(len(answer) >> 1)
    if is_number_list(answer):
        for number in answer:
            index = math.floor(number)
            if (size + index if index < 0 else index) == at:
                found.append(item)
    elif truth(answer, run):
        found.append(item)


def _element(index: int) -> Code:
    def select(value: Any, frame: Frame) -> Any:
        found = Sequence()
        if isinstance(value, list):
            if value.__class__ is Sequence and value.tuple_stream:
                found.tuple_stream = True
            if not -len(value) <= index < len(value):
                return found
            item = value[index]
        elif index in (0, -1) and value is not UNDEFINED:
            item = value
        else:
            return found
        if isinstance(item, list):
            return item
        found.append(item)
        return found

    return select
