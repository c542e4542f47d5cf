"""`start`, `run`, `history` and `stop`: executions.

Exit codes of what follows an execution: 0 it succeeded, 1 it ended otherwise, 2 it could not be run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.commands.machines import Name, Role
from services.cli.options import DEFAULT_ROLE, DefinitionFile, Endpoint, Input, Json, Kind, MachineKind, Region

if TYPE_CHECKING:
    from services.cli.client import Client

Execution = Annotated[str, typer.Argument(metavar="EXECUTION", help="ARN of the execution, or MACHINE/EXECUTION.")]
ExecutionName = Annotated[
    str | None, typer.Option("--execution-name", help="Name of the execution; else one is made up.", show_default=False)
]


def start(
    machine: Annotated[str, typer.Argument(metavar="NAME", help="Name or ARN of the state machine.")],
    input: Input = "{}",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show its states until it has ended.")] = False,
    execution_name: ExecutionName = None,
    endpoint: Endpoint = None,
    region: Region = None,
) -> None:
    """Start an execution."""
    from services.cli.client import connect
    from services.cli.resolve import machine_arn

    client = connect(endpoint, region)
    arn = _start(client, machine_arn(client, machine), input, execution_name)
    print(arn)
    if follow:
        _follow(client, arn)


def run(
    file: DefinitionFile,
    input: Input = "{}",
    name: Name = None,
    type: MachineKind = Kind.STANDARD,
    role_arn: Role = DEFAULT_ROLE,
    execution_name: ExecutionName = None,
    endpoint: Endpoint = None,
    region: Region = None,
) -> None:
    """Deploy a definition, start it, and follow it to its end."""
    from services.cli.client import connect
    from services.cli.commands.machines import put_machine

    client = connect(endpoint, region)
    machine, verb = put_machine(client, file, name, type.value, role_arn)
    print(f"{verb} {machine}")
    arn = _start(client, machine, input, execution_name)
    print(f"started {arn}")
    _follow(client, arn)


def history(execution: Execution, json: Json = False, endpoint: Endpoint = None, region: Region = None) -> None:
    """Show the history of an execution, line by line."""
    from services.cli.client import connect
    from services.cli.resolve import execution_arn
    from services.cli.screen import print_json

    client = connect(endpoint, region)
    arn = execution_arn(client, execution)
    events = list(client.pages("GetExecutionHistory", "events", executionArn=arn, maxResults=1000))
    if json:
        print_json(events)
    else:
        print_history(events)


def print_history(events: list[dict[str, Any]]) -> None:
    """Write the events as a table: number, what it follows, milliseconds since the start, type, what it says."""
    from services.cli.screen import print_table

    first = events[0]["timestamp"] if events else 0.0
    rows = [
        (
            str(event["id"]),
            str(event.get("previousEventId", 0)),
            f"{(event['timestamp'] - first) * 1000:.0f}",
            event["type"],
            _gist(event),
        )
        for event in events
    ]
    print_table(("ID", "AFTER", "MS", "TYPE", "DETAILS"), rows)


def stop(
    execution: Execution,
    error: Annotated[str | None, typer.Option(help="Error name to record.", show_default=False)] = None,
    cause: Annotated[str | None, typer.Option(help="Cause to record.", show_default=False)] = None,
    endpoint: Endpoint = None,
    region: Region = None,
) -> None:
    """Stop an execution."""
    from services.cli.client import connect
    from services.cli.resolve import execution_arn

    client = connect(endpoint, region)
    arn = execution_arn(client, execution)
    client.call("StopExecution", executionArn=arn, error=error, cause=cause)
    print(f"stopped {arn}")


_GIST_CHARACTERS_MAX = 90


def _gist(event: dict[str, Any]) -> str:
    details: dict[str, Any] = next((value for key, value in event.items() if key.endswith("EventDetails")), {})
    words = [str(details[key]) for key in ("name", "resource", "index", "error", "cause") if key in details]
    words += [str(details[key]) for key in ("input", "parameters", "output") if details.get(key)]
    text = "  ".join(words).replace("\n", " ")
    return text if len(text) <= _GIST_CHARACTERS_MAX else text[: _GIST_CHARACTERS_MAX - 1] + "…"


def _start(client: Client, machine: str, given: str, name: str | None) -> str:
    from services.cli.resolve import input_text

    answer = client.call("StartExecution", stateMachineArn=machine, input=input_text(given), name=name)
    return str(answer["executionArn"])


def _follow(client: Client, arn: str) -> None:
    """Show it to its end; exits 0 or 1."""
    import sys

    from services.cli.follow import follow

    timeline = follow(client, arn)
    if timeline.output is not None:
        print(timeline.output)
    if timeline.status != "SUCCEEDED":
        said = ": ".join(part for part in (timeline.error, timeline.cause) if part)
        print(f"stepwell: {timeline.status}{': ' if said else ''}{said}", file=sys.stderr)
        raise SystemExit(1)
