"""Tuple streams: paths whose steps bind variables (`@$x`, `#$i`) or know their parents (`%`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.expressions.jsonata.calls import Code
from engine.expressions.jsonata.filters import CONTEXT, compile_stages
from engine.expressions.jsonata.run import Frame, Run
from engine.expressions.jsonata.sorting import compile_sort
from engine.expressions.jsonata.steps import compile_step, kept, run_steps
from engine.expressions.jsonata.tree import Node
from engine.expressions.jsonata.values import UNDEFINED, Sequence

if TYPE_CHECKING:
    from engine.expressions.jsonata.compiler import Compiler


def compile_tuple_path(compiler: Compiler, path: Node, depth: int) -> Code:
    """A path of which a step binds a variable or a parent: from that step on, items are dicts of bindings."""
    start = next(at for at, step in enumerate(path.steps) if step.tuple)
    plain = [
        compile_step(compiler, step, depth + 1, step is path.steps[-1], at == 0)
        for at, step in enumerate(path.steps[:start])
    ]
    cons = start == 0 and path.steps[0].cons_array
    first = compiler.code(path.steps[0], depth + 1) if cons else None
    bound = [_tuple_step(compiler, step, depth + 1) for step in path.steps[start + (1 if cons else 0) :]]
    from_variable = path.steps[0].type == "variable"

    def walk(input: Any, frame: Frame) -> Any:
        items: Any = input if isinstance(input, list) and not from_variable else [input]
        if plain:
            items = run_steps(plain, items, frame)
            if items is UNDEFINED or not items:
                return items
        elif first is not None:
            made = first(items, frame)
            if path.steps[0].focus is None:
                items = made if isinstance(made, list) else []
        tuples: Any = None
        for step in bound:
            tuples = step(items, tuples, frame)
        stream = tuples if tuples is not None else []
        if path.tuple or path.group is not None:
            return stream
        result = Sequence([item[CONTEXT] for item in stream])
        return kept(result) if path.keep_singleton_array else result

    return walk


TupleStep = Callable[[Any, "list[Any] | None", Frame], Any]


def _tuple_step(compiler: Compiler, step: Node, depth: int) -> TupleStep:
    before_step = compiler.nodes
    stages = compile_stages(compiler, step.stages, depth - 1)
    if step.type == "sort":
        return _tuple_sort(compiler, step, depth, stages)
    code = compiler.code(step, depth)
    nodes = compiler.nodes - before_step

    def run_step(items: Any, tuples: list[Any] | None, frame: Frame) -> Any:
        run: Run = frame.run
        before = [{CONTEXT: item} for item in items] if tuples is None else tuples
        found = Sequence()
        found.tuple_stream = True
        run.turns(len(before), nodes)
        for bindings in before:
            result = code(bindings[CONTEXT], Frame(bindings, frame, run))
            if result is not UNDEFINED:
                _bind(found, step, bindings, result, run)
        out: Any = found
        for stage in stages:
            out = stage(out, frame)
        return out

    return run_step


def _bind(found: Sequence, step: Node, bindings: dict[str, Any], result: Any, run: Run) -> None:
    values = result if isinstance(result, list) else [result]
    is_stream = values.__class__ is Sequence and values.tuple_stream
    run.step(len(values))
    run.hold(len(values))
    for at, value in enumerate(values):
        item = dict(bindings)
        if is_stream:
            item.update(value)
        else:
            item[step.focus or CONTEXT] = value
            if step.index:
                item[step.index] = at
            if step.ancestor is not None:
                item[step.ancestor.label] = bindings[CONTEXT]
        found.append(item)


def _tuple_sort(compiler: Compiler, step: Node, depth: int, stages: list[Code]) -> TupleStep:
    sort = compile_sort(compiler, step, depth)

    def run_step(items: Any, tuples: list[Any] | None, frame: Frame) -> Any:
        result: Any
        if tuples is not None:
            result = sort(tuples, frame)
        else:
            result = Sequence()
            result.tuple_stream = True
            for at, item in enumerate(sort(items, frame)):
                result.append({CONTEXT: item, step.index or "": at})
        for stage in stages:
            result = stage(result, frame)
        return result

    return run_step
