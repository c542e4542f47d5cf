"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

DEFAULT_DATA: Final = Path(".stepwell")

DEFAULT_ROLE = "arn:aws:iam::000000000000:role/stepwell"


class Kind(StrEnum):
    """The types of state machines."""

    STANDARD = "STANDARD"
    EXPRESS = "EXPRESS"


Endpoint: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="URL of the server; else STEPWELL_ENDPOINT, AWS_ENDPOINT_URL_SFN or AWS_ENDPOINT_URL, "
        "else http://127.0.0.1:8083.",
        show_default=False,
    ),
]
Region: TypeAlias = Annotated[
    str | None,
    typer.Option(help="AWS region; else AWS_REGION, else us-east-1.", show_default=False),
]
MachineKind: TypeAlias = Annotated[
    Kind, typer.Option("--type", case_sensitive=False, help="Type of the state machine.")
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Input: TypeAlias = Annotated[
    str, typer.Option("--input", "-i", help="Input as JSON, or @FILE to read it from a file, or - for standard input.")
]
DefinitionFile: TypeAlias = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A definition in the Amazon States Language.")
]
DefinitionFileOrInput: TypeAlias = Annotated[
    Path, typer.Argument(help="A definition in the Amazon States Language, JSON or YAML; - is standard input.")
]
DatabaseUrl: TypeAlias = Annotated[
    str | None, typer.Option(help="Postgres URL; else STEPWELL_DATABASE_URL.", show_default=False)
]
BrokerUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Broker, such as redis://host:6379/0; else STEPWELL_BROKER_URL.", show_default=False),
]
FunctionFiles: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option("--functions", exists=True, dir_okay=False, help="Map file of function targets; may be repeated."),
]
FunctionEntries: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--function",
        metavar="NAME=TARGET",
        help="One function target: module:function, file.py:function, http://..., or lambda; may be repeated.",
    ),
]
Since: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--since",
        "--started-after",
        help="Only executions started at that time or later: 2025-11-20T09:30, or 6h ago.",
        show_default=False,
    ),
]
Until: TypeAlias = Annotated[
    str | None,
    typer.Option("--until", "--started-before", help="Only executions started before that time.", show_default=False),
]
NamePrefix: TypeAlias = Annotated[
    str | None, typer.Option(help="Only executions whose name begins so.", show_default=False)
]
