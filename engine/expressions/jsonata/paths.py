"""Paths: steps that map over sequences, filters, sorting, and tuple streams for `@$x`, `#$i` and `%`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from engine.expressions.jsonata.calls import Code
from engine.expressions.jsonata.groups import compile_group
from engine.expressions.jsonata.root import STATES_FIELDS, root_lookup
from engine.expressions.jsonata.run import Frame, Run
from engine.expressions.jsonata.sequences import collapse, lookup, spread_out
from engine.expressions.jsonata.sorting import compile_sort
from engine.expressions.jsonata.tree import Node
from engine.expressions.jsonata.values import UNDEFINED, ConsArray, Sequence, is_number, is_number_list, truth

if TYPE_CHECKING:
    from engine.expressions.jsonata.compiler import Compiler

Step = Callable[[Any, Frame], Any]
"""One step of a path: the sequence before it in, the sequence behind it out. A first step may give no list, which
has nothing for the next step but passes through a sort."""
CONTEXT: Final = "@"


def compile_path(compiler: Compiler, path: Node, depth: int) -> Code:
    """Code for a path; plain names from `$states` or a variable take a shortcut."""
    if any(step.tuple for step in path.steps):
        code = _tuple_path(compiler, path, depth)
    else:
        short = None if path.keep_array else _short_path(compiler, path, depth)
        if short is not None and path.group is None:
            return short
        code = short or _plain_path(compiler, path, depth)
    if path.group is None:
        return code if path.keep_array else lambda context, frame: collapse(code(context, frame))
    group = compile_group(compiler, path.group.pairs, depth)
    return lambda context, frame: group(code(context, frame), frame)


def _is_plain_name(step: Node) -> bool:
    return step.type == "name" and step.stages is None and not step.keep_array and not step.tuple


def _short_path(compiler: Compiler, path: Node, depth: int) -> Code | None:
    """Names only, behind a variable or the context: objects are walked without making sequences."""
    first, *rest = path.steps
    if path.keep_singleton_array or not all(_is_plain_name(step) for step in rest):
        return None
    if first.type == "name" and _is_plain_name(first):
        names = tuple(step.value for step in path.steps)
        return _named(lambda context, frame: context, names, compiler, path.steps, depth)
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
        return collapse(_run_steps(compiled[at:], items, frame))

    def opened(value: Any, frame: Frame) -> Any:
        return collapse(spread_out([value], True, frame.run)) if names else collapse(value)

    return walk


def _run_steps(steps: list[Step], items: list[Any], frame: Frame) -> Any:
    result: Any = items
    for step in steps:
        result = step(result, frame)
        if result is UNDEFINED or (isinstance(result, list) and not result):
            break
    return result


def _plain_path(compiler: Compiler, path: Node, depth: int) -> Code:
    steps = [
        compile_step(compiler, step, depth + 1, step is path.steps[-1], at == 0) for at, step in enumerate(path.steps)
    ]
    from_variable = path.steps[0].type == "variable"
    keep = path.keep_singleton_array

    def walk(input: Any, frame: Frame) -> Any:
        items = input if isinstance(input, list) and not from_variable else [input]
        result = _run_steps(steps, items, frame)
        return _kept(result) if keep else result

    return walk


def _kept(result: Any) -> Any:
    """`[]` somewhere in the path: a single member does not collapse."""
    if result.__class__ is ConsArray:
        result = Sequence([result])
    if result.__class__ is Sequence:
        result.keep_singleton = True
    return result


def compile_step(compiler: Compiler, step: Node, depth: int, last: bool, first: bool = False) -> Step:
    """Code for a step without bindings."""
    if step.type == "sort":
        sort = compile_sort(compiler, step, depth)
        return _staged(sort, compile_stages(compiler, step.stages, depth - 1))
    code = compiler.code(step, depth)
    if first and step.cons_array:
        return code
    if _is_plain_name(step):
        return _name_step(step.value, last)
    stages = compile_stages(compiler, step.stages, depth - 1)

    def run_step(items: Any, frame: Frame) -> Any:
        if not isinstance(items, list):
            return UNDEFINED
        frame.run.step(len(items))
        results: list[Any] = []
        for item in items:
            result = code(item, frame)
            for stage in stages:
                result = stage(result, frame)
            if result is not UNDEFINED:
                results.append(result)
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


# Filters ------------------------------------------------------------------------------------------------------


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
    condition = compiler.code(predicate, depth + 1)

    def select(value: Any, frame: Frame) -> Any:
        items = value if isinstance(value, list) else [value]
        is_stream = items.__class__ is Sequence and items.tuple_stream
        found = Sequence()
        found.tuple_stream = is_stream
        frame.run.step(len(items))
        size = len(items)
        for at, item in enumerate(items):
            answer = condition(item[CONTEXT], Frame(item, frame, frame.run)) if is_stream else condition(item, frame)
            if answer is True:
                found.append(item)
            elif answer is not False and answer is not UNDEFINED:
                _choose(found, item, answer, at, size)
        return found

    return select


def _choose(found: Sequence, item: Any, answer: Any, at: int, size: int) -> None:
    """A number or list of numbers selects by index, anything else by its truth."""
    if is_number(answer):
        answer = [answer]
    if is_number_list(answer):
        for number in answer:
            index = math.floor(number)
            if (size + index if index < 0 else index) == at:
                found.append(item)
    elif truth(answer):
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


# Tuple streams ------------------------------------------------------------------------------------------------


def _tuple_path(compiler: Compiler, path: Node, depth: int) -> Code:
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
            items = _run_steps(plain, items, frame)
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
        return _kept(result) if path.keep_singleton_array else result

    return walk


TupleStep = Callable[[Any, "list[Any] | None", Frame], Any]


def _tuple_step(compiler: Compiler, step: Node, depth: int) -> TupleStep:
    stages = compile_stages(compiler, step.stages, depth - 1)
    if step.type == "sort":
        return _tuple_sort(compiler, step, depth, stages)
    code = compiler.code(step, depth)

    def run_step(items: Any, tuples: list[Any] | None, frame: Frame) -> Any:
        run: Run = frame.run
        before = [{CONTEXT: item} for item in items] if tuples is None else tuples
        found = Sequence()
        found.tuple_stream = True
        run.step(len(before))
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
