"""The intrinsic functions of templates: Ref, Fn::Sub, Fn::GetAtt and their kin, resolved against what is known.

What cannot be resolved is collected, not raised: the user hears of everything that is missing at once.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from services.cli.errors import CommandError

_PLACE: Final = re.compile(r"\$\{(!?)([^{}]*)\}")
_DYNAMIC: Final = re.compile(r"\{\{(resolve:[^{}]+)\}\}")
NO_VALUE: Final = object()


class Names(Protocol):
    """Knows what names stand for. None: not known, and noted as missing."""

    def ref(self, name: str) -> Any:
        """What Ref answers: a parameter, a pseudo parameter, a resource."""
        ...

    def attribute(self, name: str, attribute: str) -> Any:
        """What Fn::GetAtt answers."""
        ...

    def given(self, key: str) -> Any:
        """What the map file says of an export, a dynamic reference, or anything else by its own text."""
        ...


@dataclass
class Resolver:
    """Resolves the values of one template.

    Attributes:
        missing: what is not known, with the place that needs it.
    """

    names: Names
    mappings: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    place: str = ""
    _deciding: list[str] = field(default_factory=list)

    def resolve(self, value: Any) -> Any:
        """The value with every function replaced by what it answers."""
        if isinstance(value, str):
            return _DYNAMIC.sub(lambda found: self._text(self._needed(found[1], self.names.given(found[1]))), value)
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            function = _FUNCTIONS.get(name)
            if function is not None:
                return function(self, argument)
            if isinstance(name, str) and name.startswith("Fn::"):
                return self._needed(name, self.names.given(name))
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def holds(self, name: Any) -> bool:
        """Whether a condition of the template is true."""
        if not isinstance(name, str) or name not in self.conditions:
            raise CommandError(f"{self.place}: the template has no condition {name!r}")
        if name in self._deciding:
            raise CommandError(f"the condition {name!r} depends on itself")
        self._deciding.append(name)
        try:
            return self._truth(self.conditions[name])
        finally:
            self._deciding.pop()

    # --- the functions --------------------------------------------------------------------------------------------

    def _ref(self, name: Any) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        return self._needed(str(name), self.names.ref(str(name)))

    def _get_att(self, argument: Any) -> Any:
        parts = argument.split(".", 1) if isinstance(argument, str) else [self.resolve(part) for part in argument]
        if len(parts) < 2:
            raise CommandError(f"{self.place}: Fn::GetAtt needs a resource and an attribute")
        name, attribute = str(parts[0]), ".".join(map(str, parts[1:]))
        return self._needed(f"{name}.{attribute}", self.names.attribute(name, attribute))

    def _sub(self, argument: Any) -> str:
        text, own = argument if isinstance(argument, list) else (argument, {})
        values = {name: self.resolve(value) for name, value in own.items()}

        def one(found: re.Match[str]) -> str:
            name = found[2].strip()
            if found[1]:
                return f"${{{found[2]}}}"
            if name in values:
                return self._text(values[name])
            return self._text(self._get_att(name) if "." in name else self._ref(name))

        return _PLACE.sub(one, self._string(text))

    def _join(self, argument: Any) -> str:
        separator, items = argument
        return self._string(separator).join(map(self._text, self._list(items)))

    def _select(self, argument: Any) -> Any:
        index, items = argument
        found, number = self._list(items), int(self.resolve(index))
        if not 0 <= number < len(found):
            raise CommandError(f"{self.place}: Fn::Select has no item {number}")
        return found[number]

    def _split(self, argument: Any) -> list[str]:
        separator, text = argument
        return self._text(self.resolve(text)).split(self._string(separator))

    def _find_in_map(self, argument: Any) -> Any:
        keys = [self.resolve(part) for part in argument[:3]]
        found: Any = self.mappings
        for key in keys:
            found = found.get(str(key), found.get(key)) if isinstance(found, dict) else None
        if found is None:
            default = argument[3].get("DefaultValue") if len(argument) > 3 else None
            if default is None:
                raise CommandError(f"{self.place}: the mappings have no {'.'.join(map(str, keys))}")
            return self.resolve(default)
        return self.resolve(found)

    def _if(self, argument: Any) -> Any:
        name, then, otherwise = argument
        return self.resolve(then if self.holds(name) else otherwise)

    def _import_value(self, argument: Any) -> Any:
        name = self._text(self.resolve(argument))
        return self._needed(name, self.names.given(name))

    def _base64(self, argument: Any) -> str:
        return base64.b64encode(self._text(self.resolve(argument)).encode()).decode()

    def _to_json_string(self, argument: Any) -> str:
        return json.dumps(self.resolve(argument), ensure_ascii=False, separators=(",", ":"))

    def _length(self, argument: Any) -> int:
        return len(self._list(argument))

    # --- truth ----------------------------------------------------------------------------------------------------

    def _truth(self, value: Any) -> bool:
        match value:
            case {"Fn::Equals": [left, right]}:
                return self._text(self.resolve(left)) == self._text(self.resolve(right))
            case {"Fn::Not": [inner]}:
                return not self._truth(inner)
            case {"Fn::And": [*inner]}:
                return all(map(self._truth, inner))
            case {"Fn::Or": [*inner]}:
                return any(map(self._truth, inner))
            case {"Condition": name}:
                return self.holds(name)
        raise CommandError(f"{self.place}: {value!r} is no condition")

    # --- texts ----------------------------------------------------------------------------------------------------

    def _needed(self, key: str, value: Any) -> Any:
        if value is None:
            self.missing.setdefault(key, self.place)
            return f"<{key}>"
        return value

    def _list(self, value: Any) -> list[Any]:
        found = self.resolve(value)
        if isinstance(found, str):
            return found.split(",")
        if not isinstance(found, list):
            raise CommandError(f"{self.place}: a list is needed, not {found!r}")
        return found

    def _string(self, value: Any) -> str:
        if not isinstance(value, str):
            raise CommandError(f"{self.place}: a text is needed, not {value!r}")
        return value

    def _text(self, value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, list):
            return ",".join(map(self._text, value))
        if isinstance(value, str | int | float):
            return str(value)
        raise CommandError(f"{self.place}: {value!r} cannot be part of a text")


_FUNCTIONS: Final[dict[str, Callable[[Resolver, Any], Any]]] = {
    "Ref": Resolver._ref,
    "Fn::GetAtt": Resolver._get_att,
    "Fn::Sub": Resolver._sub,
    "Fn::Join": Resolver._join,
    "Fn::Select": Resolver._select,
    "Fn::Split": Resolver._split,
    "Fn::FindInMap": Resolver._find_in_map,
    "Fn::If": Resolver._if,
    "Fn::ImportValue": Resolver._import_value,
    "Fn::Base64": Resolver._base64,
    "Fn::ToJsonString": Resolver._to_json_string,
    "Fn::Length": Resolver._length,
}
