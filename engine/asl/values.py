"""Checks single values against their row of the table: types, ranges, options, paths, timestamps, names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from engine.arn import is_label
from engine.asl.rules import Field, Kind
from engine.asl.site import Site
from engine.asl.templates import (
    check_jsonata_template,
    check_jsonata_text,
    check_template,
    is_path,
    is_path_or_intrinsic,
    looks_like_path,
    reference_path_error,
)
from engine.failure import STATES_ALL
from engine.limits import LABEL_CHARACTERS_MAX, NAME_CHARACTERS_MAX

_TIMESTAMP: Final = re.compile(r"(\d{4}-\d\d-\d\dT)(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|[+-](\d\d):(\d\d))", re.ASCII)
_NOT_JSONATA_DELIMITED: Final = re.compile(r"\{%|.*%\}\Z", re.DOTALL)


def expect(type_name: str, site: Site) -> None:
    """Report a value of another JSON type."""
    site.error(f"Expected value of type [{type_name}]")


def is_timestamp(text: str) -> bool:
    """True for an RFC 3339 timestamp with upper-case T and Z that exists in the calendar."""
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        return False
    day, hour, minute, second, zone_hour, zone_minute = found.groups()
    try:
        datetime.fromisoformat(f"{day}{hour}:{minute}:{second}")
    except ValueError:
        return False
    return zone_hour is None or (int(zone_hour) < 24 and int(zone_minute) < 60)


def is_variable_name(name: str) -> bool:
    """True for a Unicode identifier of at most 80 characters."""
    return name.isidentifier() and len(name) <= NAME_CHARACTERS_MAX


def _check_text(value: Any, row: Field, site: Site) -> None:
    if not isinstance(value, str):
        expect("STRING", site)
    elif looks_like_path(value) and site.language == "JSONPath":
        site.warn("NO_PATH", f"The value of the field '{row.name}' looks like a path, but its name does not end "
                             "with 'Path'.")  # fmt: skip


def _check_text_or_expression(value: Any, row: Field, site: Site) -> None:
    if site.language == "JSONata" and isinstance(value, str):
        check_jsonata_text(value, site)
    else:
        _check_text(value, row, site)


def _check_boolean(value: Any, row: Field, site: Site) -> None:
    if not isinstance(value, bool):
        expect("BOOLEAN", site)


def _check_truth_or_expression(value: Any, row: Field, site: Site) -> None:
    if isinstance(value, str) and _NOT_JSONATA_DELIMITED.match(value):
        check_jsonata_text(value, site)
    elif not isinstance(value, bool):
        expect("BOOLEAN", site)


def _is_expression_instead(value: Any, row: Field, site: Site) -> bool:
    """True if an expression (or half of one) stands where JSONata allows it; then it has been checked."""
    if site.language != "JSONata" or not row.expression or not isinstance(value, str):
        return False
    if not _NOT_JSONATA_DELIMITED.match(value):
        return False
    check_jsonata_text(value, site)
    return True


def _check_integer(value: Any, row: Field, site: Site) -> None:
    if _is_expression_instead(value, row, site):
        return
    if not isinstance(value, int) or isinstance(value, bool):
        site.error("Expected value of type Integer")
    elif row.minimum is not None and value < row.minimum:
        site.error(f"Minimum value is {int(row.minimum)}")
    elif row.maximum is not None and value > row.maximum:
        site.error(f"Maximum value is {int(row.maximum)}")


def _check_number(value: Any, row: Field, site: Site) -> None:
    if _is_expression_instead(value, row, site):
        return
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        site.error("Expected value of type Number")
    elif row.minimum is not None and value < row.minimum:
        site.error(f"Minimum value is {float(row.minimum)}")
    elif row.maximum is not None and value > row.maximum:
        site.error(f"Maximum value is {float(row.maximum)}")


def _check_option(value: Any, row: Field, site: Site) -> None:
    if not isinstance(value, str):
        expect("STRING", site)
    elif value not in row.options:
        site.error(f"Value should be one of the following: [{', '.join(row.options)}]")


def _check_path(value: Any, row: Field, site: Site) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        expect("STRING", site)
    elif not is_path(value):
        site.error("Value must be a valid JSONPath.")


def _check_reference_path(value: Any, row: Field, site: Site) -> None:
    if value is not None:
        _check_some_reference_path(value, site, context=False, variables=False)


def _check_items_path(value: Any, row: Field, site: Site) -> None:
    _check_some_reference_path(value, site, context=True, variables=True)


def _check_number_path(value: Any, row: Field, site: Site) -> None:
    _check_some_reference_path(value, site, context=False, variables=True)


def _check_some_reference_path(value: Any, site: Site, context: bool, variables: bool) -> None:
    if not isinstance(value, str):
        expect("STRING", site)
        return
    error = reference_path_error(value, context, variables)
    if error is not None:
        site.error(error)


def _check_text_path(value: Any, row: Field, site: Site) -> None:
    if not isinstance(value, str):
        expect("STRING", site)
    elif not is_path_or_intrinsic(value):
        site.error(f"The value for the field '{row.name}' must be a valid JSONPath or a valid intrinsic function call")


def _check_timestamp(value: Any, row: Field, site: Site) -> None:
    if _is_expression_instead(value, row, site):
        return
    if not isinstance(value, str):
        expect("STRING", site)
    elif not is_timestamp(value):
        site.error("String does not match RFC3339 timestamp")


def _check_array_or_expression(value: Any, row: Field, site: Site) -> None:
    if isinstance(value, (list, dict)):
        check_jsonata_template(value, site)
    elif not isinstance(value, str) or not _NOT_JSONATA_DELIMITED.match(value):
        expect("ARRAY", site)
    else:
        check_jsonata_text(value, site)


def _check_error_names(value: Any, row: Field, site: Site) -> None:
    if not isinstance(value, list):
        expect("ARRAY", site)
    elif not value:
        site.error("Value cannot be empty")
    else:
        _check_texts(value, row, site)
        if STATES_ALL in value and len(value) > 1:
            site.error("States.ALL must appear alone and at end of list")


def _check_texts(value: Any, row: Field, site: Site) -> None:
    if not isinstance(value, list):
        expect("ARRAY", site)
        return
    for index, text in enumerate(value):
        if not isinstance(text, str):
            expect("STRING", site.item(index))


def _check_label(value: Any, row: Field, site: Site) -> None:
    if not isinstance(value, str):
        expect("STRING", site)
    elif len(value) > LABEL_CHARACTERS_MAX:
        site.error(
            f"Invalid Label name: {value} exceeds the {LABEL_CHARACTERS_MAX}-character limit allowed by the service",
            "INVALID_LABEL_NAME",
        )
    elif not is_label(value):
        site.error(f"Invalid Label name: {value}", "INVALID_LABEL_NAME")


def _check_variables(value: Any, row: Field, site: Site) -> None:
    if not isinstance(value, dict):
        expect("OBJECT", site)
        return
    for key in value:
        name = assigned_name(key, site.language)
        if name == "states":
            site.at(name).error("Cannot assign to reserved variable '$states'.", "RESERVED_VARIABLE_NAME")
        elif not is_variable_name(name):
            site.at(name).error(
                f"Invalid variable name '{name}': the variable name contains invalid characters.",
                "INVALID_VARIABLE_NAME",
            )
    check_template(value, site)


def assigned_name(key: str, language: str) -> str:
    """The variable that a key of Assign sets."""
    return key[:-2] if language == "JSONPath" and key.endswith(".$") else key


def _check_template_value(value: Any, row: Field, site: Site) -> None:
    check_template(value, site)


def _check_name(value: Any, row: Field, site: Site) -> None:
    if not isinstance(value, str):
        expect("STRING", site)


def _accept(value: Any, row: Field, site: Site) -> None:
    return


CHECKS: Final[Mapping[Kind, Callable[[Any, Field, Site], None]]] = MappingProxyType(
    {
        Kind.TEXT: _check_text,
        Kind.ANY: _accept,
        Kind.BOOLEAN: _check_boolean,
        Kind.INTEGER: _check_integer,
        Kind.NUMBER: _check_number,
        Kind.OPTION: _check_option,
        Kind.PATH: _check_path,
        Kind.REFERENCE_PATH: _check_reference_path,
        Kind.ITEMS_PATH: _check_items_path,
        Kind.NUMBER_PATH: _check_number_path,
        Kind.TEXT_PATH: _check_text_path,
        Kind.TEMPLATE: _check_template_value,
        Kind.ARRAY_OR_EXPRESSION: _check_array_or_expression,
        Kind.TRUTH_OR_EXPRESSION: _check_truth_or_expression,
        Kind.TEXT_OR_EXPRESSION: _check_text_or_expression,
        Kind.TIMESTAMP: _check_timestamp,
        Kind.STATE_NAME: _check_name,
        Kind.ERROR_NAMES: _check_error_names,
        Kind.TEXTS: _check_texts,
        Kind.LABEL: _check_label,
        Kind.VARIABLES: _check_variables,
    }
)
"""Kinds without machines or objects inside; the others are walked by `fields` and `structure`."""
