"""The steps of a path without bindings: each maps over a sequence."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.expressions.jsonata.calls import Code
from engine.expressions.jsonata.filters import compile_stages
from engine.expressions.jsonata.run import Frame
from engine.expressions.jsonata.sequences import collapse, lookup, spread_out
from engine.expressions.jsonata.sorting import compile_sort
from engine.expressions.jsonata.tree import Node
from engine.expressions.jsonata.values import UNDEFINED, ConsArray, Sequence

if TYPE_CHECKING:
    from engine.expressions.jsonata.compiler import Compiler

Step = Callable[[Any, Frame], Any]
"""One step of a path: the sequence before it in, the sequence behind it out. A first step may give no list, which
has nothing for the next step but passes through a sort."""


def run_steps(steps: list[Step], items: list[Any], frame: Frame) -> Any:
    """Run steps until one gives nothing."""
    result: Any = items
    for step in steps:
        result = step(result, frame)
        if result is UNDEFINED or (isinstance(result, list) and not result):
            break
    return result


def kept(result: Any) -> Any:
    """`[]` somewhere in the path: a single member does not collapse."""
    if result.__class__ is ConsArray:
        result = Sequence([result])
    if result.__class__ is Sequence:
        result.keep_singleton = True
    return result


def is_plain_name(step: Node) -> bool:
    """A name with nothing around it."""
    return step.type == "name" and step.stages is None and not step.keep_array and not step.tuple


def compile_step(compiler: Compiler, step: Node, depth: int, last: bool, first: bool = False) -> Step:
    """Code for a step without bindings."""
    if step.type == "sort":
        sort = compile_sort(compiler, step, depth)
        return _staged(sort, compile_stages(compiler, step.stages, depth - 1))
    before = compiler.nodes
    code = compiler.code(step, depth)
    if first and step.cons_array:
        return code
    if is_plain_name(step):
        return _name_step(step.value, last)
    stages = compile_stages(compiler, step.stages, depth - 1)
    nodes = compiler.nodes - before

    def run_step(items: Any, frame: Frame) -> Any:
        if not isinstance(items, list):
            return UNDEFINED
        frame.run.turns(len(items), nodes)
        results: list[Any] = []
        kept_last: Any = None
        for item in items:
            result = code(item, frame)
            for stage in stages:
                result = stage(result, frame)
            if result is not UNDEFINED:
                results.append(result)
                if result.__class__ is str and len(result) > 256 and result is not kept_last:
                    kept_last = result
                    frame.run.keep(result)
        return spread_out(results, last, frame.run)

    return run_step


def _name_step(name: str, last: bool) -> Step:
    def run_step(items: Any, frame: Frame) -> Any:
        if not isinstance(items, list):
            return UNDEFINED
        run = frame.run
        run.step(len(items))
        results: list[Any] = []
        for item in items:
            if item.__class__ is dict:
                if name in item:
                    results.append(item[name])
            elif isinstance(item, list):
                found = collapse(lookup(item, name, run))
                if found is not UNDEFINED:
                    results.append(found)
        return spread_out(results, last, run)

    return run_step


def _staged(step: Step, stages: list[Code]) -> Step:
    if not stages:
        return step

    def run_step(items: Any, frame: Frame) -> Any:
        result = step(items, frame)
        for stage in stages:
            result = stage(result, frame)
        return result

    return run_step
