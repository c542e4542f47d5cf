"""The contract: botocore's service model compiled once into one checker per operation.

A checker walks a decoded request and either finds it in order or raises AWS's error: a member of another JSON type
is a SerializationException, every broken constraint is one text of a ValidationException (all are collected).
JSON null is "not given", unknown members are ignored, as AWS does both. The values of sensitive members are left out
of the texts. Nothing here knows an operation by name.

Source: reference of the API, section 7; the order of some enum sets and the patterns' spelling are recorded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import botocore.session
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StringShape, StructureShape

from services.api import errors

Check: TypeAlias = Callable[[Any, str, list[str]], None]
"""Look at a value that stands at a path; append a text per broken rule, raise for a wrong JSON type."""

_ENUM_ORDER: Final = {
    "ExecutionStatus": ("SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING"),
}
_JAVA_ONLY_PATTERNS: Final = {r"\p{ASCII}*": r"[\x00-\x7f]*"}
_INTEGER_RANGES: Final = {"integer": 2**31, "long": 2**63}


@dataclass(frozen=True, slots=True)
class Contract:
    """One operation as the model tells it: its name and the check of its input."""

    operation: str
    check: Callable[[Any], None]


def load_model() -> ServiceModel:
    """The service model that comes with botocore."""
    return botocore.session.get_session().get_service_model("stepfunctions")


def compile_contracts(model: ServiceModel) -> dict[str, Contract]:
    """One contract per operation, by operation name."""
    contracts = {}
    for name in model.operation_names:
        operation = model.operation_model(name)
        contracts[name] = Contract(name, _check_of_input(operation.input_shape))
    return contracts


def _check_of_input(shape: StructureShape) -> Callable[[Any], None]:
    members = _members_of(shape)

    def check(body: Any) -> None:
        if type(body) is not dict:
            raise _wrong_type(body, "structure")
        problems: list[str] = []
        get = body.get
        for name, required, check_member in members:
            value = get(name)
            if value is not None:
                check_member(value, name, problems)
            elif required:
                problems.append(_null(name))
        if problems:
            raise errors.shape(problems)

    return check


def _members_of(shape: StructureShape) -> list[tuple[str, bool, Check]]:
    required = set(shape.required_members)
    return [(name, name in required, _check_of(member)) for name, member in shape.members.items()]


def _check_of(shape: Shape) -> Check:
    """Compile one shape."""
    if isinstance(shape, StructureShape):
        return _check_of_structure(shape)
    if isinstance(shape, ListShape):
        return _check_of_list(shape)
    if isinstance(shape, MapShape):
        return _check_of_map(shape)
    if isinstance(shape, StringShape):
        return _check_of_string(shape)
    if shape.type_name == "boolean":
        return _check_boolean
    assert shape.type_name in ("integer", "long", "float", "double", "timestamp"), shape.type_name
    return _check_of_number(shape)


def _check_of_structure(shape: StructureShape) -> Check:
    members = _members_of(shape)

    def check(value: Any, path: str, problems: list[str]) -> None:
        if type(value) is not dict:
            raise _wrong_type(value, "structure")
        for name, required, check_member in members:
            member = value.get(name)
            if member is not None:
                check_member(member, f"{path}.{name}", problems)
            elif required:
                problems.append(_null(f"{path}.{name}"))

    return check


def _check_of_list(shape: ListShape) -> Check:
    check_item = _check_of(shape.member)
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    item_shape = shape.member

    def check(value: Any, path: str, problems: list[str]) -> None:
        if type(value) is not list:
            raise _wrong_type(value, "list")
        if len(value) < least:
            problems.append(broken(_list_text(value, item_shape), path, f"{_LENGTH_LEAST}{least}"))
        if most is not None and len(value) > most:
            problems.append(broken(_list_text(value, item_shape), path, f"{_LENGTH_MOST}{most}"))
            return
        for number, item in enumerate(value, 1):
            if item is None:
                problems.append(_null(f"{path}.{number}.member"))
            else:
                check_item(item, f"{path}.{number}.member", problems)

    return check


def _check_of_map(shape: MapShape) -> Check:
    check_key, check_value = _check_of(shape.key), _check_of(shape.value)

    def check(value: Any, path: str, problems: list[str]) -> None:
        if type(value) is not dict:
            raise _wrong_type(value, "structure")
        for key, item in value.items():
            check_key(key, f"{path}.key", problems)
            if item is not None:
                check_value(item, f"{path}.{key}.member", problems)

    return check


def _check_of_string(shape: StringShape) -> Check:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", 2**31)
    sensitive = bool(shape.metadata.get("sensitive"))
    further = _further_check_of_string(shape, sensitive)

    def check(value: Any, path: str, problems: list[str]) -> None:
        if type(value) is not str:
            raise _wrong_type(value, "String")
        if not least <= len(value) <= most:
            rule = f"{_LENGTH_LEAST}{least}" if len(value) < least else f"{_LENGTH_MOST}{most}"
            problems.append(broken(None if sensitive else value, path, rule))
        if further is not None:
            further(value, path, problems)

    return check


def _further_check_of_string(shape: StringShape, sensitive: bool) -> Check | None:
    """What only some strings have: an enum or a pattern."""
    if shape.enum:
        allowed = frozenset(shape.enum)
        rule = f"Member must satisfy enum value set: [{', '.join(_ENUM_ORDER.get(shape.name, shape.enum))}]"

        def matches(value: str) -> bool:
            return value in allowed
    elif pattern := shape.metadata.get("pattern"):
        full = re.compile(_JAVA_ONLY_PATTERNS.get(pattern, pattern)).fullmatch
        rule = f"Member must satisfy regular expression pattern: {pattern}"

        def matches(value: str) -> bool:
            return full(value) is not None
    else:
        return None

    def check(value: Any, path: str, problems: list[str]) -> None:
        if not matches(value):
            problems.append(broken(None if sensitive else value, path, rule))

    return check


def _check_of_number(shape: Shape) -> Check:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    whole = shape.type_name in _INTEGER_RANGES
    beyond = _INTEGER_RANGES.get(shape.type_name, 0)
    kind = {"integer": "Integer", "long": "Long", "float": "Float"}.get(shape.type_name, "Double")

    def check(value: Any, path: str, problems: list[str]) -> None:
        if type(value) is not int and (whole or type(value) is not float):
            raise _wrong_type(value, kind)
        if whole and not -beyond <= value < beyond:
            raise errors.serialization(f"Numeric value out of range of {kind}")
        if least is not None and value < least:
            problems.append(broken(str(value), path, f"Member must have value greater than or equal to {least}"))
        elif most is not None and value > most:
            problems.append(broken(str(value), path, f"Member must have value less than or equal to {most}"))

    return check


def _check_boolean(value: Any, path: str, problems: list[str]) -> None:
    if type(value) is not bool:
        raise _wrong_type(value, "Boolean")


_LENGTH_LEAST: Final = "Member must have length greater than or equal to "
_LENGTH_MOST: Final = "Member must have length less than or equal to "


def _null(path: str) -> str:
    return f"Value null at '{path}' failed to satisfy constraint: Member must not be null"


def broken(value: str | None, path: str, rule: str) -> str:
    """One broken constraint in AWS's words; `value` None leaves the value out."""
    shown = "Value" if value is None else f"Value '{value}'"
    return f"{shown} at '{path}' failed to satisfy constraint: {rule}"


def _list_text(values: list[Any], shape: Shape) -> str:
    """A list as Java prints it: `[RoutingConfigurationListItem(stateMachineVersionArn=..., weight=50), ...]`."""
    if not isinstance(shape, StructureShape):
        return f"[{', '.join(str(value) for value in values)}]"
    return f"[{', '.join(_structure_text(value, shape) for value in values)}]"


def _structure_text(value: Any, shape: StructureShape) -> str:
    if type(value) is not dict:
        raise _wrong_type(value, "structure")
    members = ", ".join(f"{name}={value.get(name, 'null')}" for name in shape.members)
    return f"{shape.name}({members})"


def _wrong_type(value: Any, wanted: str) -> errors.ApiError:
    """The texts of AWS's JSON reader."""
    if type(value) is dict:
        return errors.serialization("Start of structure or map found where not expected.")
    if type(value) is list:
        return errors.serialization("Start of list found where not expected")
    if wanted == "list":
        return errors.serialization("Expected list or null")
    if wanted == "structure":
        return errors.serialization("Unexpected value type in payload")
    token = {str: "STRING_VALUE", bool: "TRUE_VALUE" if value is True else "FALSE_VALUE"}.get(
        type(value), "NUMBER_VALUE" if type(value) is int else "DECIMAL_VALUE"
    )
    return errors.serialization(f"{token} can not be converted to {'an' if wanted == 'Integer' else 'a'} {wanted}")
