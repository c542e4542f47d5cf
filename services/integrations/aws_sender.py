"""Sends exactly one request to an AWS service: botocore builds, signs and reads, aiohttp carries.

A call that waits needs no thread, and cancelling it closes its connection. Nothing is ever sent again: not after an
answer 500, not after a closed connection, not after a time-out, because nobody can know what the service has done.
"""

from __future__ import annotations

import io
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from services.integrations.clients import Clients, Prepared, ServiceClient
from services.integrations.credentials import KeyHolder
from services.integrations.failures import ApiRefused, TooLarge, Unreachable

if TYPE_CHECKING:
    import aiohttp
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.model import OperationModel

ANSWER_BYTES_MAX: Final = 8 * 2**20
CONNECT_SECONDS: Final = 10.0
READ_SECONDS: Final = 60.0
AFTER_DEADLINE_SECONDS: Final = 5.0
_CONNECTIONS_MAX: Final = 4096
# Shorter than the idle time of usual servers, so that a connection is hardly ever closed under a request.
_KEEP_ALIVE_SECONDS: Final = 4.0
_NOT_SENT: Final = frozenset({"expect", "transfer-encoding"})

Headers = Sequence[tuple[str, str]]


class OwnApi(Protocol):
    """Stepwell's own API without a detour over HTTP, for `aws-sdk:sfn:...`."""

    async def request(self, operation: str, body: bytes, keys: str, region: str) -> tuple[int, Headers, bytes]:
        """Answer one operation (`SendTaskSuccess`) as the wire protocol does: status, headers, JSON body.

        Args:
            keys: the role on whose behalf the call is made.
        """
        ...


@dataclass(frozen=True, slots=True)
class AwsAnswer:
    """An answer of a service.

    Attributes:
        parsed: botocore's parsed members, with times as datetime and blobs as bytes.
        headers: as received, for SdkHttpMetadata.
    """

    parsed: Mapping[str, Any]
    status: int
    headers: Headers
    request_id: str
    operation: OperationModel


class _Held:
    """A body that botocore's parsers hand through untouched, as they do with streams."""

    __slots__ = ("content",)

    def __init__(self, content: bytes) -> None:
        self.content = content


class AwsSender:
    """Calls operations of AWS services."""

    def __init__(self, clients: Clients, own_api: OwnApi | None = None) -> None:
        """`own_api` answers the operations of `stepfunctions`; without it they go to the endpoint."""
        self._clients = clients
        self._own_api = own_api
        self._session: aiohttp.ClientSession | None = None
        self._proxies = getproxies()

    async def send(
        self,
        service: str,
        operation: str,
        parameters: dict[str, Any],
        *,
        region: str,
        keys: KeyHolder,
        timeout_seconds: float | None = None,
        own_api_role: str | None = None,
        bytes_max: int = ANSWER_BYTES_MAX,
    ) -> AwsAnswer:
        """Make one request and read its answer.

        Args:
            service: botocore's name.
            parameters: as botocore takes them; they must fit the model.
            timeout_seconds: what the task has left; the connection waits a little longer, so the task's own
                time-out comes first.
            own_api_role: set to use Stepwell's own API, on behalf of this role.

        Raises:
            ApiRefused: the service answered with an error.
            Unreachable: the request could not be built or no answer came.
            TooLarge: the answer is longer than `bytes_max`.
        """
        client = await self.client(service, region)
        request = _prepared_request(client, keys, operation, parameters)
        model = client.operation(operation)
        if own_api_role is not None and self._own_api is not None:
            body = request.body.encode() if isinstance(request.body, str) else request.body
            status, headers, content = await self._own_api.request(operation, body, own_api_role, region)
        else:
            seconds = READ_SECONDS if timeout_seconds is None else timeout_seconds + AFTER_DEADLINE_SECONDS
            status, headers, content = await self._carry(request, seconds, bytes_max)
        return _read(client, model, status, headers, content)

    async def client(self, service: str, region: str) -> ServiceClient:
        """The botocore client, made on first use.

        Raises:
            Unreachable: botocore cannot make it.
        """
        from botocore.exceptions import BotoCoreError

        try:
            return await self._clients.get(service, region)
        except (BotoCoreError, ValueError) as error:
            raise Unreachable(str(error)) from None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _carry(
        self, request: AWSPreparedRequest, read_seconds: float, bytes_max: int
    ) -> tuple[int, Headers, bytes]:
        import aiohttp
        from yarl import URL

        headers = {
            name: value.decode("utf-8") if isinstance(value, bytes) else value
            for name, value in request.headers.items()
            if name.lower() not in _NOT_SENT
        }
        body = (
            request.body.read()
            if isinstance(request.body, io.IOBase) or hasattr(request.body, "read")
            else request.body
        )
        try:
            async with self._connections().request(
                request.method,
                URL(request.url, encoded=True),
                data=body,
                headers=headers,
                allow_redirects=False,
                proxy=self._proxy(request.url),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=read_seconds),
            ) as response:
                pairs = [
                    (name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in response.raw_headers
                ]
                return response.status, pairs, await read_capped(response.content, bytes_max)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unreachable(f"Unable to execute HTTP request: {transport_text(error, request.url)}") from None

    def _proxy(self, url: str) -> str | None:
        """The operator's proxy for this host, from `HTTPS_PROXY` and its kin, read once."""
        if not self._proxies:
            return None
        parts = urlsplit(url)
        if proxy_bypass(parts.netloc):
            return None
        return self._proxies.get(parts.scheme)

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            connector = aiohttp.TCPConnector(
                limit=_CONNECTIONS_MAX, keepalive_timeout=_KEEP_ALIVE_SECONDS, ssl=trusted_certificates()
            )
            self._session = one_request_session(connector)
        return self._session


def one_request_session(connector: aiohttp.BaseConnector) -> aiohttp.ClientSession:
    """A session that sends each request once; aiohttp alone would repeat GET, PUT and DELETE on a closed connection."""
    import aiohttp

    session = aiohttp.ClientSession(
        connector=connector, auto_decompress=False, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
    )
    session._retry_connection = False
    return session


def trusted_certificates() -> ssl.SSLContext:
    """The machine's certificate authorities, and those that botocore brings, as in its own clients."""
    from botocore.httpsession import get_cert_path

    context = ssl.create_default_context()
    bundle = get_cert_path(True)
    if isinstance(bundle, str):
        context.load_verify_locations(cafile=bundle)
    return context


async def read_capped(content: aiohttp.StreamReader, bytes_max: int) -> bytes:
    """The whole body.

    Raises:
        TooLarge: it is longer; reading stops there.
    """
    pieces: list[bytes] = []
    size = 0
    async for piece in content.iter_any():
        size += len(piece)
        if size > bytes_max:
            raise TooLarge
        pieces.append(piece)
    return b"".join(pieces)


def transport_text(error: BaseException, url: str) -> str:
    """A transport error in the words of Java's HTTP client."""
    import aiohttp

    host = urlsplit(url).hostname or ""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"{host}: Name or service not known"
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return f"Connect to {urlsplit(url).netloc} failed: connect timed out"
    if isinstance(error, (aiohttp.ServerTimeoutError, TimeoutError)):
        return "Read timed out"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"certificate of {host} is not trusted: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        if isinstance(error.os_error, ConnectionRefusedError):
            return f"Connect to {urlsplit(url).netloc} failed: Connection refused"
        return f"Connect to {urlsplit(url).netloc} failed: {error.os_error.strerror or error.os_error}"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "The target server failed to respond"
    if isinstance(error, ConnectionResetError):
        return "Connection reset"
    return str(error) or type(error).__name__


def _prepared_request(
    client: ServiceClient, keys: KeyHolder, operation: str, parameters: dict[str, Any]
) -> AWSPreparedRequest:
    from botocore.exceptions import BotoCoreError

    client.signing.holder = keys
    try:
        getattr(client.client, client.operations[operation])(**parameters)
    except Prepared as prepared:
        return prepared.request
    except (BotoCoreError, ValueError, TypeError, AttributeError) as error:
        raise Unreachable(str(error)) from None
    raise AssertionError("botocore sent a request of its own")


def _read(client: ServiceClient, operation: OperationModel, status: int, headers: Headers, content: bytes) -> AwsAnswer:
    """Parse as botocore does, without its second thoughts (retries, redirects, decoding of embedded documents)."""
    from botocore.awsrequest import HeadersDict
    from botocore.parsers import ResponseParserError

    streams = status < 300 and operation.has_streaming_output
    response = {
        "headers": HeadersDict(headers),
        "status_code": status,
        "body": _Held(content) if streams else content,
        "context": {"operation_name": operation.name},
    }
    service = operation.service_model.service_id.hyphenize()
    customised: dict[str, Any] = {}
    client.client.meta.events.emit(
        f"before-parse.{service}.{operation.name}",
        operation_model=operation,
        response_dict=response,
        customized_response_dict=customised,
    )
    try:
        parsed: dict[str, Any] = client.parser.parse(response, operation.output_shape)
    except (ResponseParserError, ValueError) as error:
        raise Unreachable(f"Unable to unmarshall response ({error}). Response Code: {status}") from None
    parsed.update(customised)
    for name, value in parsed.items():
        if isinstance(value, _Held):
            parsed[name] = value.content
    request_id = _request_id(parsed, response["headers"])
    if status >= 300 or response["status_code"] >= 300:
        raise _refusal(client, parsed, response, request_id)
    return AwsAnswer(parsed, status, headers, request_id, operation)


def _request_id(parsed: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    found = parsed.get("ResponseMetadata", {}).get("RequestId")
    return str(found or headers.get("x-amzn-requestid") or headers.get("x-amz-request-id") or "null")


def _refusal(
    client: ServiceClient, parsed: Mapping[str, Any], response: Mapping[str, Any], request_id: str
) -> ApiRefused:
    error = parsed.get("Error", {})
    code = str(error.get("Code") or response["status_code"])
    message = error.get("Message")
    extended = parsed.get("ResponseMetadata", {}).get("HostId") or response["headers"].get("x-amz-id-2") or ""
    return ApiRefused(
        code,
        "null" if message in (None, "") else str(message),
        int(response["status_code"]),
        request_id,
        client.error_shapes.get(code) or client.error_shapes.get(str(error.get("QueryErrorCode")), ""),
        extended if client.service_id == "S3" else "",
    )
