"""`validate`, `graph` and `schema`: definitions, without a server.

Exit codes: 0 the definition is valid, 1 it is not, 2 the file could not be read.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.options import DefinitionFileOrInput, Json, Kind, MachineKind


class GraphFormat(StrEnum):
    """What `graph` can draw."""

    mermaid = "mermaid"
    svg = "svg"


def validate(
    files: Annotated[list[Path], typer.Argument(help="Definitions to check, JSON or YAML; - is standard input.")],
    type: MachineKind = Kind.STANDARD,
    warnings: Annotated[bool, typer.Option(help="Show warnings too.")] = True,
    json: Json = False,
) -> None:
    """Check definitions: every mistake with file, line and column, like a compiler."""
    from services.cli.diagnostics import examine, show
    from services.cli.screen import print_json

    reports = [examine(file, type.value) for file in files]
    if json:
        print_json([report.as_json() for report in reports])
    else:
        for report in reports:
            show(report, warnings)
    if not all(report.valid for report in reports):
        raise SystemExit(1)


def graph(
    file: DefinitionFileOrInput,
    format: Annotated[
        GraphFormat | None, typer.Option("--format", "-f", help="What to draw; else by the ending of --output.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; else standard output.", show_default=False)
    ] = None,
) -> None:
    """Draw a definition as Mermaid text or as SVG."""
    from services.cli.graph.flow import read_flow
    from services.cli.graph.mermaid import draw_mermaid
    from services.cli.graph.svg import draw_svg

    flow = read_flow(_valid_definition(file))
    chosen = format or (GraphFormat.svg if output is not None and output.suffix == ".svg" else GraphFormat.mermaid)
    text = draw_svg(flow) if chosen is GraphFormat.svg else draw_mermaid(flow)
    if output is None:
        print(text, end="")
        return
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        from services.cli.errors import CommandError

        raise CommandError(f"cannot write {output}: {error.strerror}") from None


def schema() -> None:
    """Print the JSON schema of the Amazon States Language, for editors."""
    from engine.asl.schema import schema as language_schema
    from services.cli.screen import print_json

    print_json(language_schema())


def _valid_definition(file: Path) -> dict[str, Any]:
    """Read a definition that has no errors, or show them and end."""
    from engine.payload import decode_json
    from services.cli.diagnostics import examine, show

    report = examine(file, "STANDARD")
    if not report.valid:
        show(report)
        raise SystemExit(1)
    value = decode_json(report.text)
    assert isinstance(value, dict)
    return value
