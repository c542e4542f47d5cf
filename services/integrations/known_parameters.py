"""Parameters of an optimised integration as TaskScheduled shows them: what the API knows of what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from services.integrations.shapes import (
    BAD_FORMAT,
    MISSING,
    OPTIMISED,
    ParameterProblems,
    is_fit,
    member_names,
    missing_members,
)

if TYPE_CHECKING:
    from botocore.model import Shape

# Any JSON value does for these: it is sent as its text.
_ANYTHING: Final = frozenset({"string", "character", "blob"})


def known_parameters(value: dict[str, Any], shape: Shape | None, given: tuple[str, ...] = ()) -> dict[str, Any]:
    """The same object, or one without the members that the API does not know, at every depth.

    Args:
        given: required members that the integration fills in itself.

    Raises:
        ParameterProblems: a required member is missing, or a value cannot be what the API wants.
    """
    if shape is None:
        return {} if value else value
    problems: list[str] = []
    known: dict[str, Any] = _structure(value, shape, problems)
    problems += [MISSING.format(name) for name in missing_members(value, shape, OPTIMISED) if name not in given]
    if problems:
        raise ParameterProblems(problems)
    return known


def _known(value: Any, shape: Shape, problems: list[str], field: str) -> Any:
    kind = shape.type_name
    if kind in _ANYTHING or value is None or getattr(shape, "is_document_type", False):
        return value
    if kind == "structure" and isinstance(value, dict):
        return _structure(value, shape, problems)
    if kind == "list" and isinstance(value, list):
        items = [_known(item, shape.member, problems, field) for item in value]
        return items if _differ(items, value) else value
    if kind == "map" and isinstance(value, dict):
        entries = {key: _known(item, shape.value, problems, field) for key, item in value.items()}
        return entries if _differ(entries.values(), value.values()) else value
    if not is_fit(value, shape):
        problems.append(BAD_FORMAT.format(field))
    return value


def _structure(value: dict[str, Any], shape: Shape, problems: list[str]) -> dict[str, Any]:
    names = member_names(shape, OPTIMISED)
    known = {}
    for key, item in value.items():
        name = names.get(key) or names.get(key.lower())
        if name is not None:
            known[key] = _known(item, shape.members[name], problems, key)
    same = len(known) == len(value) and not _differ(known.values(), value.values())
    return value if same else known


def _differ(left: Any, right: Any) -> bool:
    return any(one is not other for one, other in zip(left, right, strict=True))
