"""Our own API, for tasks that call Step Functions: in this process where it is one of the roles, else over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from engine.payload import JsonError, decode_json, encode_json
from services.integrations.interface import Call
from services.integrations.nested_executions import NestedRefused, NestedStart

if TYPE_CHECKING:
    from services.api.app import Asgi

Headers = list[tuple[str, str]]
Answer = tuple[int, Headers, bytes]
_DATES: Final = ("startDate", "stopDate", "redriveDate")
_REMOTE_SECONDS: Final = 70.0


class OwnApi(Protocol):
    """Answers one operation of the API."""

    async def request(self, operation: str, body: bytes, keys: str, region: str) -> Answer:
        """Status, headers and body; `keys` is the ARN of the role that calls."""
        ...


def _request_headers(operation: str, keys: str, region: str) -> dict[str, str]:
    """What says who calls: the account of the role stands in for an access key."""
    account = keys.split(":")[4] if keys.count(":") >= 5 else ""
    scope = f"{account or 'stepwell'}/19700101/{region}/states/aws4_request"
    return {
        "X-Amz-Target": f"AWSStepFunctions.{operation}",
        "Content-Type": "application/x-amz-json-1.0",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
    }


class LocalApi:
    """The API of this process, called as an ASGI server calls it."""

    def __init__(self, application: Asgi) -> None:
        """Call this application."""
        self._application = application

    async def request(self, operation: str, body: bytes, keys: str, region: str) -> Answer:
        """One request without a socket."""
        headers = {name.lower(): value for name, value in _request_headers(operation, keys, region).items()}
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        sent: list[dict[str, Any]] = []
        unread = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if not unread:
                await asyncio.get_running_loop().create_future()  # nobody hangs up: the task is cancelled instead
            return unread.pop()

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self._application(scope, receive, send)
        start = next(message for message in sent if message["type"] == "http.response.start")
        content = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
        return start["status"], [(name.decode(), value.decode()) for name, value in start["headers"]], content


class RemoteApi:
    """The API of another process."""

    def __init__(self, endpoint: str) -> None:
        """Connect for each request: such tasks are few."""
        self._endpoint = endpoint

    async def request(self, operation: str, body: bytes, keys: str, region: str) -> Answer:
        """One request; an API that cannot be reached answers 503."""
        import aiohttp

        headers = _request_headers(operation, keys, region)
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_REMOTE_SECONDS)) as session,
                session.post(self._endpoint, data=body, headers=headers) as answer,
            ):
                return answer.status, list(answer.headers.items()), await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            content = {"__type": "ServiceUnavailableException", "message": f"{self._endpoint}: {error}"}
            return 503, [("Content-Type", "application/x-amz-json-1.0")], encode_json(content)


class OwnExecutions:
    """Nested executions (`arn:aws:states:::states:startExecution`) on our own API."""

    def __init__(self, api: OwnApi) -> None:
        """Use this API."""
        self._api = api

    async def start(
        self, call: Call, machine_arn: str, name: str, input_text: bytes, trace_header: str | None
    ) -> NestedStart:
        """StartExecution."""
        body = {"stateMachineArn": machine_arn, "name": name, "input": input_text.decode()}
        if trace_header is not None:
            body["traceHeader"] = trace_header
        answer = await self._call(call, "StartExecution", body)
        return NestedStart(answer["executionArn"], round(1000 * answer["startDate"]))

    async def describe(self, call: Call, execution_arn: str) -> Mapping[str, Any]:
        """DescribeExecution, dates in milliseconds."""
        answer = await self._call(call, "DescribeExecution", {"executionArn": execution_arn})
        return {name: round(1000 * value) if name in _DATES else value for name, value in answer.items()}

    async def stop(self, call: Call, execution_arn: str) -> None:
        """StopExecution."""
        await self._call(call, "StopExecution", {"executionArn": execution_arn})

    async def _call(self, call: Call, operation: str, body: Mapping[str, Any]) -> dict[str, Any]:
        role = call.credentials_role_arn or call.role_arn
        status, _, content = await self._api.request(operation, encode_json(body), role, call.region)
        try:
            answer = decode_json(content)
        except JsonError:
            answer = {}
        if status != 200:
            code = str(answer.get("__type", "ServiceUnavailableException")).rpartition("#")[2]
            raise NestedRefused(code, str(answer.get("message", "")))
        assert isinstance(answer, dict)
        return answer
