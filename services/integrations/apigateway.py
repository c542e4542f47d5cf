"""Amazon API Gateway: `apigateway:invoke`, with `.waitForTaskToken`.

Requests go to the API's own host over HTTPS, signed when AuthType asks for it. An operator who runs the APIs
elsewhere names that place with AWS_ENDPOINT_URL_EXECUTE_API; the API's host then goes along as Host header.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote, urlsplit

from engine.asl.model import Resource
from engine.payload import encode_json
from services.integrations.address_check import AddressPolicy, AddressRefused
from services.integrations.aws import Aws
from services.integrations.credentials import KeyHolder
from services.integrations.failures import TooLarge, Unreachable, not_startable, sized, too_large
from services.integrations.handler import NoJobs
from services.integrations.http_encoding import with_query
from services.integrations.http_task import shown
from services.integrations.interface import Call, Failed, Outcome, Submitted, Succeeded
from services.integrations.lambda_function import decode_object
from services.integrations.outside import Outside, OutsideAnswer
from services.integrations.shapes import BAD_FORMAT, MISSING, NOT_SUPPORTED, ParameterProblems, text_of

PARAMETERS: Final = (
    "AllowNullValues",
    "ApiEndpoint",
    "AuthType",
    "Headers",
    "Method",
    "Path",
    "QueryParameters",
    "RequestBody",
    "Stage",
)
_METHODS: Final = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"})
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_AUTH_TYPES: Final = ("NO_AUTH", "IAM_ROLE", "RESOURCE_POLICY")
_FORBIDDEN: Final = frozenset(
    [
        "authorization",
        "connection",
        "content-md5",
        "expect",
        "host",
        "max-forwards",
        "proxy-authenticate",
        "server",
        "te",
        "transfer-encoding",
        "trailer",
        "upgrade",
        "via",
        "www-authenticate",
    ]
)
_FORBIDDEN_PREFIXES: Final = ("x-forwarded", "x-amz", "x-amzn")


class ApiGateway(NoJobs):
    """The handler of `apigateway:invoke`."""

    def __init__(self, aws: Aws, outside: Outside, policy: AddressPolicy) -> None:
        """`policy` says what may be called beside public addresses."""
        self._aws = aws
        self._outside = outside
        self._policy = policy

    async def call(self, call: Call) -> Outcome:
        """Send one request."""
        try:
            written = decode_object(call)
            check(written, call.resource)
            answer = await self._send(call, written)
        except ParameterProblems as problem:
            return not_startable(call, problem.problems)
        except (AddressRefused, Unreachable) as problem:
            return Failed("ApiGateway.SdkClientException", f"Unable to execute HTTP request: {problem}")
        except TooLarge:
            return too_large(call)
        return _outcome(call, written, answer)

    async def _send(self, call: Call, written: dict[str, Any]) -> OutsideAnswer:
        url = _url(written)
        headers = [(name, value) for name, values in (written.get("Headers") or {}).items() for value in values]
        body = _body(written)
        if body is not None and not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", "application/json"))
        if written.get("AuthType", "NO_AUTH") != "NO_AUTH":
            keys = await self._aws.keys_for(call, "apigateway", url)
            headers = _signed(written["Method"], url, headers, body, keys, call.region)
        override = self._aws.endpoints.own("execute-api")
        policy = self._policy
        if override is not None:
            place = urlsplit(url)
            headers.append(("Host", place.netloc))
            url = f"{override.rstrip('/')}{place.path}" + (f"?{place.query}" if place.query else "")
            policy = AddressPolicy(self._policy.allowed + _everything(), plain_http=True)
        return await self._outside.request(written["Method"], url, headers, body, policy)


def _everything() -> tuple[Any, ...]:
    """The operator's own endpoint may be anywhere but at a metadata service."""
    from ipaddress import ip_network

    return ip_network("0.0.0.0/0"), ip_network("::/0")


def check(written: dict[str, Any], resource: Resource) -> dict[str, Any]:
    """The parameters, if they can be used.

    Raises:
        ParameterProblems: they cannot.
    """
    problems = [NOT_SUPPORTED.format(name) for name in written if name not in PARAMETERS]
    problems += [MISSING.format(name) for name in ("ApiEndpoint", "Method") if name not in written]
    endpoint = written.get("ApiEndpoint", "a")
    if not isinstance(endpoint, str) or not endpoint or any(letter in endpoint for letter in "/@\\?# \r\n"):
        problems.append(BAD_FORMAT.format("ApiEndpoint"))
    if written.get("Method", "GET") not in _METHODS:
        problems.append(BAD_FORMAT.format("Method"))
    if written.get("AuthType", "NO_AUTH") not in _AUTH_TYPES:
        problems.append(BAD_FORMAT.format("AuthType"))
    for field in ("Headers", "QueryParameters"):
        value = written.get(field)
        if value is not None and not _lists(value):
            problems.append(BAD_FORMAT.format(field))
    headers = written.get("Headers")
    if isinstance(headers, dict):
        forbidden = [name for name in headers if _is_forbidden(name.lower())]
        if forbidden:
            problems.append(f"The 'Headers' field contains unsupported values: [{', '.join(forbidden)}]")
        elif any("\r" in f"{value}" or "\n" in f"{value}" for value in headers.values()):
            problems.append(BAD_FORMAT.format("Headers"))
    if problems:
        raise ParameterProblems(problems)
    return written


def _is_forbidden(name: str) -> bool:
    return name in _FORBIDDEN or name.startswith(_FORBIDDEN_PREFIXES)


def _lists(value: Any) -> bool:
    """Whether it is an object with lists of text."""
    return isinstance(value, dict) and all(
        isinstance(values, list) and all(isinstance(one, str) for one in values) for values in value.values()
    )


def _url(written: dict[str, Any]) -> str:
    parts = [written.get("Stage"), written.get("Path")]
    path = "/".join(quote(text_of(part).strip("/"), safe="/%:@!$&'()*+,;=~-._") for part in parts if part)
    return with_query(f"https://{written['ApiEndpoint']}/{path}", written.get("QueryParameters") or {})


def _body(written: dict[str, Any]) -> bytes | None:
    """Any JSON value is sent as its JSON, text with its quotes (recorded); members that are null only when asked."""
    if written["Method"] not in _WITH_BODY or "RequestBody" not in written:
        return None
    value = written["RequestBody"]
    if written.get("AllowNullValues"):
        return encode_json(value)
    return None if value is None else encode_json(_without_null(value))


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_null(item) for name, item in value.items() if item is not None}
    return [_without_null(item) for item in value] if isinstance(value, list) else value


def _signed(
    method: str, url: str, headers: list[tuple[str, str]], body: bytes | None, keys: KeyHolder, region: str
) -> list[tuple[str, str]]:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    request = AWSRequest(method=method, url=url, data=body or b"")
    SigV4Auth(keys.get_frozen_credentials(), "execute-api", region).add_auth(request)
    return [*headers, *((name, str(value)) for name, value in request.headers.items())]


def _outcome(call: Call, written: dict[str, Any], answer: OutsideAnswer) -> Outcome:
    if not 200 <= answer.status < 300:
        return Failed(f"ApiGateway.{answer.status}", answer.body.decode("utf-8", "replace"))
    try:
        result = shown(answer, parse=True, with_body=written["Method"] != "HEAD")
    except (UnicodeDecodeError, LookupError):
        return Failed("ApiGateway.SdkClientException", "The response body is not valid text.")
    done = sized(call, encode_json(result))
    if isinstance(done, Succeeded) and call.resource.pattern == "wait_for_task_token":
        return Submitted(done.output)
    return done
