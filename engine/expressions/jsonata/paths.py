"""Paths: plain names take a shortcut, steps map over sequences, bindings make tuple streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.expressions.jsonata.calls import Code
from engine.expressions.jsonata.groups import compile_group
from engine.expressions.jsonata.root import STATES_FIELDS, root_lookup
from engine.expressions.jsonata.run import Frame
from engine.expressions.jsonata.sequences import collapse, spread_out
from engine.expressions.jsonata.steps import compile_step, is_plain_name, kept, run_steps
from engine.expressions.jsonata.tree import Node
from engine.expressions.jsonata.tuples import compile_tuple_path
from engine.expressions.jsonata.values import UNDEFINED, Sequence

if TYPE_CHECKING:
    from engine.expressions.jsonata.compiler import Compiler


def compile_path(compiler: Compiler, path: Node, depth: int) -> Code:
    """Code for a path; plain names from `$states` or a variable take a shortcut."""
    if any(step.tuple for step in path.steps):
        code = compile_tuple_path(compiler, path, depth)
    else:
        short = None if path.keep_array else _short_path(compiler, path, depth)
        if short is not None and path.group is None:
            return short
        code = short or _plain_path(compiler, path, depth)
    if path.group is None:
        return code if path.keep_array else lambda context, frame: collapse(code(context, frame))
    group = compile_group(compiler, path.group.pairs, depth)
    return lambda context, frame: group(code(context, frame), frame)


def _short_path(compiler: Compiler, path: Node, depth: int) -> Code | None:
    """Names only, behind a variable or the context: objects are walked without making sequences."""
    first, *rest = path.steps
    if path.keep_singleton_array or not all(is_plain_name(step) for step in rest):
        return None
    if first.type == "name" and is_plain_name(first):
        names = tuple(step.value for step in path.steps)
        walk = _named(lambda context, frame: context, names, compiler, path.steps, depth)
        return walk if len(names) > 1 else _member(names[0], walk)
    if first.type != "variable" or first.predicate or first.stages or first.keep_array or first.group:
        return None
    names = tuple(step.value for step in rest)
    name = first.value
    if name == "states" and name not in compiler.bound and names and names[0] in STATES_FIELDS:
        field = STATES_FIELDS[names[0]]
        return _named(lambda context, frame: field(frame.run.scope), names[1:], compiler, rest[1:], depth)
    if name not in ("", "$") and name not in compiler.bound:
        return _named(lambda context, frame: root_lookup(name, frame.run), names, compiler, rest, depth)
    return _named(compiler.code(first, depth + 1), names, compiler, rest, depth)


def _member(name: str, otherwise: Code) -> Code:
    """One name, mostly of an object."""

    def member(context: Any, frame: Frame) -> Any:
        if context.__class__ is dict and (value := context.get(name, UNDEFINED)).__class__ is not Sequence:
            return value
        return otherwise(context, frame)

    return member


def _named(start: Code, names: tuple[str, ...], compiler: Compiler, steps: list[Node], depth: int) -> Code:
    compiled = [compile_step(compiler, step, depth + 1, step is steps[-1]) for step in steps]

    def walk(context: Any, frame: Frame) -> Any:
        value = start(context, frame)
        for at, name in enumerate(names):
            if value.__class__ is not dict:
                return walk_lists(value, at, frame) if isinstance(value, list) else UNDEFINED
            if name not in value:
                return UNDEFINED
            value = value[name]
        return opened(value, frame) if value.__class__ is Sequence else value

    def walk_lists(items: list[Any], at: int, frame: Frame) -> Any:
        return collapse(run_steps(compiled[at:], items, frame))

    def opened(value: Any, frame: Frame) -> Any:
        return collapse(spread_out([value], True, frame.run)) if names else collapse(value)

    return walk


def _plain_path(compiler: Compiler, path: Node, depth: int) -> Code:
    steps = [
        compile_step(compiler, step, depth + 1, step is path.steps[-1], at == 0) for at, step in enumerate(path.steps)
    ]
    from_variable = path.steps[0].type == "variable"
    keep = path.keep_singleton_array

    def walk(input: Any, frame: Frame) -> Any:
        items = input if isinstance(input, list) and not from_variable else [input]
        result = run_steps(steps, items, frame)
        return kept(result) if keep else result

    return walk
