"""Our own API, for tasks that call Step Functions: in this process where it is one of the roles, else over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import quote

from engine.payload import JsonError, decode_json, encode_json
from services.integrations.interface import Call
from services.integrations.nested_executions import NestedRefused, NestedStart, dates_in_ms
from services.store.records import Parent

if TYPE_CHECKING:
    import aiohttp

    from services.api.app import Api

Headers = list[tuple[str, str]]
Answer = tuple[int, Headers, bytes]
_CONTENT_TYPE: Final = "application/x-amz-json-1.0"
_REMOTE_SECONDS: Final = 70.0


class OwnApi(Protocol):
    """Our own API."""

    async def request(self, operation: str, body: bytes, keys: str, region: str) -> Answer:
        """Status, headers and body of one operation; `keys` is the ARN of the role that calls."""
        ...

    async def ask(
        self, operation: str, body: dict[str, Any], role: str, region: str, parent: Parent | None = None
    ) -> Mapping[str, Any]:
        """The answer of one operation.

        Raises:
            NestedRefused: as the API refuses.
        """
        ...


class LocalApi:
    """The API of this process: no socket, no signature."""

    def __init__(self, api: Api, account: str) -> None:
        """Call this one; `account` is that of roles without a 12-digit account."""
        self._api = api
        self._account = account

    async def ask(
        self, operation: str, body: dict[str, Any], role: str, region: str, parent: Parent | None = None
    ) -> Mapping[str, Any]:
        """The answer of one operation.

        Raises:
            NestedRefused: as the API refuses.
        """
        from services.api.errors import ApiError
        from services.runtime.faults import Fault, Overloaded

        try:
            return await self._api.ask(operation, body, account_of(role) or self._account, region, parent)
        except ApiError as error:
            raise NestedRefused(error.code, error.message) from None
        except Overloaded as fault:
            raise NestedRefused("ThrottlingException", str(fault)) from None
        except Fault as fault:
            raise NestedRefused("ServiceUnavailableException", str(fault)) from None

    async def request(self, operation: str, body: bytes, keys: str, region: str) -> Answer:
        """The same in the form of an HTTP answer."""
        headers = [("Content-Type", _CONTENT_TYPE)]
        try:
            answer = await self.ask(operation, decode_json(body), keys, region)
        except NestedRefused as refused:
            return 400, headers, encode_json({"__type": refused.code, "message": refused.message})
        return 200, headers, encode_json(answer)


class RemoteApi:
    """The API of another process, on connections that are kept."""

    def __init__(self, endpoint: str, key: tuple[str, str] | None = None) -> None:
        """Nothing is connected yet; `key` (id and secret) signs the requests where the API checks signatures."""
        self._endpoint = endpoint
        self._key = key
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self, operation: str, body: dict[str, Any], role: str, region: str, parent: Parent | None = None
    ) -> Mapping[str, Any]:
        """The answer of one operation.

        Raises:
            NestedRefused: as the API refuses.
        """
        status, _, content = await self._request(operation, encode_json(body), role, region, parent)
        try:
            answer = decode_json(content)
        except JsonError:
            answer = {}
        if status != 200:
            code = str(answer.get("__type", "ServiceUnavailableException")).rpartition("#")[2]
            raise NestedRefused(code, str(answer.get("message", "")))
        assert isinstance(answer, dict)
        return answer

    async def request(self, operation: str, body: bytes, keys: str, region: str) -> Answer:
        """One request; an API that cannot be reached answers 503."""
        return await self._request(operation, body, keys, region, None)

    async def close(self) -> None:
        """Disconnect."""
        if self._session is not None:
            await self._session.close()

    async def _request(self, operation: str, body: bytes, role: str, region: str, parent: Parent | None) -> Answer:
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_REMOTE_SECONDS))
        headers = _request_headers(operation, role, region)
        if self._key is not None:
            headers |= _signature(self._endpoint, body, headers, self._key, region)
        if parent is not None:
            headers["X-Stepwell-Parent"] = quote(parent.text, safe=" :/=+")
        try:
            async with self._session.post(self._endpoint, data=body, headers=headers) as answer:
                return answer.status, list(answer.headers.items()), await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            content = {"__type": "ServiceUnavailableException", "message": f"{self._endpoint}: {error}"}
            return 503, [("Content-Type", _CONTENT_TYPE)], encode_json(content)


def account_of(role: str) -> str:
    """The account in a role's ARN, "" if there is none."""
    parts = role.split(":", 5)
    found = parts[4] if len(parts) > 5 else ""
    return found if len(found) == 12 and found.isascii() and found.isdigit() else ""


def _request_headers(operation: str, role: str, region: str) -> dict[str, str]:
    """What says who calls: the account of the role stands in for an access key."""
    scope = f"{account_of(role) or 'stepwell'}/19700101/{region}/states/aws4_request"
    return {
        "X-Amz-Target": f"AWSStepFunctions.{operation}",
        "Content-Type": _CONTENT_TYPE,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
    }


def _signature(
    endpoint: str, body: bytes, headers: Mapping[str, str], key: tuple[str, str], region: str
) -> dict[str, str]:
    """The headers of a real signature."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    signed = {name: value for name, value in headers.items() if name != "Authorization"}
    request = AWSRequest(method="POST", url=f"{endpoint.rstrip('/')}/", data=body, headers=signed)
    SigV4Auth(Credentials(*key), "states", region).add_auth(request)
    return {name: str(value) for name, value in request.headers.items()}


class OwnExecutions:
    """Nested executions (`arn:aws:states:::states:startExecution`) on our own API."""

    def __init__(self, api: OwnApi) -> None:
        """Use this API."""
        self._api = api

    async def start(
        self, call: Call, machine_arn: str, name: str, input_text: bytes, trace_header: str | None
    ) -> NestedStart:
        """StartExecution, with the parent's ARN and its task kept beside the child."""
        body = {"stateMachineArn": machine_arn, "name": name, "input": input_text.decode("utf-8", "surrogatepass")}
        if trace_header is not None:
            body["traceHeader"] = trace_header
        parent = Parent(call.execution_arn, call.resource.pattern, call.attempt_name)
        answer = await self._ask(call, "StartExecution", body, parent)
        return NestedStart(answer["executionArn"], round(1000 * answer["startDate"]))

    async def describe(self, call: Call, execution_arn: str) -> Mapping[str, Any]:
        """DescribeExecution, dates in milliseconds."""
        return dates_in_ms(await self._ask(call, "DescribeExecution", {"executionArn": execution_arn}))

    async def stop(self, call: Call, execution_arn: str) -> None:
        """StopExecution."""
        await self._ask(call, "StopExecution", {"executionArn": execution_arn})

    async def _ask(
        self, call: Call, operation: str, body: dict[str, Any], parent: Parent | None = None
    ) -> Mapping[str, Any]:
        role = call.credentials_role_arn or call.role_arn
        return await self._api.ask(operation, body, role, call.region, parent)
