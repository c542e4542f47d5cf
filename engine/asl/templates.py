"""Checks the expressions of a definition: paths, intrinsic functions, payload templates and JSONata strings."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final, TypeGuard

from engine.asl.model import QueryLanguage
from engine.asl.site import Site
from engine.expressions.intrinsics import compile_intrinsic
from engine.expressions.jsonata import check_jsonata, variables_of_jsonata
from engine.expressions.jsonpath import check_path, variables_of
from engine.expressions.reference_path import compile_reference_path
from engine.expressions.scope import ExpressionSyntaxError

_PATH_LIKE: Final = re.compile(r"\$\$?[.\[]|States\.[A-Za-z0-9]+\(")
_ROOT: Final = re.compile(r"\$(?:\$|[^\W\d]\w*)?")
_OPENING: Final = "{%"
_CLOSING: Final = "%}"


def is_jsonata(value: object) -> TypeGuard[str]:
    """True for a string between `{%` and `%}`."""
    return isinstance(value, str) and len(value) >= 4 and value.startswith(_OPENING) and value.endswith(_CLOSING)


@lru_cache(maxsize=8192)
def variables_in(text: str, language: QueryLanguage) -> frozenset[str]:
    """The variables that one expression mentions, without the dollar sign."""
    return frozenset(variables_of_jsonata(text) if language == "JSONata" else variables_of(text))


@lru_cache(maxsize=8192)
def is_path(text: str) -> bool:
    """True for a path into the input, the context object or a variable."""
    if not text.startswith("$"):
        return False
    try:
        check_path(text)
    except ExpressionSyntaxError:
        return False
    return True


@lru_cache(maxsize=8192)
def is_path_or_intrinsic(text: str) -> bool:
    """True for what may stand behind a key that ends in `.$`."""
    if text.startswith("$"):
        return is_path(text)
    try:
        compile_intrinsic(text)
    except ExpressionSyntaxError:
        return False
    return True


@lru_cache(maxsize=8192)
def reference_path_error(text: str, context: bool, variables: bool) -> str | None:
    """AWS's text when `text` is no reference path, else None.

    Args:
        context: the path may begin with `$$`.
        variables: the path may begin with `$name`.
    """
    root = _ROOT.match(text)
    if root is not None and len(root.group()) > 1 and (context if root.group() == "$$" else variables):
        text = "$" + text[root.end() :]
    try:
        compile_reference_path(text)
    except ExpressionSyntaxError as error:
        return str(error)
    return None


def looks_like_path(value: object) -> bool:
    """True for a text that its author may have meant as a path or an intrinsic function."""
    return isinstance(value, str) and _PATH_LIKE.match(value) is not None


def check_template(value: Any, site: Site) -> None:
    """Check a payload template (JSONPath) or a JSONata template."""
    if site.language == "JSONata":
        check_jsonata_template(value, site)
    elif isinstance(value, (dict, list)):
        _check_payload_template(value, site)


def _check_payload_template(template: dict[str, Any] | list[Any], site: Site) -> None:
    """Walk without recursion, in writing order."""
    waiting: list[Any] = [template]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(inner for inner in reversed(part) if isinstance(inner, (dict, list)))
            continue
        deeper = []
        for key, value in part.items():
            if key.endswith(".$"):
                _check_dollar_field(key, value, part, site)
            elif isinstance(value, (dict, list)):
                deeper.append(value)
            elif looks_like_path(value):
                site.at(key).warn("NO_DOLLAR", f"The value of the field '{key}' looks like a path, but its name "
                                               "does not end with '.$'.")  # fmt: skip
        waiting.extend(reversed(deeper))


def _check_dollar_field(key: str, value: Any, fields: dict[str, Any], site: Site) -> None:
    if not isinstance(value, str) or not is_path_or_intrinsic(value):
        site.error(f"The value for the field '{key}' must be a valid JSONPath or a valid intrinsic function call")
    if key[:-2] in fields:
        site.error(f"There should only be one of the following fields: [{key[:-2]}, {key}]")


def check_static(value: Any, site: Site) -> None:
    """Warn once of a Pass state's Result that looks as if something in it would be evaluated."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if looks_like_path(part) or (isinstance(part, dict) and any(key.endswith(".$") for key in part)):
            site.warn("PASS_RESULT_IS_STATIC", "Result is literal: the path in it is not evaluated.")
            return
        if isinstance(part, (dict, list)):
            waiting.extend(part.values() if isinstance(part, dict) else part)


def check_jsonata_template(value: Any, site: Site) -> None:
    """Check every `{% %}` string inside a value; other strings are literal."""
    waiting: list[tuple[Any, Site]] = [(value, site)]
    while waiting:
        part, place = waiting.pop()
        if isinstance(part, str):
            check_jsonata_text(part, place)
        elif isinstance(part, dict):
            waiting.extend((part[key], place.at(key)) for key in reversed(part))
        elif isinstance(part, list):
            waiting.extend((part[index], place.item(index)) for index in reversed(range(len(part))))


def check_jsonata_text(text: str, site: Site) -> None:
    """Check one string that may be an expression."""
    if is_jsonata(text):
        findings = check_jsonata(text, has_result=site.has_result, has_error_output=site.has_error_output)
        for code, message in findings:
            site.error(message, code)
    elif text.startswith(_OPENING) or text.endswith(_CLOSING):
        site.error("JSONata string must start with {% and end with %}")
