"""A definition in a file or on standard input, JSON or YAML, with the places of its values in what was written."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.cli.errors import CommandError
from services.cli.source_map import Place, SourceMap, Span

_YAML = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Written:
    """A definition as it was written.

    Attributes:
        name: of the file, for messages.
        source: what stands in the file.
        text: the definition as JSON; for a JSON file the source.
        places: of the values in the source.
        problem: what is wrong with the file before anything is known of the definition, and where.
    """

    name: str
    source: str
    text: str
    places: SourceMap
    problem: tuple[str, int] | None = None


def read_definition_file(file: Path) -> Written:
    """Read a definition; `-` is standard input.

    Raises:
        CommandError: the file cannot be read, or is a template.
    """
    name = "<stdin>" if str(file) == "-" else str(file)
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise CommandError(f"cannot read {name}: {error.strerror}") from None
    try:
        source = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return Written(name, "", "", SourceMap(""), (f"not UTF-8 text: {error.reason} at byte {error.start}", 0))
    if file.suffix in _YAML or (str(file) == "-" and source.strip() and not source.lstrip().startswith(("{", "["))):
        return _of_yaml(name, source)
    if '"Resources"' in source:
        _refuse_template(name, source)
    return Written(name, source, source, SourceMap(source))


def definition_text(file: Path) -> str:
    """The definition as JSON, to be sent to a server.

    Raises:
        CommandError: the file cannot be read.
    """
    written = read_definition_file(file)
    if written.problem is not None:
        line, column = written.places.line_and_column(written.problem[1])
        raise CommandError(f"{written.name}:{line}:{column}: {written.problem[0]}")
    return written.text


def _refuse_template(name: str, written: Any) -> None:
    """Say so when a template stands where a definition should; `written` is the document or its JSON text."""
    from services.cli.templates.reading import is_template

    try:
        document = json.loads(written) if isinstance(written, str) else written
    except (ValueError, RecursionError):
        return
    if is_template(document):
        raise CommandError(f"{name} is a template, not a definition; `stepwell deploy {name}` reads it")


def _of_yaml(name: str, source: str) -> Written:
    import yaml

    from services.cli.templates.reading import Loader, parse_document

    try:
        root = yaml.compose(source, Loader)
        spans = [] if root is None else _spans(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = 0 if mark is None else min(mark.index, max(0, len(source) - 1))
        return Written(name, source, "", SourceMap(source, []), (f"not YAML: {error.problem}", at))
    except (yaml.YAMLError, RecursionError) as error:
        return Written(name, source, "", SourceMap(source, []), (f"not YAML: {error}", 0))
    document = parse_document(source, name)
    _refuse_template(name, document)
    return Written(name, source, json.dumps(document, indent=2, ensure_ascii=False), SourceMap(source, spans))


def _spans(root: Any) -> list[tuple[Place, Span]]:
    """Of every node; what stands behind an alias has the place where it was first written."""
    from yaml import MappingNode, ScalarNode, SequenceNode

    from services.cli.templates.reading import NODES_MAX

    spans: list[tuple[Place, Span]] = []
    waiting: list[tuple[Place, int, Any]] = [(Place(), root.start_mark.index, root)]
    while waiting and len(spans) < NODES_MAX:
        place, start, node = waiting.pop()
        spans.append((place, Span(start, node.end_mark.index)))
        if isinstance(node, MappingNode):
            for key, value in node.value:
                if isinstance(key, ScalarNode):
                    waiting.append((place.member(key.value), key.start_mark.index, value))
        elif isinstance(node, SequenceNode):
            waiting += [(place.element(index), item.start_mark.index, item) for index, item in enumerate(node.value)]
    return spans
