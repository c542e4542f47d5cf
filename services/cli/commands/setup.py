"""`env`, `profile` and `doctor`: point AWS clients at the server, and find out why something does not work."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from services.cli.options import Endpoint, Json, Region

LOCAL_KEY = "stepwell"


def env(
    unset: Annotated[bool, typer.Option("--unset", help="Print the commands that undo it.")] = False,
    endpoint: Endpoint = None,
    region: Region = None,
) -> None:
    """Print exports for AWS clients: `eval "$(stepwell env)"`."""
    import os

    variables = client_variables(*_target(endpoint, region))
    for name, value in variables.items():
        print(f"unset {name}" if unset else f"export {name}={shlex.quote(value)}")
    if not unset and os.environ.get("AWS_SESSION_TOKEN"):
        print("unset AWS_SESSION_TOKEN")  # it belongs to other keys


def client_variables(endpoint: str, region: str) -> dict[str, str]:
    """What the AWS CLI and SDKs must find in their environment to reach the server instead of AWS."""
    return {
        "AWS_ENDPOINT_URL_SFN": endpoint,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": LOCAL_KEY,
        "AWS_SECRET_ACCESS_KEY": LOCAL_KEY,
        # StartSyncExecution and TestState go to `sync-HOST`, which a numeric host cannot have. SDKs that do not read
        # the variable have a switch of their own: docs/guides/clients.md.
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
    }


def profile(
    name: Annotated[str, typer.Argument(help="Name of the profile.")] = "stepwell",
    write: Annotated[
        bool, typer.Option("--write", help="Add it to the AWS config file instead of printing it.")
    ] = False,
    endpoint: Endpoint = None,
    region: Region = None,
) -> None:
    """Print a profile for ~/.aws/config: afterwards `aws --profile stepwell stepfunctions ...` reaches the server."""
    import os

    text = profile_text(name, *_target(endpoint, region))
    if not write:
        print(text, end="")
        return
    from services.cli.errors import CommandError

    path = Path(os.environ.get("AWS_CONFIG_FILE") or Path.home() / ".aws" / "config")
    old = path.read_text("utf-8") if path.exists() else ""
    if f"[profile {name}]" in old:
        raise CommandError(f"{path} has a profile {name!r} already; change it there")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(("\n" if old and not old.endswith("\n\n") else "") + text)
    print(f"added profile {name} to {path}")


def profile_text(name: str, endpoint: str, region: str) -> str:
    """The profile and the services section that it names."""
    return (
        f"[profile {name}]\n"
        f"region = {region}\n"
        f"aws_access_key_id = {LOCAL_KEY}\n"
        f"aws_secret_access_key = {LOCAL_KEY}\n"
        f"disable_host_prefix_injection = true\n"
        f"services = {name}\n\n"
        f"[services {name}]\n"
        f"sfn =\n"
        f"  endpoint_url = {endpoint}\n"
    )


def doctor(json: Json = False, endpoint: Endpoint = None, region: Region = None) -> None:
    """Look for what commonly goes wrong, and say what to do about it. Exit code 1 when something is broken."""
    import os

    from services.cli.client import Client, Target
    from services.cli.doctor import examine
    from services.cli.screen import console, print_json
    from services.runtime.clock import SystemClock

    target = Target.of_environment(endpoint, region, os.environ)
    findings = examine(Client(target, SystemClock(), timeout_seconds=5.0), os.environ)
    if json:
        print_json(
            [{"check": it.check, "level": it.level, "finding": it.finding, "advice": it.advice} for it in findings]
        )
    else:
        from rich.text import Text

        marks = {"ok": ("ok  ", "green"), "note": ("note", "yellow"), "broken": ("FAIL", "red")}
        screen = console()
        for it in findings:
            screen.print(Text.assemble(marks[it.level], f"  {it.check}: {it.finding}"))
            if it.advice:
                screen.print(Text(f"      {it.advice}", style="dim"))
    if any(it.level == "broken" for it in findings):
        raise SystemExit(1)


def _target(endpoint: str | None, region: str | None) -> tuple[str, str]:
    """Endpoint and region to print: AWS's own endpoint variables do not count, or `env` would repeat a wrong one."""
    import os

    from services.cli.client import DEFAULT_ENDPOINT, DEFAULT_REGION

    where = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
    return (endpoint or os.environ.get("STEPWELL_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/"), where
