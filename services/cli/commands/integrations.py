"""`integrations list|check`: what tasks can call, and whether a definition's calls would arrive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.options import DefinitionFile, FunctionEntries, FunctionFiles, Json

if TYPE_CHECKING:
    from engine.asl.model import Program
    from services.integrations.needs import Need

Service = Annotated[
    str | None,
    typer.Argument(help="One service: `sqs`, or `aws-sdk:s3` for every action of it.", show_default=False),
]
Sdk = Annotated[bool, typer.Option("--sdk", help="List the services of aws-sdk instead of the optimised actions.")]
Role = Annotated[str, typer.Option(help="ARN of the role that the executions would run under.")]
Mocks = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="Mock file; else SFN_MOCK_CONFIG.", show_default=False),
]
Machine = Annotated[
    str | None, typer.Option(help="Name of the state machine in the mock file; else the file's.", show_default=False)
]

app = typer.Typer(help="Show what tasks can call, and check what a definition needs.", no_args_is_help=True)


@app.command("list")
def list_all(service: Service = None, sdk: Sdk = False, json: Json = False) -> None:
    """List what resolves how: actions, ways to wait, and where the calls go with this environment."""
    from services.cli.screen import print_json, print_table

    if sdk or (service or "").startswith("aws-sdk"):
        titles, rows = _sdk_rows((service or "").removeprefix("aws-sdk").removeprefix(":"))
    else:
        titles, rows = _optimised_rows(service)
    if not rows:
        from services.cli.errors import CommandError

        raise CommandError(f"there is no service {service!r}; `stepwell integrations list --sdk` shows them all")
    if json:
        print_json([dict(zip((title.lower() for title in titles), row, strict=True)) for row in rows])
    else:
        print_table(titles, rows)


@app.command()
def check(
    file: DefinitionFile,
    role_arn: Role = "arn:aws:iam::000000000000:role/stepwell",
    mocks: Mocks = None,
    machine: Machine = None,
    functions: FunctionFiles = None,
    function: FunctionEntries = None,
    json: Json = False,
) -> None:
    """Check which resources a definition needs, which of them answer, and which mocks its test cases lack.

    Exit code 1 when a resource does not resolve or nothing answers where its calls go.
    """
    import asyncio
    import os

    from services.cli.function_map import gather_targets
    from services.integrations.assembly import read_permissions
    from services.integrations.endpoints import Endpoints
    from services.integrations.needs import needs_of, unreachable
    from services.runtime.clock import SystemClock
    from services.runtime.ids import SystemIds

    program = _compiled(file)
    roles = read_permissions(os.environ, SystemClock(), SystemIds()).roles
    targets = gather_targets(functions, function, os.environ)
    needs = list(needs_of(program, Endpoints(os.environ), targets, roles, role_arn))
    silent = asyncio.run(unreachable(needs))
    tasks = [need.state for need in needs if need.how != "unknown" and " " not in need.state]
    missing = _missing_mocks(file, mocks, machine, tasks)
    lines = [_line(need, silent) for need in needs]
    if json:
        _print_json(lines, missing)
    else:
        _print(lines, missing)
    if any(line["problem"] for line in lines):
        raise SystemExit(1)


def _compiled(file: Path) -> Program:
    """A definition without errors, or what is wrong with it and the end."""
    from engine.asl.parse import compile_definition
    from services.cli.diagnostics import examine, show

    report = examine(file, "STANDARD")
    if not report.valid:
        show(report)
        raise SystemExit(1)
    return compile_definition(report.text)


def _optimised_rows(service: str | None) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    import os

    from engine.asl.model import Resource
    from services.integrations.catalogue import endpoint_of, optimised_actions
    from services.integrations.endpoints import Endpoints

    endpoints = Endpoints(os.environ)
    rows: list[tuple[str, ...]] = []
    for action in optimised_actions():
        if service in (None, action.service):
            resource = Resource("", "service", action.service, action.action, action.action)
            ways = ", ".join(_WAYS[pattern] for pattern in sorted(action.patterns, key=list(_WAYS).index))
            where = endpoint_of(resource, endpoints)
            rows.append((f"{action.service}:{action.action}", ways, ", ".join(action.required), where))
    return ("ACTION", "WAYS", "REQUIRED", "ENDPOINT"), rows


_WAYS = {
    "request_response": "call",
    "sync": ".sync",
    "sync:2": ".sync:2",
    "wait_for_task_token": ".waitForTaskToken",
}


def _sdk_rows(service: str) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    import os

    from services.integrations.aws_sdk import actions_of
    from services.integrations.endpoints import Endpoints
    from services.integrations.sdk_services import SDK_SERVICES

    endpoints = Endpoints(os.environ)
    if not service:
        rows: list[tuple[str, ...]] = [
            (f"aws-sdk:{it.name}", f"{it.prefix}.", endpoints.of_service(it.botocore) or "AWS")
            for it in SDK_SERVICES.values()
        ]
        return ("SERVICE", "ERRORS BEGIN WITH", "ENDPOINT"), rows
    found = SDK_SERVICES.get(service)
    names = [] if found is None else actions_of(found)
    return ("ACTION",), [(f"aws-sdk:{service}:{name}",) for name in names]


def _line(need: Need, silent: dict[str, str]) -> dict[str, str]:
    problem = need.problem or silent.get(need.url, "")
    return {
        "state": need.state,
        "resource": need.resource,
        "runs as": need.how,
        "endpoint": need.endpoint,
        "problem": problem,
    }


def _missing_mocks(file: Path, mocks: Path | None, machine: str | None, tasks: list[str]) -> dict[str, list[str]]:
    """Task states without a mock, by test case; empty without a mock file."""
    import os

    from services.cli.commands.machines import machine_name
    from services.cli.errors import CommandError
    from services.integrations.mocks import MOCK_VARIABLE, MockFileError, read_mock_file

    path = mocks or os.environ.get(MOCK_VARIABLE)
    if not path:
        return {}
    name = machine or machine_name(file)
    try:
        found = read_mock_file(Path(path))
    except MockFileError as error:
        raise CommandError(str(error)) from None
    if name not in found.machines:
        raise CommandError(f"{path} has no state machine {name!r}; name one with --machine")
    return {case: found.missing(name, case, tasks) for case in found.cases(name)}


def _print(lines: list[dict[str, str]], missing: dict[str, list[str]]) -> None:
    from services.cli.screen import print_table

    titles = ("STATE", "RESOURCE", "RUNS AS", "ENDPOINT", "PROBLEM")
    print_table(titles, [[line[title.lower()] for title in titles] for line in lines])
    for case, states in missing.items():
        print(f"test case {case}: " + (f"no mock for {', '.join(states)}" if states else "every task is mocked"))


def _print_json(lines: list[dict[str, str]], missing: dict[str, list[str]]) -> None:
    from services.cli.screen import print_json

    resources: list[dict[str, Any]] = [
        {"runsAs" if name == "runs as" else name: value for name, value in line.items()} for line in lines
    ]
    print_json({"resources": resources, "missingMocks": missing})
