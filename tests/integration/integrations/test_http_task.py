"""HTTP tasks as the service sends and shows them, against a server on loopback that the policy opens."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import Any

import pytest

from services.integrations.address_check import read_policy
from services.integrations.connections import ConnectionRefused, Connections
from services.integrations.interface import Failed, Succeeded, Watch
from services.integrations.sealing import SealBroken, Sealer
from services.runtime.clock import SystemClock
from services.runtime.ids import SystemIds
from services.store.http_connections import ConnectionRecord
from tests.unit.services.integrations.calls import task

HTTP = "arn:aws:states:::http:invoke"
LOOPBACK = read_policy(["127.0.0.0/8"], plain_http=True)
JSON = (200, [("Content-Type", "application/json"), ("X-Seen", "a"), ("X-Seen", "b")], b'{"ok": true}')


class MemoryStore:
    """Connections kept in memory."""

    def __init__(self) -> None:
        self.records: dict[str, ConnectionRecord] = {}

    async def put(self, record: ConnectionRecord) -> None:
        self.records[record.arn] = record

    async def get(self, arn: str) -> ConnectionRecord | None:
        return self.records.get(arn)

    async def all(self) -> list[ConnectionRecord]:
        return list(self.records.values())

    async def delete(self, arn: str) -> bool:
        return self.records.pop(arn, None) is not None


@dataclass
class StoredConnections:
    """One connection, ready to be named."""

    connections: Connections
    store: MemoryStore
    arn: str

    @classmethod
    async def of(cls, description: dict[str, Any]) -> StoredConnections:
        store = MemoryStore()
        connections = Connections(store, Sealer([b"k" * 32], SystemIds()), SystemClock(), SystemIds())
        record = await connections.create("us-east-1", "000000000000", "c", description)
        return cls(connections, store, record.arn)

    @classmethod
    async def with_key(cls, added: dict[str, Any] | None = None) -> StoredConnections:
        key = {"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "canary"}}
        if added:
            key["InvocationHttpParameters"] = added
        return await cls.of({"AuthorizationType": "API_KEY", "AuthParameters": key})


def sent(server: Any) -> tuple[str, dict[str, str], str]:
    """The last request: its first line, its headers, its body."""
    head, _, body = server.requests[-1].decode().partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    return first, dict(line.split(": ", 1) for line in lines), body


async def invoke(world: Any, stored: StoredConnections, url: str, policy: Any = LOOPBACK, **parameters: Any) -> Any:
    integrations = world({}, connections=stored.connections, policy=policy)
    written = {"ApiEndpoint": url, "Method": "GET", "InvocationConfig": {"ConnectionArn": stored.arn}, **parameters}
    return await integrations.call(task(HTTP, written))


async def test_an_answer_shows_headers_body_and_status(counting: Any, world: Any) -> None:
    server = await counting(JSON)
    outcome = await invoke(world, await StoredConnections.with_key(), server.url)
    assert isinstance(outcome, Succeeded)
    shown = json.loads(outcome.output)
    assert list(shown) == ["Headers", "ResponseBody", "StatusCode", "StatusText"]
    assert shown["Headers"]["X-Seen"] == ["a", "b"]
    assert (shown["ResponseBody"], shown["StatusCode"], shown["StatusText"]) == ({"ok": True}, 200, "X")


async def test_the_services_own_headers_are_sent(counting: Any, world: Any) -> None:
    server = await counting(JSON)
    await invoke(
        world,
        await StoredConnections.with_key(),
        server.url + "/a?x=1",
        Method="POST",
        RequestBody={"a": [1]},
        QueryParameters={"shared": "connection query", "many": ["1", "2"]},
    )
    first, headers, body = sent(server)
    assert first == "POST /a?x=1&shared=connection%20query&many=1&many=2 HTTP/1.1"
    assert headers["User-Agent"] == "Amazon|StepFunctions|HttpInvoke|us-east-1"
    assert headers["Range"] == "bytes=0-262144"
    assert headers["Content-Type"] == "application/json; charset=UTF-8"
    assert headers["x-key"] == "canary"
    assert body == '{"a":[1]}'


@pytest.mark.parametrize(
    ("array_format", "body"),
    [
        (None, "items%5B0%5D=a&items%5B1%5D=b"),
        ("REPEAT", "items=a&items=b"),
        ("COMMAS", "items=a%2Cb"),
        ("BRACKETS", "items%5B%5D=a&items%5B%5D=b"),
    ],
)
async def test_forms_are_encoded_as_captured(counting: Any, world: Any, array_format: str | None, body: str) -> None:
    server = await counting(JSON)
    transform: dict[str, Any] = {"RequestBodyEncoding": "URL_ENCODED"}
    if array_format:
        transform["RequestEncodingOptions"] = {"ArrayFormat": array_format}
    await invoke(
        world,
        await StoredConnections.with_key(),
        server.url,
        Method="POST",
        Transform=transform,
        Headers={"content-type": "application/x-www-form-urlencoded"},
        RequestBody={"items": ["a", "b"], "nested": {"enabled": True}, "text": "a b+c"},
    )
    assert sent(server)[2] == f"{body}&nested%5Benabled%5D=true&text=a%20b%2Bc"


async def test_the_connections_parameters_replace_equal_keys_in_place(counting: Any, world: Any) -> None:
    server = await counting(JSON)

    def added(*pairs: tuple[str, str]) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in pairs]

    stored = await StoredConnections.with_key(
        {
            "HeaderParameters": added(("x-shared", "connection")),
            "QueryStringParameters": added(("shared", "theirs"), ("only", "2")),
            "BodyParameters": added(("b", "theirs"), ("d", "4")),
        }
    )
    await invoke(
        world,
        stored,
        server.url,
        Method="POST",
        Headers={"X-Shared": "task"},
        QueryParameters={"shared": "mine", "last": "1"},
        RequestBody={"a": 1, "b": 2, "c": 3},
    )
    first, headers, body = sent(server)
    assert "/?shared=theirs&last=1&only=2 " in first
    assert (headers["X-Shared"], headers["x-shared"]) == ("task", "connection")
    assert body == '{"a":1,"b":"theirs","c":3,"d":"4"}'


async def test_text_goes_out_without_quotes_and_does_not_merge(counting: Any, world: Any) -> None:
    server = await counting(JSON)
    await invoke(world, await StoredConnections.with_key(), server.url, Method="POST", RequestBody="plain")
    assert sent(server)[2] == "plain"
    stored = await StoredConnections.with_key({"BodyParameters": [{"Key": "a", "Value": "b"}]})
    assert await invoke(world, stored, server.url, Method="POST", RequestBody="plain") == Failed(
        "States.Runtime", "Cannot merge connection body authorization parameters with request body."
    )


@pytest.mark.parametrize(
    ("conduct", "method", "expected"),
    [
        ((404, [], b"nothing here"), "GET", Failed("States.Http.StatusCode.404", "nothing here")),
        ((418, [], b""), "GET", Failed("States.Http.StatusCode.418", "")),
        ((302, [("Location", "http://169.254.169.254/")], b""), "GET", Failed("States.Http.StatusCode.302", "")),
        (
            (200, [("Content-Type", "image/png")], b"\x89PNG"),
            "GET",
            Failed(
                "States.Runtime",
                "Unsupported response content-type 'image/png'. Please see documentation for list of "
                "unsupported content-types.",
            ),
        ),
        (
            (200, [("Content-Type", "text/plain")], b"a" * 262_145),
            "GET",
            Failed(
                "States.DataLimitExceeded",
                "The state/task 'http' returned a result with a size exceeding the maximum number "
                "of bytes service limit.",
            ),
        ),
        (
            (200, [("Content-Type", "text/plain"), ("Content-Encoding", "gzip")], gzip.compress(b"a" * 2**22)),
            "GET",
            Failed(
                "States.DataLimitExceeded",
                "The state/task 'http' returned a result with a size exceeding the maximum number "
                "of bytes service limit.",
            ),
        ),
        (
            (200, [("Content-Type", "text/plain")], b"\xff\xfe"),
            "GET",
            Failed("States.Runtime", "The response body is not valid text."),
        ),
    ],
)
async def test_bad_answers_fail_the_task(
    counting: Any, world: Any, conduct: Any, method: str, expected: Failed
) -> None:
    server = await counting(conduct)
    assert await invoke(world, await StoredConnections.with_key(), server.url, Method=method) == expected


async def test_without_content_there_is_no_body(counting: Any, world: Any) -> None:
    server = await counting((204, [], b""))
    outcome = await invoke(world, await StoredConnections.with_key(), server.url)
    assert json.loads(outcome.output) == {"Headers": {"Content-Length": ["0"]}, "StatusCode": 204, "StatusText": "X"}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"Headers": {"Authorization": "x"}}, "The 'Headers' field contains unsupported values: [authorization]"),
        (
            {"Headers": {"X-Amz-Date": "x", "Host": "y"}},
            "The 'Headers' field contains unsupported values: [x-amz-date, host]",
        ),
        ({"Headers": {"a": "b\r\nHost: c"}}, "The value of the field 'Headers' has an invalid format"),
        ({"Headers": {"a b": "c"}}, "The value of the field 'Headers' has an invalid format"),
        ({"Headers": {"a": ["b"]}}, "The value of the field 'Headers' has an invalid format"),
        ({"Method": "TRACE"}, "The value of the field 'Method' has an invalid format"),
        ({"ApiEndpoint": "file:///etc/passwd"}, "The value of the field 'ApiEndpoint' has an invalid format"),
        ({"ApiEndpoint": "gopher://x/"}, "The value of the field 'ApiEndpoint' has an invalid format"),
        ({"ApiEndpoint": "https://user@host/"}, "The value of the field 'ApiEndpoint' has an invalid format"),
        ({"ApiEndpoint": "https://host\\@evil/"}, "The value of the field 'ApiEndpoint' has an invalid format"),
        ({"ApiEndpoint": "https://host/\r\nX: y"}, "The value of the field 'ApiEndpoint' has an invalid format"),
        ({"InvocationConfig": {}}, "The field 'InvocationConfig' is required but was missing"),
    ],
)
async def test_bad_parameters_are_never_sent(counting: Any, world: Any, change: Any, problem: str) -> None:
    server = await counting(JSON)
    failed = await invoke(world, await StoredConnections.with_key(), server.url, **change)
    assert isinstance(failed, Failed) and failed.error == "States.Runtime"
    assert failed.cause.endswith(f"could not be used to start the Task: [{problem}]")
    assert not server.requests


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://localhost/",
        "https://2130706433/",
        "https://0x7f000001/",
    ],
)
async def test_internal_addresses_are_not_called(world: Any, url: str) -> None:
    from services.integrations.address_check import PUBLIC_ONLY

    failed = await invoke(world, await StoredConnections.with_key(), url, policy=PUBLIC_ONLY)
    assert isinstance(failed, Failed) and failed.error == "States.Http.Socket"
    assert any(text in failed.cause for text in ("never called", "not a public address", "not a canonical"))


async def test_plain_http_needs_the_operators_leave(counting: Any, world: Any) -> None:
    server = await counting(JSON)
    failed = await invoke(world, await StoredConnections.with_key(), server.url, policy=read_policy(["127.0.0.0/8"]))
    assert isinstance(failed, Failed) and "'ApiEndpoint' has an invalid format" in failed.cause


async def test_basic_authorization(counting: Any, world: Any) -> None:
    server = await counting(JSON)
    stored = await StoredConnections.of(
        {
            "AuthorizationType": "BASIC",
            "AuthParameters": {"BasicAuthParameters": {"Username": "user", "Password": "pass"}},
        }
    )
    await invoke(world, stored, server.url)
    assert sent(server)[1]["Authorization"] == "Basic dXNlcjpwYXNz"


async def test_an_oauth_token_is_asked_for_once(counting: Any, world: Any) -> None:
    tokens = await counting(
        (200, [("Content-Type", "application/json")], b'{"access_token":"secret-token","expires_in":3600}')
    )
    server = await counting(JSON)
    stored = await StoredConnections.of(
        {
            "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS",
            "AuthParameters": {
                "OAuthParameters": {
                    "AuthorizationEndpoint": tokens.url + "/token",
                    "HttpMethod": "POST",
                    "ClientParameters": {"ClientID": "id", "ClientSecret": "se&cret"},
                    "OAuthHttpParameters": {"BodyParameters": [{"Key": "scope", "Value": "all"}]},
                }
            },
        }
    )
    integrations = world({}, connections=stored.connections, policy=LOOPBACK)
    written = {"ApiEndpoint": server.url, "Method": "GET", "Authentication": {"ConnectionArn": stored.arn}}
    for _ in range(2):
        assert isinstance(await integrations.call(task(HTTP, written)), Succeeded)
    assert sent(server)[1]["Authorization"] == "Bearer secret-token"
    assert len(tokens.requests) == 1
    assert sent(tokens)[2] == "grant_type=client_credentials&scope=all&client_secret=se%26cret&client_id=id"


async def test_an_unknown_connection_is_named(world: Any) -> None:
    stored = await StoredConnections.with_key()
    failed = await invoke(world, stored, "https://example.com", InvocationConfig={"ConnectionArn": "arn:none"})
    assert failed.error == "Events.ConnectionResource.ResourceNotFound" and "arn:none" in failed.cause


async def test_secrets_are_sealed_and_bound_to_their_connection() -> None:
    stored = await StoredConnections.with_key()
    record = stored.store.records[stored.arn]
    assert b"canary" not in record.sealed and "canary" not in repr(await stored.connections.open(stored.arn))
    sealer = Sealer([b"n" * 32, b"k" * 32], SystemIds())
    assert b"canary" in sealer.open(record.sealed, stored.arn) and sealer.needs_new_seal(record.sealed)
    with pytest.raises(SealBroken):
        sealer.open(record.sealed, "another")
    with pytest.raises(SealBroken):
        Sealer([b"o" * 32], SystemIds()).open(record.sealed, stored.arn)


@pytest.mark.parametrize(
    "description",
    [
        {},
        {"AuthorizationType": "NONE"},
        {"AuthorizationType": "BASIC", "AuthParameters": {}},
        {
            "AuthorizationType": "API_KEY",
            "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "a\r\nb", "ApiKeyValue": "c"}},
        },
    ],
)
async def test_a_wrong_description_is_refused(description: dict[str, Any]) -> None:
    with pytest.raises(ConnectionRefused):
        await StoredConnections.of(description)


@pytest.mark.parametrize("reveal", [False, True])
async def test_who_watches_sees_the_exchange_and_secrets_only_if_revealed(
    counting: Any, world: Any, reveal: bool
) -> None:
    server = await counting(JSON)
    added = {"QueryStringParameters": [{"Key": "from", "Value": "connection"}]}
    stored = await StoredConnections.with_key(added)
    seen: dict[str, Any] = {}
    integrations = world({}, connections=stored.connections, policy=LOOPBACK)
    written = {"ApiEndpoint": server.url, "Method": "GET", "InvocationConfig": {"ConnectionArn": stored.arn}}
    await integrations.call(task(HTTP, written, watch=Watch(seen.__setitem__, reveal)))
    request, response = seen["request"], seen["response"]
    assert (request["protocol"], request["method"]) == ("http", "GET")
    assert ("canary" in request["headers"], "connection" in request["url"]) == (reveal, reveal)
    assert "Range: bytes=0-262144" in request["headers"]
    assert (response["statusCode"], response["statusMessage"], response["body"]) == ("200", "X", '{"ok": true}')
    assert response["headers"].startswith("[") and "X-Seen: a, X-Seen: b" in response["headers"]
