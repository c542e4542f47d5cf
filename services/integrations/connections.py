"""Connections of HTTP tasks, as EventBridge has them: how a server is told who calls, with the secrets sealed.

A connection is described as for EventBridge's CreateConnection: `AuthorizationType` (API_KEY, BASIC or
OAUTH_CLIENT_CREDENTIALS) and `AuthParameters`. Secrets are opened in the worker, for one call, and never leave it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from engine.payload import decode_json, encode_json
from services.integrations.sealing import SealBroken, Sealer
from services.runtime.clock import Clock
from services.runtime.faults import StoreUnavailable
from services.runtime.ids import Ids
from services.store.http_connections import ConnectionRecord, Kind

_KINDS: Final = ("API_KEY", "BASIC", "OAUTH_CLIENT_CREDENTIALS")
_NAME: Final = re.compile(r"[.\-_A-Za-z0-9]{1,64}")
_METHODS: Final = ("GET", "POST", "PUT")
_MEMBERS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "API_KEY": ("ApiKeyAuthParameters", ("ApiKeyName", "ApiKeyValue")),
    "BASIC": ("BasicAuthParameters", ("Username", "Password")),
    "OAUTH_CLIENT_CREDENTIALS": ("OAuthParameters", ("AuthorizationEndpoint", "HttpMethod", "ClientParameters")),
}


class ConnectionRefused(ValueError):
    """The description of a connection is wrong; the message says where."""


class ConnectionProblem(Exception):
    """A task cannot use the connection; `error` is the task's error name."""

    def __init__(self, error: str, cause: str) -> None:
        """Keep both."""
        super().__init__(cause)
        self.error = error
        self.cause = cause


class ConnectionStore(Protocol):
    """Where connections are kept."""

    async def put(self, record: ConnectionRecord) -> None:
        """Write or replace the record of that ARN."""
        ...

    async def get(self, arn: str) -> ConnectionRecord | None:
        """The record of an ARN."""
        ...

    async def all(self) -> Sequence[ConnectionRecord]:
        """Every record."""
        ...

    async def delete(self, arn: str) -> bool:
        """Forget one; False when there was none."""
        ...


@dataclass(frozen=True, slots=True)
class Parameter:
    """An additional header, query or body parameter."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class HttpParameters:
    """What a connection adds to every request."""

    headers: tuple[Parameter, ...] = ()
    query: tuple[Parameter, ...] = ()
    body: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class OAuth:
    """Where and how a token is asked for."""

    endpoint: str
    method: str
    client_id: str
    client_secret: str
    http: HttpParameters

    def __repr__(self) -> str:
        """Never shows the secret."""
        return "OAuth(...)"


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection opened for use. `header` is the ready header of API_KEY and BASIC."""

    arn: str
    kind: Kind
    changed_ms: int
    header: tuple[str, str] | None
    oauth: OAuth | None
    http: HttpParameters

    def __repr__(self) -> str:
        """Never shows secrets."""
        return f"Connection({self.arn})"


class Connections:
    """Manages connections and opens them for tasks."""

    def __init__(self, store: ConnectionStore, sealer: Sealer, clock: Clock, ids: Ids) -> None:
        """Secrets are sealed before they reach the store."""
        self._store = store
        self._sealer = sealer
        self._clock = clock
        self._ids = ids

    async def create(self, region: str, account: str, name: str, description: Mapping[str, Any]) -> ConnectionRecord:
        """Make a connection.

        Args:
            description: `{"AuthorizationType": ..., "AuthParameters": {...}}`, EventBridge's CreateConnection.

        Raises:
            ConnectionRefused: the name is taken or wrong, or the description is.
        """
        if not _NAME.fullmatch(name):
            raise ConnectionRefused("Name must have 1 to 64 of the characters . - _ A-Z a-z 0-9")
        taken = f":{region}:{account}:connection/{name}/"
        if any(taken in record.arn for record in await self._store.all()):
            raise ConnectionRefused(f"Connection {name} already exists.")
        arn = f"arn:aws:events:{region}:{account}:connection/{name}/{self._ids.uuid()}"
        return await self._write(arn, name, self._clock.now_ms(), description)

    async def update(self, arn: str, description: Mapping[str, Any]) -> ConnectionRecord:
        """Replace a connection's description; tasks use it from their next call.

        Raises:
            ConnectionRefused: there is no such connection, or the description is wrong.
        """
        record = await self._store.get(arn)
        if record is None:
            raise ConnectionRefused(f"Connection {arn} does not exist.")
        return await self._write(arn, record.name, record.created_ms, description)

    async def delete(self, arn: str) -> bool:
        """Forget a connection; False when there was none."""
        return await self._store.delete(arn)

    async def listed(self) -> Sequence[ConnectionRecord]:
        """Every connection, without its secrets."""
        return await self._store.all()

    async def open(self, arn: str) -> Connection:
        """Unseal a connection for one call.

        Raises:
            ConnectionProblem: it does not exist or cannot be opened.
        """
        try:
            record = await self._store.get(arn)
        except StoreUnavailable as fault:
            raise ConnectionProblem(
                "Events.ConnectionResource.InternalError", f"Connection {arn} cannot be read now: {fault}."
            ) from None
        if record is None:
            raise ConnectionProblem(
                "Events.ConnectionResource.ResourceNotFound",
                f"Connection {arn} does not exist. Make it with `stepwell connections create`.",
            )
        try:
            return read_connection(arn, record.changed_ms, decode_json(self._sealer.open(record.sealed, arn)))
        except (SealBroken, ConnectionRefused) as error:
            raise ConnectionProblem(
                "Events.ConnectionResource.InvalidConnectionState", f"Connection {arn} cannot be opened: {error}."
            ) from None

    async def _write(self, arn: str, name: str, created_ms: int, description: Mapping[str, Any]) -> ConnectionRecord:
        now = self._clock.now_ms()
        connection = read_connection(arn, now, description)
        sealed = self._sealer.seal(encode_json(description), arn)
        record = ConnectionRecord(arn, name, connection.kind, created_ms, now, sealed)
        await self._store.put(record)
        return record


def read_connection(arn: str, changed_ms: int, description: Any) -> Connection:
    """Check a description and make it ready for use.

    Raises:
        ConnectionRefused: a member is missing or wrong.
    """
    if not isinstance(description, Mapping) or description.get("AuthorizationType") not in _KINDS:
        raise ConnectionRefused(f"AuthorizationType must be one of {', '.join(_KINDS)}")
    kind: Kind = description["AuthorizationType"]
    parameters = description.get("AuthParameters")
    if not isinstance(parameters, Mapping):
        raise ConnectionRefused("AuthParameters must be an object")
    member, required = _MEMBERS[kind]
    own = parameters.get(member)
    if not isinstance(own, Mapping) or any(name not in own for name in required):
        raise ConnectionRefused(f"AuthParameters.{member} needs {', '.join(required)}")
    http = _http_parameters(parameters.get("InvocationHttpParameters"), "InvocationHttpParameters")
    oauth = _oauth(own) if kind == "OAUTH_CLIENT_CREDENTIALS" else None
    return Connection(arn, kind, changed_ms, _header(kind, own), oauth, http)


def _header(kind: Kind, own: Mapping[str, Any]) -> tuple[str, str] | None:
    from base64 import b64encode

    if kind == "API_KEY":
        return _text(own, "ApiKeyName"), _text(own, "ApiKeyValue")
    if kind == "BASIC":
        pair = f"{_text(own, 'Username')}:{_text(own, 'Password')}"
        return "Authorization", "Basic " + b64encode(pair.encode("utf-8")).decode("ascii")
    return None


def _oauth(own: Mapping[str, Any]) -> OAuth:
    client = own["ClientParameters"]
    if not isinstance(client, Mapping):
        raise ConnectionRefused("OAuthParameters.ClientParameters must be an object")
    if own["HttpMethod"] not in _METHODS:
        raise ConnectionRefused(f"OAuthParameters.HttpMethod must be one of {', '.join(_METHODS)}")
    return OAuth(
        _text(own, "AuthorizationEndpoint"),
        own["HttpMethod"],
        _text(client, "ClientID"),
        _text(client, "ClientSecret"),
        _http_parameters(own.get("OAuthHttpParameters"), "OAuthHttpParameters"),
    )


def _http_parameters(value: Any, field: str) -> HttpParameters:
    if value is None:
        return HttpParameters()
    if not isinstance(value, Mapping):
        raise ConnectionRefused(f"{field} must be an object")
    return HttpParameters(
        _parameters(value.get("HeaderParameters"), field),
        _parameters(value.get("QueryStringParameters"), field),
        _parameters(value.get("BodyParameters"), field),
    )


def _parameters(value: Any, field: str) -> tuple[Parameter, ...]:
    if value is None:
        return ()
    if not isinstance(value, Sequence) or not all(isinstance(one, Mapping) for one in value):
        raise ConnectionRefused(f"{field} must hold lists of Key and Value")
    return tuple(Parameter(_text(one, "Key"), _text(one, "Value")) for one in value)


def _text(own: Mapping[str, Any], name: str) -> str:
    value = own.get(name)
    if not isinstance(value, str) or not value or any(ord(letter) < 32 for letter in value):
        raise ConnectionRefused(f"{name} must be text without control characters")
    return value
