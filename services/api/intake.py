"""From bytes on the wire to a checked request: size and time, who asks, JSON, shape, tokens of the throttle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from engine.payload import JsonError, decode_json
from services.api import errors
from services.api.body import Bodies, Receive
from services.api.contract import Contract, compile_contracts, load_model
from services.api.operations.own_table import OWN_OPERATIONS
from services.api.operations.table import OPERATIONS, THROTTLED_INSIDE, Operation
from services.api.request import Request
from services.api.settings import ApiSettings
from services.api.sigv4 import Credential, Credentials, SignedRequest, Verifier
from services.api.stepwell_model import load_own_model
from services.api.throttle import Throttle
from services.store.records import Parent

Scope = Mapping[str, Any]

TARGET_PREFIX: Final = b"AWSStepFunctions."
OWN_TARGET_PREFIX: Final = b"Stepwell."
PARENT_HEADER: Final = b"x-stepwell-parent"
"""Which task of ours starts the execution; whoever makes one up can do no more than its task token allows."""
UNKNOWN: Final = "-"
_TRACE_CHARACTERS_MAX: Final = 256
_PROTOCOLS: Final = frozenset({b"application/x-amz-json-1.0", b"application/x-amz-json-1.1"})


class Head:
    """What the headers of a request say."""

    __slots__ = ("authorization", "content_type", "length", "parent", "scope", "target", "trace")

    def __init__(self, scope: Scope) -> None:
        """Look at each header once."""
        self.scope = scope
        self.target = b""
        self.authorization: bytes | None = None
        self.content_type: bytes | None = None
        self.length: bytes | None = None
        self.trace: bytes | None = None
        self.parent: bytes | None = None
        for name, value in scope["headers"]:
            if name == b"x-amz-target":
                self.target = value
            elif name == b"authorization":
                self.authorization = value
            elif name == b"content-type":
                self.content_type = value
            elif name == b"content-length":
                self.length = value
            elif name == b"x-amzn-trace-id":
                self.trace = value
            elif name == PARENT_HEADER:
                self.parent = value

    def forget(self) -> None:
        """Let go of what has been read: a request may wait for a minute, and there may be ten thousand of them."""
        self.scope = {}
        self.authorization = self.content_type = self.trace = self.parent = None


class Intake:
    """Reads requests."""

    def __init__(self, settings: ApiSettings, throttle: Throttle, verifier: Verifier | None) -> None:
        """Without a verifier signatures are read, not checked: who says so is who asks."""
        self._settings = settings
        self._throttle = throttle
        self._verifier = verifier
        self.bodies = Bodies(settings.body_bytes_max, settings.body_seconds, settings.open_bodies_bytes_max)
        self._credentials = Credentials()
        self._operations = _named(TARGET_PREFIX, compile_contracts(load_model()), OPERATIONS)
        self._operations |= _named(OWN_TARGET_PREFIX, compile_contracts(load_own_model()), OWN_OPERATIONS)

    def operation_of(self, head: Head) -> str:
        """The operation's name, `-` for one that does not exist."""
        found = self._operations.get(head.target)
        return UNKNOWN if found is None else found[0].operation

    async def receive(self, head: Head, receive: Receive) -> bytes:
        """The body, from an ASGI server.

        Raises:
            ApiError: too large, too slow, or no room now.
            Disconnected: the caller hung up before the request was complete.
        """
        return await self.bodies.receive(receive, head.length)

    def read(self, head: Head, data: bytes, next_message: Receive) -> tuple[Operation, Request]:
        """The function that answers, and what it is asked; `next_message` returns when the caller has hung up.

        Raises:
            ApiError: the first thing that is wrong, in AWS's order.
        """
        if head.content_type not in _PROTOCOLS and not _speaks_json(head.content_type):
            raise errors.unknown_operation(404)
        found = self._operations.get(head.target)
        if found is None:
            raise errors.unknown_operation()
        credential = self._credential(head, data)
        contract, operation = found
        try:
            body = decode_json(data) if data else {}
        except JsonError:
            raise errors.serialization("The request body is not valid JSON.") from None
        contract.check(body)
        if b"null" in data:
            body = without_nulls(body)
        account, region = self._account_and_region(credential)
        if contract.operation not in THROTTLED_INSIDE:
            self._throttle.take(account, region, contract.operation)
        trace = None if head.trace is None else head.trace.decode("latin-1")[:_TRACE_CHARACTERS_MAX]
        parent = None if head.parent is None else Parent.of_text(unquote(head.parent.decode("latin-1")))
        return operation, Request(contract.operation, body, account, region, trace, next_message, parent)

    def checked(self, name: str, body: dict[str, Any]) -> Operation:
        """The function that answers an operation of AWS's that this process itself asks for.

        Raises:
            ApiError: the body is not in the operation's shape.
        """
        contract, operation = self._operations[TARGET_PREFIX + name.encode()]
        contract.check(body)
        return operation

    def _credential(self, head: Head, data: bytes) -> Credential | None:
        if self._verifier is None:
            return self._credentials.of(head.authorization, head.scope["query_string"])
        return self._verifier.verify(_signed(head.scope, data))

    def _account_and_region(self, credential: Credential | None) -> tuple[str, str]:
        """A 12-digit access key id names the account, as long as nobody's signature is checked."""
        if credential is None:
            return self._settings.account, self._settings.region
        key = credential.access_key
        named = self._verifier is None and len(key) == 12 and key.isascii() and key.isdigit()
        return (key if named else self._settings.account), credential.region


def _speaks_json(content_type: bytes | None) -> bool:
    """Whether a body is of AWS's JSON protocols; one that is not said to be anything is."""
    return content_type is None or content_type.partition(b";")[0].strip().lower() in _PROTOCOLS


def without_nulls(value: Any) -> Any:
    """A body without the members that are null, which are not given; an item of a list keeps its place."""
    if type(value) is dict:
        return {name: without_nulls(member) for name, member in value.items() if member is not None}
    if type(value) is list:
        return [without_nulls(item) for item in value]
    return value


def _named(
    prefix: bytes, contracts: Mapping[str, Contract], operations: Mapping[str, Operation]
) -> dict[bytes, tuple[Contract, Operation]]:
    """Contract and function of every operation, by X-Amz-Target."""
    return {prefix + name.encode(): (contracts[name], operation) for name, operation in operations.items()}


def _signed(scope: Scope, data: bytes) -> SignedRequest:
    """What the signature covers; of a header that comes twice all values count."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return SignedRequest(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), headers, data)
