"""HTTP tasks: `http:invoke`, a call to any HTTPS endpoint, authorized by a connection."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from engine.asl.model import Resource
from engine.failure import RUNTIME
from engine.payload import JsonError, decode_json, encode_json
from services.integrations.address_check import AddressPolicy, AddressRefused
from services.integrations.connections import Connection, ConnectionProblem, Connections, HttpParameters
from services.integrations.failures import TooLarge, Unreachable, not_startable, sized, too_large
from services.integrations.handler import NoJobs
from services.integrations.http_encoding import ARRAY_FORMATS, form, merged, with_query
from services.integrations.http_exchange import shown_request, shown_response
from services.integrations.interface import Call, Failed, Outcome
from services.integrations.lambda_function import decode_object
from services.integrations.oauth_tokens import OAuthTokens
from services.integrations.outside import SECONDS_MAX, Outside, OutsideAnswer
from services.integrations.shapes import BAD_FORMAT, MISSING, NOT_SUPPORTED, ParameterProblems
from services.runtime.clock import Clock

PARAMETERS: Final = (
    "ApiEndpoint",
    "Authentication",
    "Headers",
    "InvocationConfig",
    "Method",
    "QueryParameters",
    "RequestBody",
    "Transform",
)
_METHODS: Final = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"})
_RANGE: Final = "bytes=0-262144"
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_UNREADABLE: Final = re.compile(r"application/octet-stream|image/.*|video/.*|audio/.*")
# Source: the guide's list of headers that a definition cannot set.
_RESERVED: Final = frozenset(
    [
        "a-im",
        "accept-charset",
        "accept-datetime",
        "accept-encoding",
        "authorization",
        "cache-control",
        "connection",
        "content-encoding",
        "content-md5",
        "date",
        "expect",
        "forwarded",
        "from",
        "host",
        "http2-settings",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "max-forwards",
        "origin",
        "pragma",
        "proxy-authorization",
        "referer",
        "server",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
        "warning",
        "content-length",
    ]
)
_RESERVED_PREFIXES: Final = ("x-forwarded-", "x-amz-", "x-amzn-")


class NotMergeable(Exception):
    """The connection has body parameters, but the body is no object."""


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    headers: list[tuple[str, str]]
    body: bytes | None


class HttpTask(NoJobs):
    """The handler of `http:invoke`."""

    def __init__(self, outside: Outside, clock: Clock, connections: Connections | None, policy: AddressPolicy) -> None:
        """`policy` says what may be called beside public addresses."""
        self._outside = outside
        self._connections = connections
        self._tokens = OAuthTokens(outside, clock)
        self._policy = policy

    async def call(self, call: Call) -> Outcome:
        """Send one request."""
        try:
            written = decode_object(call)
            _check(written, self._policy.plain_http)
            connection = await self._connection(written)
            request = _request(written, call, connection.http)
            await self._authorize(request, connection)
            if call.watch is not None:
                told = request if call.watch.reveal_secrets else _request(written, call, HttpParameters())
                call.watch.tell("request", shown_request(told.method, told.url, told.headers, told.body))
            answer = await self._outside.request(
                request.method,
                request.url,
                request.headers,
                request.body,
                self._policy,
                seconds=min(SECONDS_MAX, call.timeout_seconds or SECONDS_MAX),
            )
        except ParameterProblems as problem:
            return not_startable(call, problem.problems)
        except NotMergeable:
            return Failed(RUNTIME, "Cannot merge connection body authorization parameters with request body.")
        except ConnectionProblem as problem:
            return Failed(problem.error, problem.cause)
        except (AddressRefused, Unreachable) as problem:
            return Failed("States.Http.Socket", str(problem))
        except TooLarge:
            return too_large(call)
        if call.watch is not None:
            call.watch.tell("response", shown_response(request.url, answer))
        if answer.status == 401 and connection.oauth is not None:
            self._tokens.forget(connection)
        return _outcome(call, request.method, answer)

    async def _connection(self, written: dict[str, Any]) -> Connection:
        arn = connection_arn(written)
        if self._connections is None:
            raise ConnectionProblem(
                "Events.ConnectionResource.ResourceNotFound",
                f"Connection {arn} does not exist: connections need a master key, set STEPWELL_MASTER_KEY_FILE.",
            )
        return await self._connections.open(arn)

    async def _authorize(self, request: _Request, connection: Connection) -> None:
        if connection.header is not None:
            request.headers.append(connection.header)
        elif connection.oauth is not None:
            token = await self._tokens.token(connection, self._policy)
            request.headers.append(("Authorization", f"Bearer {token}"))


def connection_arn(written: dict[str, Any]) -> str:
    """The ARN under InvocationConfig, or under the older Authentication.

    Raises:
        ParameterProblems: there is none.
    """
    for name in ("InvocationConfig", "Authentication"):
        value = written.get(name)
        if isinstance(value, dict) and isinstance(value.get("ConnectionArn"), str):
            return str(value["ConnectionArn"])
    raise ParameterProblems([MISSING.format("InvocationConfig")])


def check(written: dict[str, Any], resource: Resource) -> dict[str, Any]:
    """The parameters, if they can be used; only the worker knows whether the operator allows plain HTTP.

    Raises:
        ParameterProblems: they cannot.
    """
    _check(written, plain_http=True)
    connection_arn(written)
    return written


def _check(written: dict[str, Any], plain_http: bool) -> None:
    problems = [NOT_SUPPORTED.format(name) for name in written if name not in PARAMETERS]
    problems += [MISSING.format(name) for name in ("ApiEndpoint", "Method") if name not in written]
    endpoint = written.get("ApiEndpoint", "https://a")
    schemes = ("https://", "http://") if plain_http else ("https://",)
    if not isinstance(endpoint, str) or not endpoint.lower().startswith(schemes) or _bad_url(endpoint):
        problems.append(BAD_FORMAT.format("ApiEndpoint"))
    if written.get("Method", "GET") not in _METHODS:
        problems.append(BAD_FORMAT.format("Method"))
    problems += _header_problems(written.get("Headers"))
    query = written.get("QueryParameters")
    if query is not None and not isinstance(query, dict):
        problems.append(BAD_FORMAT.format("QueryParameters"))
    problems += _transform_problems(written.get("Transform"))
    if problems:
        raise ParameterProblems(problems)


def _bad_url(url: str) -> bool:
    """Control characters, blanks, user info: nothing that could make two readers see two hosts."""
    host = url.split("://", 1)[1].split("/", 1)[0].split("?", 1)[0].split("#", 1)[0]
    return not host or "@" in host or "\\" in url or any(ord(letter) <= 32 or ord(letter) == 127 for letter in url)


def _header_problems(headers: Any) -> list[str]:
    if headers is None:
        return []
    if not isinstance(headers, dict):
        return [BAD_FORMAT.format("Headers")]
    forbidden = [name.lower() for name in headers if _reserved(name.lower())]
    if forbidden:
        return [f"The 'Headers' field contains unsupported values: [{', '.join(forbidden)}]"]
    sound = all(
        isinstance(value, str) and _TOKEN.fullmatch(name) and not _CONTROL.search(value)
        for name, value in headers.items()
    )
    return [] if sound else [BAD_FORMAT.format("Headers")]


def _reserved(name: str) -> bool:
    return name in _RESERVED or name.startswith(_RESERVED_PREFIXES)


def _transform_problems(transform: Any) -> list[str]:
    if transform is None:
        return []
    if not isinstance(transform, dict) or transform.get("RequestBodyEncoding", "NONE") not in ("NONE", "URL_ENCODED"):
        return [BAD_FORMAT.format("Transform")]
    options = transform.get("RequestEncodingOptions") or {}
    if not isinstance(options, dict) or options.get("ArrayFormat", "INDICES") not in ARRAY_FORMATS:
        return [BAD_FORMAT.format("RequestEncodingOptions")]
    return []


def _request(written: dict[str, Any], call: Call, added: HttpParameters) -> _Request:
    own = merged(written.get("Headers") or {}, added.headers)
    body, content_type = _body(written, added)
    headers = [("User-Agent", f"Amazon|StepFunctions|HttpInvoke|{call.region}"), ("Range", _RANGE)]
    if content_type and not any(name.lower() == "content-type" for name in own):
        headers.append(("Content-Type", content_type))
    names = {name.lower() for name in own}
    headers = [(name, value) for name, value in headers if name.lower() not in names] + list(own.items())
    url = with_query(written["ApiEndpoint"], merged(written.get("QueryParameters") or {}, added.query))
    return _Request(written["Method"], url, headers, body)


def _body(written: dict[str, Any], added: HttpParameters) -> tuple[bytes | None, str]:
    """The body and the content type that goes with it."""
    body = written.get("RequestBody")
    if added.body:
        if body is not None and not isinstance(body, dict):
            raise NotMergeable
        body = merged(body or {}, added.body)
    if body is None:
        return None, ""
    transform = written.get("Transform") or {}
    if transform.get("RequestBodyEncoding") == "URL_ENCODED" and isinstance(body, dict):
        options = transform.get("RequestEncodingOptions") or {}
        return form(body, options.get("ArrayFormat", "INDICES")).encode("ascii"), ""
    if isinstance(body, str):
        return body.encode("utf-8", "surrogatepass"), ""
    return encode_json(body), "application/json; charset=UTF-8"


def _outcome(call: Call, method: str, answer: OutsideAnswer) -> Outcome:
    kind = answer.header("content-type").split(";", 1)[0].strip().lower()
    if not 200 <= answer.status < 300:
        cause = answer.body.decode("utf-8", "replace") or (answer.reason if method == "HEAD" else "")
        return Failed(f"States.Http.StatusCode.{answer.status}", cause)
    if answer.body and _UNREADABLE.fullmatch(kind):
        return Failed(
            RUNTIME,
            f"Unsupported response content-type '{kind}'. Please see documentation for list of unsupported "
            "content-types.",
        )
    try:
        result = shown(answer, parse=_is_json(kind), with_body=method != "HEAD" and answer.status != 204)
    except (UnicodeDecodeError, LookupError):
        return Failed(RUNTIME, "The response body is not valid text.")
    return sized(call, encode_json(result))


def shown(answer: OutsideAnswer, *, parse: bool, with_body: bool) -> dict[str, Any]:
    """The result of an HTTP task and of `apigateway:invoke`.

    Raises:
        UnicodeDecodeError, LookupError: the body is not text in the charset that it names.
    """
    headers: dict[str, list[str]] = {}
    for name, value in answer.headers:
        headers.setdefault(name, []).append(value)
    result: dict[str, Any] = {"Headers": headers}
    if with_body:
        charset = re.search(r"charset=\"?([\w\-]+)", answer.header("content-type"))
        text = answer.body.decode(charset[1] if charset else "utf-8")
        result["ResponseBody"] = _parsed(text) if parse else text
    return {**result, "StatusCode": answer.status, "StatusText": answer.reason}


def _is_json(kind: str) -> bool:
    return kind == "application/json" or kind.endswith("+json")


def _parsed(text: str) -> Any:
    try:
        return decode_json(text)
    except JsonError:
        return text
