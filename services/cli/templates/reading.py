"""Read templates and definitions written as JSON or YAML; the short tags of CloudFormation become `Fn::` objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import yaml

from services.cli.errors import CommandError

BYTES_MAX: Final = 4 << 20
NODES_MAX: Final = 500_000


class Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML as CloudFormation reads it: dates stay text, and only plain data comes out."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _short_tag(loader: Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    """`!Sub x` is `{"Fn::Sub": x}`, `!GetAtt a.b` is `{"Fn::GetAtt": ["a", "b"]}`."""
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix in ("Ref", "Condition"):
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", _short_tag)


def read_document(path: Path) -> Any:
    """The content of a JSON or YAML file.

    Raises:
        CommandError: it cannot be read, or is too large.
    """
    try:
        if path.stat().st_size > BYTES_MAX:
            raise CommandError(f"{path} is larger than {BYTES_MAX >> 20} MiB")
        text = path.read_text("utf-8")
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not UTF-8 text") from None
    return parse_document(text, str(path))


def parse_document(text: str, where: str) -> Any:
    """The content of a JSON or YAML text; `where` names it in errors.

    Raises:
        CommandError: it is neither, or nested too deeply, or its aliases make it too large.
    """
    try:
        value = json.loads(text) if text.lstrip().startswith(("{", "[")) else _of_yaml(text)
        _count(value)
    except json.JSONDecodeError as error:
        try:
            value = _of_yaml(text)  # YAML in flow style begins with a brace too
        except yaml.YAMLError:
            raise CommandError(f"{where} is not JSON: {error}") from None
    except yaml.YAMLError as error:
        raise CommandError(f"{where} is not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise CommandError(f"{where} is nested too deeply") from None
    except _TooLarge:
        raise CommandError(f"{where} has more than {NODES_MAX} values") from None
    return value


def _of_yaml(text: str) -> Any:
    return yaml.load(text, Loader)  # a SafeLoader


class _TooLarge(Exception):
    """Aliases of aliases."""


def _count(value: Any) -> None:
    """Walk all values, those behind aliases each time that they are named."""
    waiting, seen = [value], 0
    while waiting:
        one = waiting.pop()
        seen += 1
        if seen > NODES_MAX:
            raise _TooLarge
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def is_template(document: Any) -> bool:
    """Whether it is a template and not a definition."""
    return isinstance(document, dict) and isinstance(document.get("Resources"), dict) and "States" not in document
