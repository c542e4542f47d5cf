"""Tasks reach our own API as callers from outside do, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from engine.asl.model import Resource
from engine.payload import encode_json
from services.cli.own_api import LocalApi, OwnExecutions
from services.integrations.interface import Call
from services.integrations.nested_executions import NestedRefused

ROLE = "arn:aws:iam::123456789012:role/r"


class Application:
    """An ASGI application that answers what it was given, and remembers what it was asked."""

    def __init__(self, status: int, answer: Mapping[str, Any]) -> None:
        self.status = status
        self.answer = answer
        self.headers: dict[bytes, bytes] = {}
        self.body = b""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.headers = dict(scope["headers"])
        self.body = (await receive())["body"]
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        assert not waiting.done(), "a caller inside the process never hangs up"
        waiting.cancel()
        await send({"type": "http.response.start", "status": self.status, "headers": [(b"x-a", b"b")]})
        await send({"type": "http.response.body", "body": encode_json(self.answer)})


async def test_a_request_carries_operation_account_and_region() -> None:
    application = Application(200, {"ok": True})
    answer = await LocalApi(application).request("StopExecution", b"{}", ROLE, "eu-west-1")
    assert answer == (200, [("x-a", "b")], b'{"ok":true}')
    assert application.headers[b"x-amz-target"] == b"AWSStepFunctions.StopExecution"
    assert b"Credential=123456789012/19700101/eu-west-1/states/aws4_request" in application.headers[b"authorization"]


def call() -> Call:
    """A call on behalf of the role."""
    arn = "arn:aws:states:::states:startExecution"
    resource = Resource(arn=arn, kind="service", service="states", action="startExecution", api_action="startExecution")
    return Call(
        resource=resource,
        input=b"{}",
        region="us-east-1",
        account="123456789012",
        role_arn=ROLE,
        execution_arn="e",
        machine_arn="m",
        state="s",
        key="k",
    )


async def test_a_child_is_started_and_its_dates_are_milliseconds() -> None:
    executions = OwnExecutions(LocalApi(Application(200, {"executionArn": "child", "startDate": 1700000000.123})))
    child = await executions.start(call(), "machine", "name", b"{}", None)
    assert (child.execution_arn, child.start_ms) == ("child", 1_700_000_000_123)


async def test_a_refusal_keeps_its_code_and_text() -> None:
    body = {"__type": "com.amazonaws.states#StateMachineDoesNotExist", "message": "gone"}
    with pytest.raises(NestedRefused) as refused:
        await OwnExecutions(LocalApi(Application(400, body))).stop(call(), "child")
    assert (refused.value.code, refused.value.message) == ("StateMachineDoesNotExist", "gone")
