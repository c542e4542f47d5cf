"""Functions behind HTTP: one request per invocation whatever the server does, and errors as Lambda names them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from services.integrations.functions.functions import Functions
from services.integrations.functions.invocation import FunctionBusy, FunctionTimedOut, FunctionUnreachable
from services.integrations.functions.targets import HttpTarget, Targets
from services.runtime.clock import SystemClock
from services.runtime.ids import SystemIds

RUNTIME_INTERFACE = "/2015-03-31/functions/function/invocations"
FAILED = b'{"errorMessage": "no", "errorType": "OrderRejected", "requestId": "", "stackTrace": []}'


class Server:
    """Counts requests and answers as the test says."""

    def __init__(self) -> None:
        self.requests: list[tuple[web.BaseRequest, bytes]] = []
        self.answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]] = self.respond(200, b'{"ok": 1}')
        self.port = 0

    def respond(
        self, status: int, body: bytes, headers: dict[str, str] | None = None
    ) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
        async def answer(_: web.BaseRequest) -> web.StreamResponse:
            return web.Response(status=status, body=body, headers=headers)

        return answer

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append((request, await request.read()))
        return await self.answer(request)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    one = Server()
    runner = web.ServerRunner(web.Server(one.handle), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.port = runner.addresses[0][1]
    yield one
    await runner.cleanup()


@pytest.fixture
async def functions(server: Server) -> AsyncIterator[Functions]:
    base = f"http://127.0.0.1:{server.port}"
    opened = Functions(
        Targets(
            {
                "plain": HttpTarget(url=f"{base}/orders"),
                "container": HttpTarget(url=base + RUNTIME_INTERFACE),
                "nowhere": HttpTarget(url="http://127.0.0.1:1/"),
            }
        ),
        SystemClock(),
        SystemIds(),
    )
    yield opened
    await opened.close()


async def test_the_event_is_posted_with_an_idempotency_key(functions: Functions, server: Server) -> None:
    answer = await functions.invoke("plain", b'{"a":1}', key="attempt-1", trace_header="Root=1-2-3")
    [(request, body)] = server.requests
    assert (answer.payload, answer.function_error) == (b'{"ok": 1}', None)
    assert (request.method, request.path, body) == ("POST", "/orders", b'{"a":1}')
    assert request.headers["Idempotency-Key"] == "attempt-1"
    assert request.headers["X-Amzn-Trace-Id"] == "Root=1-2-3"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-Stepwell-Function"].endswith(":function:plain")


@pytest.mark.parametrize(
    ("name", "status", "body", "headers", "error", "payload"),
    [
        pytest.param("container", 200, FAILED, None, "Unhandled", FAILED, id="container-error"),
        pytest.param("plain", 200, FAILED, None, None, FAILED, id="plain-server-may-answer-so"),
        pytest.param("plain", 200, b'"x"', {"X-Amz-Function-Error": "Unhandled"}, "Unhandled", b'"x"', id="header"),
        pytest.param("plain", 500, FAILED, None, "Unhandled", FAILED, id="named-error-with-500"),
        pytest.param("plain", 204, b"", None, None, b"null", id="no-body-is-null"),
        pytest.param(
            "plain",
            404,
            b"no such path",
            None,
            "Unhandled",
            b'{"errorMessage":"no such path","errorType":"Http.404","requestId":"REQUEST","stackTrace":[]}',
            id="refused",
        ),
    ],
)
async def test_answers_become_results_or_function_errors(
    functions: Functions,
    server: Server,
    name: str,
    status: int,
    body: bytes,
    headers: dict[str, str] | None,
    error: str | None,
    payload: bytes,
) -> None:
    server.answer = server.respond(status, body, headers)
    answer = await functions.invoke(name, b"{}")
    assert (answer.function_error, answer.payload) == (error, payload.replace(b"REQUEST", answer.request_id.encode()))


@pytest.mark.parametrize(
    ("status", "error_type"),
    [(429, "Lambda.TooManyRequestsException"), (500, "Lambda.ServiceException"), (503, "Lambda.ServiceException")],
)
async def test_a_busy_server_gives_an_error_that_retry_blocks_name(
    functions: Functions, server: Server, status: int, error_type: str
) -> None:
    server.answer = server.respond(status, b"later")
    with pytest.raises(FunctionBusy) as busy:
        await functions.invoke("plain", b"{}")
    assert busy.value.error_type == error_type
    assert len(server.requests) == 1


async def test_a_closed_connection_is_not_asked_again(functions: Functions, server: Server) -> None:
    await functions.invoke("plain", b"{}")  # so that the connection is a used one

    async def hang_up(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    server.answer = hang_up
    with pytest.raises(FunctionUnreachable) as problem:
        await functions.invoke("plain", b"{}")
    assert problem.value.sent
    assert len(server.requests) == 2


async def test_a_server_that_does_not_answer_is_asked_once_and_given_up_in_time(
    functions: Functions, server: Server
) -> None:
    async def hang(_: web.BaseRequest) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    server.answer = hang
    with pytest.raises(FunctionTimedOut, match=r"Task timed out after 0\.20 seconds"):
        await functions.invoke("plain", b"{}", timeout_seconds=0.2)
    assert len(server.requests) == 1


async def test_a_server_that_is_not_there_has_seen_nothing(functions: Functions) -> None:
    with pytest.raises(FunctionUnreachable) as problem:
        await functions.invoke("nowhere", b"{}")
    assert not problem.value.sent


async def test_an_answer_larger_than_lambda_allows_is_cut_off(functions: Functions, server: Server) -> None:
    server.answer = server.respond(200, b'"' + b"x" * 6_291_556 + b'"')
    answer = await functions.invoke("plain", b"{}")
    assert answer.function_error == "Unhandled"
    assert b"Function.ResponseSizeTooLarge" in answer.payload
