"""Tasks reach our own API without a socket in the same process, and over HTTP in another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from engine.asl.model import Pattern, Resource
from engine.payload import decode_json
from services.api import errors
from services.api.sigv4 import SignedRequest, Verifier
from services.cli.own_api import LocalApi, OwnExecutions, RemoteApi
from services.integrations.interface import Call
from services.integrations.nested_executions import NestedRefused
from services.runtime.clock import SystemClock
from services.runtime.faults import StoreUnavailable
from services.store.records import Parent

ROLE = "arn:aws:iam::123456789012:role/r"
PARENT_ARN = "arn:aws:states:us-east-1:123456789012:execution:m:größe/1"


class Application:
    """An API that answers what it was given, and remembers what it was asked."""

    def __init__(self, answer: Mapping[str, Any] | Exception) -> None:
        self.answer = answer
        self.asked: list[Any] = []

    async def ask(
        self, operation: str, body: dict[str, Any], account: str, region: str, parent: Parent | None = None
    ) -> Mapping[str, Any]:
        self.asked = [operation, body, account, region, parent]
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def local(answer: Mapping[str, Any] | Exception) -> tuple[Any, LocalApi]:
    application: Any = Application(answer)
    return application, LocalApi(application, "000000000000")


async def test_a_request_carries_operation_account_and_region() -> None:
    application, api = local({"ok": True})
    status, _, body = await api.request("StopExecution", b"{}", ROLE, "eu-west-1")
    assert (status, body) == (200, b'{"ok":true}')
    assert application.asked == ["StopExecution", {}, "123456789012", "eu-west-1", None]


async def test_a_refusal_on_the_wire_has_its_code_and_text() -> None:
    _, api = local(errors.ApiError("InvalidToken", "Invalid"))
    status, _, body = await api.request("SendTaskSuccess", b"{}", ROLE, "eu-west-1")
    assert (status, body) == (400, b'{"__type":"InvalidToken","message":"Invalid"}')


def call(pattern: Pattern = "sync:2", attempt_name: str = "a1.0/2.b2") -> Call:
    """A call on behalf of the role."""
    arn = "arn:aws:states:::states:startExecution"
    resource = Resource(arn, "service", "states", "startExecution", "startExecution", pattern)
    return Call(
        resource=resource,
        input=b"{}",
        region="us-east-1",
        account="123456789012",
        role_arn=ROLE,
        execution_arn=PARENT_ARN,
        machine_arn="m",
        state="s",
        key="k",
        attempt_name=attempt_name,
    )


@pytest.mark.parametrize(
    ("pattern", "attempt_name"), [("sync:2", "a1.0/2.b2"), ("sync", "a1.0/2.b2"), ("request_response", "")]
)
async def test_a_child_knows_its_parent_and_its_dates_are_milliseconds(pattern: Pattern, attempt_name: str) -> None:
    application, api = local({"executionArn": "child", "startDate": 1700000000.123})
    child = await OwnExecutions(api).start(call(pattern, attempt_name), "machine", "name", b"{}", None)
    assert (child.execution_arn, child.start_ms) == ("child", 1_700_000_000_123)
    assert application.asked[-1] == Parent(PARENT_ARN, pattern, attempt_name)


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (errors.state_machine_does_not_exist("a"), "StateMachineDoesNotExist"),
        (StoreUnavailable("down"), "ServiceUnavailableException"),
    ],
)
async def test_a_refusal_keeps_its_code(problem: Exception, code: str) -> None:
    _, api = local(problem)
    with pytest.raises(NestedRefused) as refused:
        await OwnExecutions(api).stop(call(), "child")
    assert refused.value.code == code


async def heard(key: tuple[str, str] | None) -> tuple[Any, bytes]:
    """What an API in another process hears of a start."""
    seen: list[tuple[Any, bytes]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request, await request.read()))
        return web.json_response({"executionArn": "child", "startDate": 1})

    application = web.Application()
    application.router.add_post("/", answer)
    async with TestServer(application) as server:
        api = RemoteApi(str(server.make_url("")), key)
        await OwnExecutions(api).start(call(), "machine", "name", b"{}", None)
        await api.close()
    (found,) = seen
    return found


async def test_another_process_hears_the_same_over_http() -> None:
    request, body = await heard(None)
    assert request.headers["X-Amz-Target"] == "AWSStepFunctions.StartExecution"
    assert decode_json(body)["name"] == "name"
    parent = Parent.of_text(unquote(request.headers["X-Stepwell-Parent"]))
    assert parent == Parent(PARENT_ARN, "sync:2", "a1.0/2.b2")


async def test_requests_are_signed_where_a_key_is_given() -> None:
    request, body = await heard(("id", "secret"))
    headers = {name.lower(): value for name, value in request.headers.items()}
    now_ms = SystemClock().now_ms
    credential = Verifier({"id": "secret"}.get, now_ms).verify(SignedRequest("POST", "/", "", headers, body))
    assert (credential.access_key, credential.region) == ("id", "us-east-1")
