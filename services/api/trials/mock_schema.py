"""Checks a mocked result against the response model of the API that it stands for.

Source: recordings of TestState with fieldValidationMode STRICT, PRESENT and NONE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.asl.model import Resource
from services.integrations.model_of import ResponseModel, response_model

if TYPE_CHECKING:
    from botocore.model import Shape

_PREFIX: Final = "Mock result schema validation error: "
_NUMBERS: Final = frozenset({"integer", "long", "float", "double", "bigdecimal", "biginteger"})
_TEXTS: Final = frozenset({"string", "blob", "timestamp", "character"})


def mock_problem(resource: Resource, result: Any, mode: str) -> str | None:
    """AWS's text for the first thing that is wrong with a mocked result, None when nothing is.

    Args:
        resource: the Task's resource.
        result: the mocked result as a JSON value.
        mode: STRICT (required members too), PRESENT (only what is there), NONE.
    """
    if mode == "NONE" or resource.kind != "service":
        return None
    model = response_model(resource)
    if model is None or not isinstance(result, dict):
        return None
    problem = _structure(result, model.shape, model, mode == "STRICT")
    return None if problem is None else _PREFIX + problem


def _structure(value: dict[str, Any], shape: Any, model: ResponseModel, strict: bool) -> str | None:
    for name, member in shape.members.items():
        shown = model.member_name(name)
        if shown not in value:
            if strict and name in shape.required_members:
                return f"Required field '{shown}' is missing"
            continue
        problem = _value(value[shown], member, shown, model, strict)
        if problem is not None:
            return problem
    return None


def _value(value: Any, shape: Shape, name: str, model: ResponseModel, strict: bool) -> str | None:
    kind = shape.type_name
    if value is None:
        return None
    if kind == "structure":
        if not isinstance(value, dict):
            return f"Field '{name}' must be an object"
        return None if getattr(shape, "is_document_type", False) else _structure(value, shape, model, strict)
    if kind == "list":
        if not isinstance(value, list):
            return f"Field '{name}' must be an array"
        return _first(_value(element, shape.member, name, model, strict) for element in value)
    if kind == "map":
        if not isinstance(value, dict):
            return f"Field '{name}' must be an object"
        return _first(_value(element, shape.value, name, model, strict) for element in value.values())
    return _scalar(value, shape, name)


def _scalar(value: Any, shape: Shape, name: str) -> str | None:
    kind, rules = shape.type_name, shape.metadata
    if kind == "boolean":
        return None if isinstance(value, bool) else f"Field '{name}' must be a boolean"
    if kind in _NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"Field '{name}' must be a number"
        if "min" in rules and value < rules["min"]:
            return f"Field '{name}' is less than the minimum value"
        if "max" in rules and value > rules["max"]:
            return f"Field '{name}' exceeds the maximum value"
        return None
    if kind not in _TEXTS:
        return None
    # A blob may be shown as any JSON (the Payload of lambda:invoke), so only its length has a rule.
    if not isinstance(value, str):
        return None if name == "Payload" else f"Field '{name}' must be a string"
    if rules.get("enum") and value not in rules["enum"]:
        return f"Field '{name}' is not an expected value"
    if "min" in rules and len(value) < rules["min"]:
        return f"Field '{name}' is smaller than the minimum length"
    if "max" in rules and len(value) > rules["max"]:
        return f"Field '{name}' is larger than the maximum length"
    return None


def _first(problems: Any) -> str | None:
    return next((problem for problem in problems if problem is not None), None)
