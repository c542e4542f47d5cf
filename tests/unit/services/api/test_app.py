"""The front: whatever comes over the wire gets an AWS error, in bounded time and memory, and never a 5xx."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from services.api.app import Api
from services.api.intake import without_nulls
from services.api.settings import ApiSettings
from services.api.sigv4 import Verifier
from services.runtime.faults import StoreUnavailable
from tests.fixtures.virtual_loop import VirtualClock, run_virtually
from tests.unit.services.api.conftest import AdmissionFake, Broker, Ids

SETTINGS = ApiSettings(body_bytes_max=1_000, open_bodies_bytes_max=1_500)
LIST = b"AWSStepFunctions.ListStateMachines"


class Store(AdmissionFake):
    """Knows one state machine per list, or a fault."""

    asked: tuple[str, str] = ("", "")

    async def list_machines(self, account: str, region: str, after: str | None, limit: int) -> list[Any]:
        self.asked = (account, region)
        if self.fault is not None:
            raise self.fault
        return []


Receive = Callable[[], Awaitable[dict[str, Any]]]


class Call:
    """One HTTP request; `pieces` come one by one."""

    def __init__(self, pieces: list[bytes], target: bytes | None = LIST, **more: Any) -> None:
        self.headers = list(more.pop("headers", []))
        if target is not None:
            self.headers.append((b"x-amz-target", target))
        self.scope = {
            "type": "http", "path": "/", "method": "POST", "query_string": b"", "headers": self.headers,
        } | more  # fmt: skip
        self._pieces = self._read(pieces)
        self.sent: list[dict[str, Any]] = []
        self.received = 0

    async def _read(self, pieces: list[bytes]) -> AsyncIterator[dict[str, Any]]:
        for number, piece in enumerate(pieces, 1):
            yield {"type": "http.request", "body": piece, "more_body": number < len(pieces)}

    async def receive(self) -> dict[str, Any]:
        self.received += 1
        return await anext(self._pieces)

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def answer(self) -> Any:
        return json.loads(self.sent[1]["body"])

    @property
    def code(self) -> str:
        return str(self.answer["__type"]).rpartition("#")[2]

    def header(self, name: bytes) -> bytes:
        return dict(self.sent[0]["headers"])[name]


def play(call: Call, receive: Receive | None = None, fault: Exception | None = None) -> Store:
    async def run() -> Store:
        store = Store()
        store.fault = fault
        api = Api(store, Broker(), VirtualClock(), Ids(), SETTINGS)  # type: ignore[arg-type]
        await api(call.scope, receive or call.receive, call.send)
        return store

    return run_virtually(run())


def test_an_answer_has_awss_headers() -> None:
    call = Call([b"{}"])
    play(call)
    assert (call.status, call.answer) == (200, {"stateMachines": []})
    assert call.header(b"content-type") == b"application/x-amz-json-1.0"
    assert len(call.header(b"x-amzn-requestid")) == 36


@pytest.mark.parametrize(
    ("key", "account"), [("test", "000000000000"), ("123456789012", "123456789012"), ("1234567890123", "000000000000")]
)
def test_the_credential_scope_names_region_and_account(key: str, account: str) -> None:
    scope = f"AWS4-HMAC-SHA256 Credential={key}/20260101/ap-south-2/states/aws4_request, SignedHeaders=host"
    call = Call([b"{}"], headers=[(b"authorization", scope.encode())])
    assert play(call).asked == (account, "ap-south-2")


@pytest.mark.parametrize(
    ("pieces", "code"),
    [
        pytest.param([b"{"], "SerializationException", id="cut-json"),
        pytest.param([b'{"maxResults": NaN}'], "SerializationException", id="nan"),
        pytest.param([b'{"maxResults": 1e999}'], "SerializationException", id="beyond-double"),
        pytest.param([b'{"nextToken": "\\ud800"}'], "SerializationException", id="lone-surrogate"),
        pytest.param([b'{"x": 12345678901234567890, "nextToken": "\\ud800"}'], "SerializationException", id="late"),
        pytest.param([b"\xff\xfe"], "SerializationException", id="not-utf-8"),
        pytest.param([b"[" * 600], "SerializationException", id="deep"),
        pytest.param([b"[]"], "SerializationException", id="a-list"),
        pytest.param([b"{", b'"maxResults"', b":1001}"], "ValidationException", id="in-pieces"),
    ],
)
def test_a_body_that_cannot_be_is_refused(pieces: list[bytes], code: str) -> None:
    call = Call(pieces)
    play(call)
    assert (call.status, call.code) == (400, code)


def test_no_body_is_an_empty_object() -> None:
    call = Call([b""])
    play(call)
    assert call.status == 200


@pytest.mark.parametrize("target", [None, b"", b"AWSStepFunctions.Nonsense", b"DynamoDB.ListTables", b"\xff" * 1000])
def test_an_unknown_target_is_an_unknown_operation(target: bytes | None) -> None:
    call = Call([b"{}"], target)
    play(call)
    assert (call.status, call.code) == (400, "UnknownOperationException")


@pytest.mark.parametrize(
    "kind",
    [
        b"application/x-amz-json-1.0",
        b"application/x-amz-json-1.1",
        b"Application/X-Amz-Json-1.0; charset=utf-8",
    ],
)
def test_both_versions_of_awss_json_are_read(kind: bytes) -> None:
    call = Call([b"{}"], headers=[(b"content-type", kind)])
    play(call)
    assert call.status == 200


@pytest.mark.parametrize(
    "kind",
    [
        b"application/json",
        b"application/cbor",
        b"application/x-www-form-urlencoded; charset=utf-8",
        b"text/plain",
        b"text/xml",
        b"",
    ],
)
def test_another_protocol_is_an_unknown_operation(kind: bytes) -> None:
    call = Call([b"Action=ListStateMachines"], headers=[(b"content-type", kind)])
    play(call)
    assert (call.status, call.code) == (404, "UnknownOperationException")
    assert len(call.header(b"x-amzn-requestid")) == 36


def test_null_is_not_given_at_any_depth() -> None:
    body = {"maxResults": None, "nextToken": None}
    call = Call([json.dumps(body).encode()])
    play(call)
    assert call.status == 200
    given = {"a": None, "b": [{"c": None, "d": 1}, None], "e": {"f": None}}
    assert without_nulls(given) == {"b": [{"d": 1}, None], "e": {}}


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/", 405), ("PUT", "/", 405), ("POST", "/x/../", 404)])
def test_another_method_or_path_is_an_unknown_operation(method: str, path: str, status: int) -> None:
    call = Call([b"{}"], method=method, path=path)
    play(call)
    assert (call.status, call.code) == (status, "UnknownOperationException")


@pytest.mark.parametrize("length", [b"1001", b"10995116277760", b"9" * 500, b"-1", b"x"])
def test_a_declared_length_beyond_the_limit_is_refused_unread(length: bytes) -> None:
    call = Call([b"{}"], headers=[(b"content-length", length)])
    play(call)
    assert (call.status, call.received) == (413, 0)
    assert call.header(b"connection") == b"close"


def test_an_endless_body_is_cut_at_the_limit() -> None:
    call = Call([b"x" * 100] * 1_000_000)
    play(call)
    assert (call.status, call.received) == (413, 11)


def test_a_body_at_the_limit_is_read() -> None:
    call = Call([b"{}" + b" " * 998])
    play(call)
    assert call.status == 200


def test_a_body_that_never_comes_ends_after_half_a_minute() -> None:
    async def never() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    call = Call([])
    play(call, receive=never)
    assert (call.status, call.code) == (408, "RequestTimeoutException")


def test_a_drip_of_bytes_ends_after_half_a_minute() -> None:
    async def drip() -> dict[str, Any]:
        await asyncio.sleep(1.0)
        return {"type": "http.request", "body": b" ", "more_body": True}

    call = Call([])
    play(call, receive=drip)
    assert call.status == 408


def test_all_bodies_together_have_a_limit() -> None:
    async def run() -> list[Call]:
        api = Api(Store(), Broker(), VirtualClock(), Ids(), SETTINGS)  # type: ignore[arg-type]
        calls = [Call([b"{" + b" " * 700, b"}"]) for _ in range(3)]

        async def slowly(call: Call) -> None:
            async def receive() -> dict[str, Any]:
                await asyncio.sleep(1.0)
                return await call.receive()

            await api(call.scope, receive, call.send)

        await asyncio.gather(*(slowly(call) for call in calls))
        again = Call([b"{}"])
        await api(again.scope, again.receive, again.send)
        return [*calls, again]

    calls = run_virtually(run())
    assert sorted(call.status for call in calls) == [200, 200, 200, 400]
    assert [call.code for call in calls if call.status == 400] == ["ThrottlingException"]


def test_a_caller_that_hangs_up_gets_no_answer() -> None:
    async def hang_up() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    call = Call([])
    play(call, receive=hang_up)
    assert call.sent == []


def test_a_fault_of_ours_is_a_5xx_that_clients_try_again(caplog: pytest.LogCaptureFixture) -> None:
    call = Call([b"{}"])
    play(call, fault=StoreUnavailable("down"))
    assert (call.status, call.code) == (503, "ServiceUnavailableException")
    call = Call([b"{}"])
    play(call, fault=ZeroDivisionError())
    assert (call.status, call.code) == (500, "InternalServerError")
    assert "ZeroDivisionError" not in str(call.answer)


@pytest.mark.parametrize(("path", "status"), [("/livez", 200), ("/readyz", 200), ("/metrics", 200), ("/nothing", 404)])
def test_health_and_metrics_stand_beside_the_api(path: str, status: int) -> None:
    call = Call([], method="GET", path=path)
    play(call)
    assert call.status == status


def test_not_ready_without_the_store() -> None:
    class Down(Store):
        async def shard_owners(self) -> dict[int, str]:
            raise StoreUnavailable("down")

    async def run() -> Call:
        call = Call([], method="GET", path="/readyz")
        api = Api(Down(), Broker(), VirtualClock(), Ids(), SETTINGS)  # type: ignore[arg-type]
        await api(call.scope, call.receive, call.send)
        return call

    assert run_virtually(run()).status == 503


def test_a_mounted_application_gets_its_paths_only() -> None:
    async def run() -> list[str]:
        seen: list[str] = []

        async def console(scope: Any, receive: Any, send: Any) -> None:
            seen.append(scope["path"])

        api = Api(Store(), Broker(), VirtualClock(), Ids(), SETTINGS)  # type: ignore[arg-type]
        api.mount("/console", console)
        for path in ("/console", "/console/app.js", "/consoles"):
            call = Call([], method="GET", path=path)
            await api(call.scope, call.receive, call.send)
        return seen

    assert run_virtually(run()) == ["/console", "/console/app.js"]


def test_with_keys_an_unsigned_request_is_refused_before_its_body_is_looked_at() -> None:
    async def run() -> Call:
        verifier = Verifier({"AK": "secret"}.get, VirtualClock().now_ms)
        api = Api(Store(), Broker(), VirtualClock(), Ids(), SETTINGS, verifier=verifier)  # type: ignore[arg-type]
        call = Call([b"no json"])
        await api(call.scope, call.receive, call.send)
        return call

    assert run_virtually(run()).code == "MissingAuthenticationTokenException"


def test_a_request_is_counted_by_its_operation_and_error() -> None:
    async def run() -> str:
        api = Api(Store(), Broker(), VirtualClock(), Ids(), SETTINGS)  # type: ignore[arg-type]
        await api.start()
        for body, target in ((b"{}", LIST), (b"[]", LIST), (b"{}", b"AWSStepFunctions.Nonsense")):
            call = Call([body], target)
            await api(call.scope, call.receive, call.send)
        call = Call([], method="GET", path="/metrics")
        await api(call.scope, call.receive, call.send)
        await api.close()
        return str(call.sent[1]["body"].decode())

    text = run_virtually(run())
    assert 'stepwell_api_request_seconds_count{operation="ListStateMachines"} 2.0' in text
    assert 'stepwell_api_errors_total{error="SerializationException",operation="ListStateMachines"} 1.0' in text
    assert 'stepwell_api_errors_total{error="UnknownOperationException",operation="-"} 1.0' in text
