"""`deploy` and `list`: state machines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.options import DEFAULT_ROLE, Endpoint, Json, Kind, MachineKind, NamePrefix, Region, Since, Until

if TYPE_CHECKING:
    from services.cli.client import Client

Name = Annotated[str | None, typer.Option(help="Name of the state machine; else the file's.", show_default=False)]
Role = Annotated[str, typer.Option(help="ARN of the role that the executions run under.")]


def deploy(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            readable=True,
            help="A definition in the Amazon States Language, or a template of CloudFormation, SAM or the CDK.",
        ),
    ],
    name: Name = None,
    type: MachineKind = Kind.STANDARD,
    role_arn: Role = DEFAULT_ROLE,
    map: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="What the references of a template stand for: JSON or YAML.",
            show_default=False,
        ),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A parameter of the template; may be repeated."),
    ] = None,
    stack_name: Annotated[
        str | None, typer.Option(help="What AWS::StackName stands for; else the file's name.", show_default=False)
    ] = None,
    functions_out: Annotated[
        Path | None,
        typer.Option(help="Write the functions of the map for `stepwell up --functions`.", show_default=False),
    ] = None,
    endpoint: Endpoint = None,
    region: Region = None,
) -> None:
    """Create a state machine from a definition, or all of a template; update those that are there."""
    from services.cli.client import connect
    from services.cli.templates.command import deploy_template, template_in

    client = connect(endpoint, region)
    template = template_in(file, map, parameter, stack_name)
    if template is not None:
        deploy_template(client, template, functions_out)
        return
    arn, verb = put_machine(client, file, name, type.value, role_arn)
    print(f"{verb} {arn}")


def put_machine(client: Client, file: Path, name: str | None, machine_type: str, role_arn: str) -> tuple[str, str]:
    """Create or update; returns the ARN and the word for what was done."""
    from services.cli.definition_file import definition_text
    from services.cli.errors import ServerError

    definition = definition_text(file)
    wanted = name or machine_name(file)
    try:
        try:
            answer = client.call(
                "CreateStateMachine", name=wanted, definition=definition, roleArn=role_arn, type=machine_type
            )
            return str(answer["stateMachineArn"]), "created"
        except ServerError as error:
            if error.code != "StateMachineAlreadyExists":
                raise
        from services.cli.resolve import machine_arn

        arn = machine_arn(client, wanted)
        client.call("UpdateStateMachine", stateMachineArn=arn, definition=definition, roleArn=role_arn)
        return arn, "updated"
    except ServerError as error:
        if error.code == "InvalidDefinition":
            _show_mistakes(file, machine_type)
        raise


def _show_mistakes(file: Path, machine_type: str) -> None:
    """Show at their places what the server has found in one line.

    Raises:
        CommandError: there are mistakes; what the server alone finds is left to its own text.
    """
    from services.cli.diagnostics import examine, show
    from services.cli.errors import CommandError

    report = examine(file, "EXPRESS" if machine_type == "EXPRESS" else "STANDARD")
    if not report.valid:
        show(report, warnings=False)
        raise CommandError(f"{file} was refused, nothing is changed")


def machine_name(file: Path) -> str:
    """The file's name without its endings, made of the characters that a name may have."""
    stem = file.name.split(".")[0] or "machine"
    return re.sub(r"[^0-9A-Za-z_-]", "-", stem)[:80]


def list_all(
    machine: Annotated[
        str | None, typer.Argument(help="Name or ARN of a state machine: list its executions.", show_default=False)
    ] = None,
    status: Annotated[str | None, typer.Option(help="Only executions of that status.", show_default=False)] = None,
    name_prefix: NamePrefix = None,
    since: Since = None,
    until: Until = None,
    error: Annotated[
        str | None, typer.Option(help="Only executions that ended with this error.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(help="How many executions at most.", min=1)] = 50,
    json: Json = False,
    endpoint: Endpoint = None,
    region: Region = None,
) -> None:
    """List the state machines, or the executions of one. With a condition and no name: of all state machines."""
    from services.cli.client import connect
    from services.cli.search import Search, list_executions

    client = connect(endpoint, region)
    search = Search(machine, status.upper() if status else None, name_prefix, since, until, error)
    if search.empty:
        _list_machines(client, json)
    else:
        list_executions(client, search, limit, json)


def _list_machines(client: Client, as_json: bool) -> None:
    from services.cli.screen import moment, print_json, print_table

    machines = list(client.pages("ListStateMachines", "stateMachines"))
    if as_json:
        print_json(machines)
    else:
        rows = [(it["name"], it["type"], moment(it["creationDate"]), it["stateMachineArn"]) for it in machines]
        print_table(("NAME", "TYPE", "CREATED (UTC)", "ARN"), rows)
