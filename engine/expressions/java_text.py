"""How the Java service prints values inside its texts: `{Id=arn, Tags=[a, b]}` for objects, `1.0E10` for numbers.

Source: recording `test_context_json_path` (States.Format of an object); error texts of its JSONPath library.
"""

from __future__ import annotations

from typing import Any

from engine.payload import encode_json, java_double


def java_text(value: Any) -> str:
    """A value as Java's `toString` prints maps, lists and numbers; strings stand raw.

    Works with a stack, so depth costs no recursion.
    """
    out: list[str] = []
    todo: list[Any] = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, _Raw):
            out.append(item)
        elif isinstance(item, dict):
            todo.append(_Raw("}"))
            for at, (key, member) in enumerate(reversed(item.items())):
                todo.append(member)
                todo.append(_Raw(f"{key}=" if at == len(item) - 1 else f", {key}="))
            todo.append(_Raw("{"))
        elif isinstance(item, list):
            todo.append(_Raw("]"))
            for at in range(len(item) - 1, -1, -1):
                todo.append(item[at])
                if at:
                    todo.append(_Raw(", "))
            todo.append(_Raw("["))
        else:
            out.append(_scalar(item))
    return "".join(out)


class _Raw(str):
    """Text that is already printed."""


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return java_double(value)
    return encode_json(value).decode()
