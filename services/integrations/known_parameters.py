"""Whether an integration can use parameters: before it is sent anywhere, and what a definition writes out itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from engine.asl.templates import is_path_or_intrinsic
from services.integrations.shapes import (
    BAD_FORMAT,
    MISSING,
    NOT_SUPPORTED,
    Dialect,
    ParameterProblems,
    is_fit,
    is_stream,
    member_of,
    missing_members,
)

if TYPE_CHECKING:
    from services.integrations.shapes import AnyShape

_TEXT: Final = frozenset({"string", "character"})
_NO_TEXT: Final = "The value for the field '{}' must be a STRING"
_PATH: Final = ".$"


def check_parameters(
    value: Any,
    shape: AnyShape | None,
    dialect: Dialect,
    *,
    given: Collection[str] = (),
    as_json: Collection[str] | None = None,
) -> None:
    """Check evaluated parameters.

    Args:
        given: required members that the integration fills in itself.
        as_json: the members that are sent as JSON, while every other text must be one; None where all are.

    Raises:
        ParameterProblems: a member is unknown or missing, or a value cannot be what the API wants.
    """
    if shape is None:
        return
    problems = list(_problems(value, shape, dialect, as_json, ""))
    problems += [MISSING.format(name) for name in missing_members(value, shape, dialect) if name not in given]
    if problems:
        raise ParameterProblems(problems)


def check_keys(value: Any) -> None:
    """Check that keys of evaluated parameters which end in `.$` have a path behind them, at any depth.

    Raises:
        ParameterProblems: one has not, as in `{"taskToken.$.$": "$$.Task.Token"}`.
    """
    problems = list(_key_problems(value))
    if problems:
        raise ParameterProblems(problems)


def _key_problems(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key.endswith(_PATH) and not (isinstance(item, str) and is_path_or_intrinsic(item)):
                yield f"The value for the field '{key}' must be a valid JSONPath or a valid intrinsic function call"
            else:
                yield from _key_problems(item)
    elif isinstance(value, list):
        for item in value:
            yield from _key_problems(item)


def unsupported(value: Any, shape: AnyShape | None, dialect: Dialect, *, paths: bool) -> Iterator[str]:
    """The members that a definition writes and the API does not know.

    Args:
        paths: keys that end in `.$` get their values from elsewhere; what they are called is seen when they have one.
    """
    if shape is None or getattr(shape, "is_document_type", False):
        return
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        for key, item in value.items():
            if paths and key.endswith(_PATH):
                continue
            name = member_of(key, shape, dialect)
            if name is None:
                yield key
            else:
                yield from unsupported(item, shape.members[name], dialect, paths=paths)
    elif kind == "list" and isinstance(value, list):
        for item in value:
            yield from unsupported(item, shape.member, dialect, paths=paths)
    elif kind == "map" and isinstance(value, Mapping):
        for item in value.values():
            yield from unsupported(item, shape.value, dialect, paths=paths)


def _problems(
    value: Any, shape: AnyShape, dialect: Dialect, as_json: Collection[str] | None, field: str
) -> Iterator[str]:
    kind = shape.type_name
    if kind == "blob" or value is None or getattr(shape, "is_document_type", False):
        return
    if kind in _TEXT:
        if not (isinstance(value, str) or as_json is None or field in as_json):
            yield _NO_TEXT.format(field)
    elif kind == "structure" and isinstance(value, dict):
        for key, item in value.items():
            name = member_of(key, shape, dialect)
            if name is None:
                yield NOT_SUPPORTED.format(key)
            elif not is_stream(shape, name, shape.members[name]):
                yield from _problems(item, shape.members[name], dialect, as_json, key)
    elif kind == "list" and isinstance(value, list):
        for item in value:
            yield from _problems(item, shape.member, dialect, as_json, field)
    elif kind == "map" and isinstance(value, dict):
        for key, item in value.items():
            yield from _problems(item, shape.value, dialect, as_json, key)
    elif not is_fit(value, shape):
        yield BAD_FORMAT.format(field)
