"""Objects: constructors `{...}` and grouping `path{key: value}`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.expressions.jsonata.calls import Code
from engine.expressions.jsonata.errors import JsonataError
from engine.expressions.jsonata.filters import CONTEXT
from engine.expressions.jsonata.run import Frame, Run
from engine.expressions.jsonata.sequences import append
from engine.expressions.jsonata.tree import Node
from engine.expressions.jsonata.values import UNDEFINED, Sequence

if TYPE_CHECKING:
    from engine.expressions.jsonata.compiler import Compiler

_GROUPING_NODES: Final = 2
"""What collecting the items by their keys costs, as so many nodes."""

Pairs = list[tuple[Code, Code]]


def compile_object(compiler: Compiler, node: Node, depth: int) -> Code:
    """Code for `{...}`; with literal keys and one object as context no grouping is needed."""
    group = compile_group(compiler, node.pairs, depth)
    keys = [key.value for key, _ in node.pairs if key.type == "string"]
    if len(set(keys)) != len(node.pairs):
        return group
    nodes = compiler.nodes
    members = [(key.value, compiler.code(value, depth + 1)) for key, value in node.pairs]
    compiler.nodes = nodes  # the group's code is the same nodes

    def construct(input: Any, frame: Frame) -> Any:
        if isinstance(input, list):
            return group(input, frame)
        result: dict[str, Any] = {}
        for name, member in members:
            value = member(input, frame)
            if value is not UNDEFINED:
                frame.run.keep(value)
                result[name] = value
        frame.run.hold(len(result))
        return result

    return construct


def compile_group(compiler: Compiler, pairs: list[tuple[Node, Node]], depth: int) -> Code:
    """Code that groups a sequence: items with the same key are one context for the value."""
    before = compiler.nodes
    compiled = [(compiler.code(key, depth + 1), compiler.code(value, depth + 1)) for key, value in pairs]
    nodes = compiler.nodes - before

    def group(input: Any, frame: Frame) -> Any:
        items = input if isinstance(input, list) else [input]
        is_stream = input.__class__ is Sequence and input.tuple_stream
        if not items and not is_stream:
            items = [UNDEFINED]
        frame.run.turns(len(items), nodes + _GROUPING_NODES)
        groups = _grouped(compiled, items, is_stream, frame)
        result: dict[str, Any] = {}
        for name, (data, at) in groups.items():
            context, inner = data, frame
            if is_stream:
                bindings = _reduced(data, frame.run)
                context = bindings.pop(CONTEXT)
                inner = Frame(bindings, frame, frame.run)
            value = compiled[at][1](context, inner)
            if value is not UNDEFINED:
                frame.run.keep(value)
                result[name] = value
        return result

    return group


def _grouped(pairs: Pairs, items: list[Any], is_stream: bool, frame: Frame) -> dict[str, tuple[Any, int]]:
    """Key to (item or items, number of the pair)."""
    run = frame.run
    groups: dict[str, tuple[Any, int]] = {}
    collected: dict[str, list[Any]] = {}
    for item in items:
        context, inner = (item[CONTEXT], Frame(item, frame, run)) if is_stream else (item, frame)
        for at, (key_of, _) in enumerate(pairs):
            key = key_of(context, inner)
            if key is UNDEFINED:
                continue
            if key.__class__ is not str:
                raise JsonataError("T1003", value=key)
            run.read(key)
            if key not in groups:
                run.keep(key)
                groups[key] = (item, at)
                continue
            if groups[key][1] != at:
                raise JsonataError("D1009", value=key)
            if key not in collected:
                first = groups[key][0]
                collected[key] = append(first, [], run) if first is not UNDEFINED else []
                groups[key] = (collected[key], at)
            collected[key].extend(item if isinstance(item, list) else [item])
            run.hold(1)
    return groups


def _reduced(data: Any, run: Run) -> dict[str, Any]:
    """The bindings of all tuples of a group, each name with all its values."""
    if not isinstance(data, list):
        return dict(data)
    result = dict(data[0])
    for bindings in data[1:]:
        for name, value in bindings.items():
            result[name] = append(result.get(name, UNDEFINED), value, run)
    return result
