"""What `stepwell doctor` looks at in the settings of AWS clients: variables and the config file that they read."""

from __future__ import annotations

import configparser
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from services.cli.finding import Finding

# AWS derives the variable's name from the service's id, which is SFN; people guess these, and no client reads them.
WRONG_NAMES = (
    "AWS_ENDPOINT_URL_STEPFUNCTIONS",
    "AWS_ENDPOINT_URL_STEP_FUNCTIONS",
    "AWS_ENDPOINT_URL_STATES",
    "AWS_STEPFUNCTIONS_ENDPOINT",
)
_WRONG_SECTIONS = ("stepfunctions", "step_functions", "states")
_SWITCH = "AWS_DISABLE_HOST_PREFIX_INJECTION"

Resolves = Callable[[str], bool]


def resolves(host: str) -> bool:
    """Whether the system knows an address of the host."""
    try:
        return bool(socket.getaddrinfo(host, None))
    except OSError:
        return False


def check_clients(
    endpoint: str, environment: Mapping[str, str], config: Path, resolves: Resolves = resolves
) -> Iterator[Finding]:
    """Everything that keeps AWS clients of this shell from reaching the server.

    Args:
        endpoint: where the server is.
        environment: of the shell.
        config: the AWS config file, whether it exists or not.
        resolves: whether a host name has an address.
    """
    special, general = environment.get("AWS_ENDPOINT_URL_SFN"), environment.get("AWS_ENDPOINT_URL")
    effective = special or general
    yield from _wrong_variables(effective, environment)
    yield from _wrong_sections(config)
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
    yield from _host_prefix(effective, environment, resolves)


def _wrong_variables(effective: str | None, environment: Mapping[str, str]) -> Iterator[Finding]:
    """The variable that looks right, and silently leaves clients at the real AWS."""
    for name in WRONG_NAMES:
        if not environment.get(name):
            continue
        where = "and go to the real AWS" if effective is None else f"and go to {effective}"
        yield Finding(
            "AWS clients",
            "broken" if effective is None else "note",
            f"{name} is set, but AWS clients do not read it {where}",
            f"unset {name}; export AWS_ENDPOINT_URL_SFN={environment[name]}",
        )


def _wrong_sections(config: Path) -> Iterator[Finding]:
    """The same mistake in the config file: `stepfunctions =` in a services section."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(config.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, configparser.Error):
        return  # no file, or one that AWS clients will complain about
    for section in parser.sections():
        for name in _WRONG_SECTIONS:
            if section.startswith("services") and name in parser[section]:
                yield Finding(
                    "AWS config file",
                    "broken",
                    f"{config} has {name!r} in [{section}], which AWS clients do not read",
                    "call it `sfn =`, or write a profile with `stepwell profile --write`",
                )


def _host_prefix(effective: str | None, environment: Mapping[str, str], resolves: Resolves) -> Iterator[Finding]:
    """StartSyncExecution and TestState go to `sync-HOST` unless that is switched off."""
    host = urlsplit(effective or "").hostname or ""
    if not host or environment.get(_SWITCH, "").lower() == "true":
        return
    numeric = ":" in host or all(part.isdigit() for part in host.split("."))
    if numeric or (_is_local(host) and not resolves(f"sync-{host}")):
        yield Finding(
            "host prefix",
            "note",
            f"StartSyncExecution and TestState would go to sync-{host}, which does not exist",
            f"export {_SWITCH}=true; in JavaScript disableHostPrefix, see docs/guides/clients.md for other languages",
        )


def _is_local(host: str) -> bool:
    """Names that no server of the internet answers for: looking them up is quick."""
    return "." not in host or host.endswith((".localhost", ".local", ".internal", ".test"))
