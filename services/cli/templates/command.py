"""`stepwell deploy` of a template: reads it and what belongs to it, deploys it, and says what was done."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from services.cli.client import Client
from services.cli.errors import CommandError
from services.cli.templates.deployment import Report, Template, deploy
from services.cli.templates.map_file import read_map
from services.cli.templates.reading import is_template, read_document


def template_in(
    file: Path, map_file: Path | None, parameters: Sequence[str] | None, stack_name: str | None
) -> Template | None:
    """The template in a file; None if there is a definition in it, which can be in JSON and in YAML too.

    Raises:
        CommandError: it cannot be read, or what belongs to templates alone was given with a definition.
    """
    given = dict(map(_parameter, parameters or ()))
    document = read_document(file)
    if is_template(document):
        return Template(document, file, given, read_map(map_file), stack_name or "")
    if given or map_file is not None:
        raise CommandError(f"{file} is no template: it has no Resources")
    return None


def _parameter(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise CommandError(f"{text!r} is not NAME=VALUE")
    return name, value


def deploy_template(client: Client, template: Template, functions_out: Path | None) -> None:
    """Deploy it and print what was done; what one should know goes to standard error."""
    try:
        report = deploy(client, template)
    except RecursionError:
        raise CommandError(f"{template.path} is nested too deeply") from None
    for done in report.done:
        print(f"{done.verb} {done.arn}")
    _tell(report, functions_out)
    if functions_out is not None:
        folder = template.references.folder
        targets = {name: _from(functions_out.parent, folder, it) for name, it in sorted(report.functions.items())}
        functions_out.write_text(json.dumps({"functions": targets}, indent=2) + "\n", "utf-8")


def _from(folder: Path, written_for: Path, target: Any) -> Any:
    """A target as it reads in another folder: files are named from where the map lies."""
    if not isinstance(target, str) or ".py:" not in target or Path(target).is_absolute():
        return target
    return os.path.relpath(written_for / target, folder)


def _tell(report: Report, functions_out: Path | None) -> None:
    lines = [f"note: {note}" for note in report.notes]
    if report.assumed:
        lines.append("note: assumed, and changed by an entry in the file given by --map:")
        lines += [f"        {name} = {value}" for name, value in sorted(report.assumed.items())]
    if report.functions and functions_out is None:
        options = " ".join(f"--function {name}={target}" for name, target in sorted(report.functions.items()))
        lines.append(f"note: the server has to run the functions: stepwell up {options}")
    for line in lines:
        print(line, file=sys.stderr)
