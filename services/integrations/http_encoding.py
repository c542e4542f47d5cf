"""How an HTTP task writes its query, headers and body, and how it merges what the connection adds.

Source: captures of the service's requests: percent encoding without `+`, brackets encoded, the connection's
parameters replace equal keys in place and are appended otherwise, keys compared exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

from services.integrations.connections import Parameter
from services.integrations.shapes import text_of

ARRAY_FORMATS: Final = ("INDICES", "REPEAT", "COMMAS", "BRACKETS")
_SAFE: Final = "*-._"


def percent(text: str) -> str:
    """One key or value in a query or form."""
    return quote(text, safe=_SAFE)


def merged(own: Mapping[str, Any], added: Sequence[Parameter]) -> dict[str, Any]:
    """The task's parameters with the connection's: in place where the key is there, else at the end."""
    both = dict(own)
    both.update((parameter.key, parameter.value) for parameter in added)
    return both


def with_query(url: str, parameters: Mapping[str, Any]) -> str:
    """The URL with these query parameters behind those that it has; lists repeat their key."""
    scheme, host, path, query, _ = urlsplit(url)
    written = [
        f"{percent(key)}={percent(text_of(value))}" for key, values in parameters.items() for value in _each(values)
    ]
    whole = "&".join([*([query] if query else []), *written])
    return urlunsplit((scheme, host, quote(path or "/", safe="/%:@!$&'()*+,;=~-._"), whole, ""))


def form(body: Mapping[str, Any], array_format: str) -> str:
    """A form body; arrays as the format says, nested members in brackets."""
    return "&".join(f"{percent(key)}={percent(value)}" for key, value in _fields(body, array_format))


def _fields(body: Mapping[str, Any], array_format: str) -> Iterator[tuple[str, str]]:
    for key, value in body.items():
        yield from _field(key, value, array_format)


def _field(key: str, value: Any, array_format: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _field(f"{key}[{name}]", inner, array_format)
    elif isinstance(value, list):
        if array_format == "COMMAS":
            yield key, ",".join(_text(item) for item in value)
            return
        for index, item in enumerate(value):
            place = {"INDICES": f"{key}[{index}]", "BRACKETS": f"{key}[]"}.get(array_format, key)
            yield from _field(place, item, array_format)
    else:
        yield key, _text(value)


def _text(value: Any) -> str:
    return "" if value is None else text_of(value)


def _each(values: Any) -> Sequence[Any]:
    return values if isinstance(values, list) else [values]
