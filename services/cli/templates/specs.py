"""Resources of a template, resolved, in the shape of the API: state machines, their versions and aliases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from services.cli.errors import CommandError
from services.cli.options import DEFAULT_ROLE
from services.cli.resources import MachineSpec
from services.cli.templates.definition import definition_text

_IGNORED: Final = {
    "Events": "its events start nothing here",
    "Policies": "its policies are not needed here",
    "DeploymentPreference": "traffic moves at once, whatever its deployment preference",
}


@dataclass(frozen=True, slots=True)
class Machine:
    """A state machine to make; `alias` is to lead to a version published of it, "" for none."""

    spec: MachineSpec
    alias: str
    notes: tuple[str, ...]


def machine(
    logical: str, kind: str, name: str, properties: Mapping[str, Any], folder: Path, arns: Mapping[str, str]
) -> Machine:
    """A state machine of CloudFormation or SAM."""
    sam = kind == "AWS::Serverless::StateMachine"
    text, left = definition_text(logical, properties, folder, arns)
    notes = [f"{logical}: {text}" for key, text in _IGNORED.items() if properties.get(key)]
    notes += [f"{logical}: nothing stands for ${{{place}}} in its definition" for place in left]
    role = properties.get("Role" if sam else "RoleArn") or DEFAULT_ROLE
    if not sam and "RoleArn" not in properties:
        notes.append(f"{logical} has no RoleArn; it runs under {DEFAULT_ROLE}")
    spec = MachineSpec(
        name=name,
        definition=text,
        role_arn=str(role),
        type=str(properties.get("Type" if sam else "StateMachineType") or "STANDARD"),
        logging=_lowered(properties.get("Logging" if sam else "LoggingConfiguration")),
        tracing=_lowered(properties.get("Tracing" if sam else "TracingConfiguration")),
        encryption=_lowered(properties.get("EncryptionConfiguration")),
        tags=tags(logical, properties.get("Tags")),
    )
    return Machine(spec, str(properties.get("AutoPublishAlias") or ""), tuple(notes))


def tags(logical: str, given: Any) -> dict[str, str]:
    """Tags by key: CloudFormation has a list of them, SAM an object."""
    if not given:
        return {}
    if isinstance(given, dict):
        return {str(key): _word(value) for key, value in given.items()}
    if isinstance(given, list) and all(isinstance(tag, dict) and {"Key", "Value"} <= set(tag) for tag in given):
        return {str(tag["Key"]): _word(tag["Value"]) for tag in given}
    raise CommandError(f"{logical}: Tags must be a list of Key and Value, or an object")


def routes(logical: str, properties: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Where an alias leads: version ARNs with weights."""
    preference = properties.get("DeploymentPreference")
    if preference:
        return [(str(preference.get("StateMachineVersionArn")), 100)]
    found = properties.get("RoutingConfiguration")
    if not isinstance(found, list) or not found:
        raise CommandError(f"{logical} needs a RoutingConfiguration or a DeploymentPreference")
    try:
        return [(str(route["StateMachineVersionArn"]), int(route.get("Weight", 100))) for route in found]
    except (KeyError, TypeError, ValueError):
        raise CommandError(f"{logical}: each route needs a StateMachineVersionArn and a Weight") from None


def _lowered(value: Any) -> Any:
    """CloudFormation's `LogGroupArn` is the API's `logGroupArn`, all the way down; its numbers may come as text."""
    if isinstance(value, dict):
        return {f"{key[:1].lower()}{key[1:]}": _member(key, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_lowered(item) for item in value]
    return value


def _member(key: str, value: Any) -> Any:
    if key in ("IncludeExecutionData", "Enabled") and isinstance(value, str):
        return value.lower() == "true"
    if key == "KmsDataKeyReusePeriodSeconds" and isinstance(value, str) and value.isdigit():
        return int(value)
    return _lowered(value)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
