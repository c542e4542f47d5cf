"""Calls to test with."""

from __future__ import annotations

from typing import Any

from engine.asl.model import Pattern, Resource
from engine.payload import encode_json
from services.integrations.interface import Call

_SUFFIXES: tuple[tuple[str, Pattern], ...] = (
    (".sync:2", "sync:2"),
    (".sync", "sync"),
    (".waitForTaskToken", "wait_for_task_token"),
)


def resource(arn: str) -> Resource:
    """The Resource of an ARN, as the parser of definitions makes it."""
    if ":function:" in arn:
        return Resource(arn, "lambda")
    rest = arn.split(":states:", 1)[1].split(":", 2)[2]
    for suffix, pattern in _SUFFIXES:
        if rest.endswith(suffix):
            service, name = rest.removesuffix(suffix).rsplit(":", 1)
            return Resource(arn, "service", service, name + suffix, name, pattern)
    service, name = rest.rsplit(":", 1)
    return Resource(arn, "service", service, name, name)


def task(arn: str, parameters: Any, **changes: Any) -> Call:
    """A call of one attempt."""
    values: dict[str, Any] = {
        "resource": resource(arn),
        "input": encode_json(parameters),
        "region": "us-east-1",
        "account": "000000000000",
        "role_arn": "arn:aws:iam::000000000000:role/machine",
        "execution_arn": "arn:aws:states:us-east-1:000000000000:execution:m:e",
        "machine_arn": "arn:aws:states:us-east-1:000000000000:stateMachine:m",
        "state": "S",
        "key": "e/0/1/0",
        **changes,
    }
    return Call(**values)
