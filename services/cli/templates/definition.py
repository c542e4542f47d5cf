"""The definition of a state machine as a template gives it: text, object, or file; with its substitutions made."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from services.cli.errors import CommandError
from services.cli.templates.reading import parse_document, read_document

_LEFT: Final = re.compile(r"\$\{([A-Za-z0-9_]+)\}")


def definition_text(
    logical: str, properties: Mapping[str, Any], folder: Path, arns: Mapping[str, str]
) -> tuple[str, list[str]]:
    """The definition as JSON, and placeholders that nothing stands for.

    Args:
        logical: names the resource in errors.
        properties: of the resource, resolved.
        folder: where the template lies; files are looked for there.
        arns: what ARNs in the definition are replaced by.

    Raises:
        CommandError: there is no definition, it is elsewhere, or it is no JSON.
    """
    value = _given(logical, properties, folder)
    substitutions = properties.get("DefinitionSubstitutions") or {}
    if isinstance(value, str):
        text = _substituted(value, substitutions)
        if arns or not text.lstrip().startswith("{"):
            text = _dumped(_replaced(parse_document(text, f"the definition of {logical}"), {}, arns))
    else:
        text = _dumped(_replaced(value, substitutions, arns))
    return text, sorted(set(_LEFT.findall(text)))


def _given(logical: str, properties: Mapping[str, Any], folder: Path) -> Any:
    text, tree = properties.get("DefinitionString"), properties.get("Definition")
    place = properties.get("DefinitionUri", properties.get("DefinitionS3Location"))
    if sum(it is not None for it in (text, tree, place)) != 1:
        raise CommandError(f"{logical} needs one of DefinitionString, Definition, DefinitionUri, DefinitionS3Location")
    if text is not None:
        if not isinstance(text, str):
            raise CommandError(f"{logical}: DefinitionString must be a text")
        return text
    if tree is not None:
        if not isinstance(tree, dict):
            raise CommandError(f"{logical}: Definition must be an object")
        return tree
    return _of_file(_local_file(logical, place, folder))


def _local_file(logical: str, place: Any, folder: Path) -> Path:
    """The file of a local path, or the asset that the CDK put beside its template."""
    if isinstance(place, str) and not place.startswith("s3://"):
        path = folder / place
        if path.is_file():
            return path
        raise CommandError(f"{logical}: there is no definition at {path}")
    key = str(place.get("Key", "")) if isinstance(place, dict) else place
    asset = folder / f"asset.{key.rpartition('/')[2]}"
    if asset.is_file():
        return asset
    raise CommandError(
        f"{logical}: its definition is in S3 ({key}), which is not read from here; "
        "put the file beside the template and name it in DefinitionUri"
    )


def _of_file(path: Path) -> Any:
    """JSON stays the text it is, so that placeholders outside strings work as well; YAML is read."""
    if path.suffix in (".yaml", ".yml"):
        return read_document(path)
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"cannot read {path}: {error}") from None


def _replaced(value: Any, substitutions: Mapping[str, Any], arns: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        text = _substituted(value, substitutions)
        return arns.get(text, text)
    if isinstance(value, list):
        return [_replaced(item, substitutions, arns) for item in value]
    if isinstance(value, dict):
        return {str(key): _replaced(item, substitutions, arns) for key, item in value.items()}
    return value


def _substituted(text: str, substitutions: Mapping[str, Any]) -> str:
    for name, value in substitutions.items():
        shown = ("true" if value else "false") if isinstance(value, bool) else str(value)
        text = text.replace(f"${{{name}}}", shown)
    return text


def _dumped(value: Any) -> str:
    try:
        return json.dumps(value, indent=2, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise CommandError(f"a definition is no JSON: {error}") from None
