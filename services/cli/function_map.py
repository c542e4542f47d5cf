"""Function targets as the command line gives them: map files, then single entries, which win."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from services.cli.errors import CommandError

if TYPE_CHECKING:
    from services.integrations.functions.targets import FunctionTarget, Targets


def gather_targets(
    files: Sequence[Path] | None, entries: Sequence[str] | None, environment: Mapping[str, str]
) -> Targets:
    """All targets; of several entries for one name the last counts."""
    from services.integrations.functions.targets import MapError, Targets, read_targets

    try:
        found = dict(read_targets(None, (), environment).by_name)
        for file in files or ():
            found |= read_targets(file).by_name
        found |= read_targets(None, entries or ()).by_name
    except MapError as error:
        raise CommandError(str(error)) from None
    return Targets(found)


def describe(target: FunctionTarget) -> tuple[str, str]:
    """What kind of target it is, and where it leads."""
    from services.integrations.functions.targets import EchoTarget, HttpTarget, LambdaTarget, PythonTarget

    match target:
        case PythonTarget():
            return "python", f"{target.module}:{target.function} in {target.search_path}"
        case HttpTarget():
            return "http", target.url
        case LambdaTarget():
            return "lambda", target.name or "the Lambda API, same name"
        case EchoTarget():
            return "echo", "answers with its event"
