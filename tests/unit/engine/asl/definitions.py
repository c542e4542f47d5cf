"""Small definitions for the tests of the states language: one that is right, to be spoiled in one place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from engine.asl.model import Diagnostic, MachineType
from engine.asl.validate import validate

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
Found = tuple[str, str | None]


def machine(states: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A machine that starts at its first state."""
    return {"StartAt": next(iter(states)), "States": states, **more}


def alone(state: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A machine of the state S, with a Succeed state Z where S leads to Z."""
    leads_on = '"Z"' in json.dumps(state)
    return machine({"S": state, **({"Z": {"Type": "Succeed"}} if leads_on else {})}, **more)


def findings(
    definition: dict[str, Any] | str, machine_type: MachineType = "STANDARD", severity: str = "ERROR"
) -> list[Diagnostic]:
    """What the validator finds, of one severity."""
    text = definition if isinstance(definition, str) else json.dumps(definition)
    return [finding for finding in validate(text, machine_type) if finding.severity == severity]


def errors(definition: dict[str, Any] | str, machine_type: MachineType = "STANDARD") -> list[Found]:
    """Message and location of every error."""
    return [(finding.message, finding.location) for finding in findings(definition, machine_type)]


def codes(found: Sequence[Diagnostic]) -> list[tuple[str, str, str | None]]:
    """Findings without their severity."""
    return [(finding.code, finding.message, finding.location) for finding in found]


def task(**more: Any) -> dict[str, Any]:
    """A Task that ends its machine."""
    return {"Type": "Task", "Resource": FUNCTION, "End": True, **more}


def map_state(processor: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A Map over one Pass state P; `processor` adds to its ItemProcessor."""
    inner = machine({"P": {"Type": "Pass", "End": True}}, **(processor or {}))
    return {"Type": "Map", "ItemProcessor": inner, "End": True, **more}


def distributed(**more: Any) -> dict[str, Any]:
    """A distributed Map with Standard children."""
    return map_state({"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}, **more)


def parallel(*branches: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A Parallel that ends its machine."""
    return {"Type": "Parallel", "Branches": list(branches), "End": True, **more}


def choice(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A Choice that goes to Z by default."""
    return {"Type": "Choice", "Choices": list(rules), "Default": "Z", **more}
