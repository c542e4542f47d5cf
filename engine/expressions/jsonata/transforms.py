"""The transform operator `|pattern|update, delete|`: a function that changes a copy of its argument."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.expressions.jsonata.calls import Code, Native, apply
from engine.expressions.jsonata.errors import InternalError, JsonataError
from engine.expressions.jsonata.root import root_lookup
from engine.expressions.jsonata.run import Frame, Run
from engine.expressions.jsonata.signature import parse_signature
from engine.expressions.jsonata.tree import Node
from engine.expressions.jsonata.values import UNDEFINED, Function, is_text_list

if TYPE_CHECKING:
    from engine.expressions.jsonata.compiler import Compiler

_SIGNATURE = parse_signature("<(oa):o>")


def compile_transform(compiler: Compiler, node: Node) -> Code:
    """Code that makes the function; its parts are evaluated one level below the call of it."""
    before = compiler.nodes
    pattern, update = compiler.code(node.pattern, 1), compiler.code(node.update, 1)
    delete = None if node.delete is None else compiler.code(node.delete, 1)
    nodes = compiler.nodes - before

    def make(input: Any, frame: Frame) -> Any:
        def transform(run: Run, value: Any) -> Any:
            if value is UNDEFINED:
                return value
            copy = _clone(value, frame)
            matches = pattern(copy, frame)
            if matches is UNDEFINED:
                return copy
            own = _objects_in(copy, run)
            run.turns(len(matches) if isinstance(matches, list) else 1, nodes)
            for match in matches if isinstance(matches, list) else [matches]:
                if id(match) not in own and isinstance(match, (dict, list)):
                    # A pattern may lead out of the copy, to data that others share: that is never changed.
                    continue
                _update(match, update(match, frame))
                if delete is not None:
                    _delete(match, delete(match, frame))
            return copy

        return Native("", transform, 1, _SIGNATURE)

    return make


def _clone(value: Any, frame: Frame) -> Any:
    at: Frame | None = frame
    clone: Any = UNDEFINED
    while at is not None and clone is UNDEFINED:
        clone = at.names.get("clone", UNDEFINED)
        at = at.outer
    if clone is UNDEFINED:
        clone = root_lookup("clone", frame.run)
    if not isinstance(clone, Function):
        raise JsonataError("T2013")
    return apply(clone, [value], None, frame.run)


def _objects_in(copy: Any, run: Run) -> set[int]:
    """Identities of the objects that the copy is made of."""
    found: set[int] = set()
    todo = [copy]
    while todo:
        item = todo.pop()
        run.step(1)
        if isinstance(item, dict):
            found.add(id(item))
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return found


def _update(match: Any, update: Any) -> None:
    if update is UNDEFINED:
        return
    if update.__class__ is not dict:
        raise JsonataError("T2011", value=update)
    if match.__class__ is dict:
        match.update(update)
    elif update and not isinstance(match, list):
        raise InternalError("a scalar cannot be updated")


def _delete(match: Any, names: Any) -> None:
    if names is UNDEFINED:
        return
    listed = names if isinstance(names, list) else [names]
    if not is_text_list(listed):
        raise JsonataError("T2012", value=names)
    if match.__class__ is dict:
        for name in listed:
            match.pop(name, None)
