"""Turn what people type into what the API wants: names into ARNs, `@file` into text."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from services.cli.client import Client
from services.cli.errors import CommandError


def machine_arn(client: Client, name: str) -> str:
    """The ARN of a state machine, version or alias given by ARN or by name (`order`, `order:3`, `order:live`)."""
    if name.startswith("arn:"):
        return name
    wanted, _, qualifier = name.partition(":")
    for machine in client.pages("ListStateMachines", "stateMachines"):
        if machine["name"] == wanted:
            arn = str(machine["stateMachineArn"])
            return f"{arn}:{qualifier}" if qualifier else arn
    where = client.target.region
    raise CommandError(f"there is no state machine named {wanted!r} in {where}; `stepwell list` shows those that are")


def execution_arn(client: Client, name: str) -> str:
    """The ARN of an execution given by ARN or as `machine/execution`."""
    if name.startswith("arn:"):
        return name
    machine, _, execution = name.partition("/")
    if not execution:
        raise CommandError(
            f"{name!r} is neither an ARN nor MACHINE/EXECUTION; `stepwell list MACHINE` shows the executions"
        )
    arn = machine_arn(client, machine)
    return f"{arn.replace(':stateMachine:', ':execution:', 1)}:{execution}"


def input_text(given: str) -> str:
    """The input itself, the content of `@file`, or standard input for `-`; refused if it is not JSON."""
    if given == "-":
        text = sys.stdin.read()
    elif given.startswith("@"):
        try:
            text = Path(given[1:]).read_text("utf-8")
        except OSError as error:
            raise CommandError(f"cannot read the input {given[1:]}: {error.strerror}") from None
    else:
        text = given
    try:
        json.loads(text)
    except ValueError as error:
        raise CommandError(f"the input is not JSON: {error}; give JSON, @FILE or -") from None
    return text
