"""The front of the API with nothing behind it: requests go in as an HTTP server hands them over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, cast

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from services.api.app import Api
from services.api.settings import ApiSettings
from services.api.sigv4 import Verifier
from services.runtime.clock import SystemClock
from services.runtime.ids import SystemIds

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TARGET = "AWSStepFunctions.ListStateMachines"
BODY = b'{"maxResults": 1}'
HOST = "127.0.0.1:8083"

Headers = list[tuple[bytes, bytes]]


class _Store:
    """Has no state machine, and remembers whose were asked for."""

    shards = 4

    def __init__(self) -> None:
        self.accounts: list[str] = []

    async def list_machines(self, account: str, region: str, after: str | None, limit: int) -> list[Any]:
        self.accounts.append(account)
        return []


class _Broker:
    """Is not used."""


class Door:
    """Calls the application; signatures count, at a clock that may be off by some seconds."""

    def __init__(self, offset_seconds: float = 0.0, key: str = KEY) -> None:
        self.asked: list[str] = []
        self.store = _Store()
        self._key = key
        clock = SystemClock()
        self.verifier = Verifier(self._secret_of, lambda: clock.now_ms() + round(offset_seconds * 1000))
        self._api = Api(
            cast(Any, self.store), cast(Any, _Broker()), clock, SystemIds(), ApiSettings(), verifier=self.verifier
        )

    def _secret_of(self, key: str) -> str | None:
        self.asked.append(key)
        return SECRET if key == self._key else None

    def call(self, headers: Headers, body: bytes = BODY, path: str = "/", query: bytes = b"") -> tuple[int, str]:
        """Status, and the error code ("" for 200)."""
        status, answer = self.answer(headers, body, path, query)
        return status, "" if status == 200 else str(answer["__type"]).rpartition("#")[2]

    def answer(self, headers: Headers, body: bytes = BODY, path: str = "/", query: bytes = b"") -> tuple[int, Any]:
        """Status and body."""
        sent: list[dict[str, Any]] = []
        scope = {"type": "http", "method": "POST", "path": path, "query_string": query, "headers": headers}

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        asyncio.run(self._api(scope, receive, send))
        return sent[0]["status"], json.loads(sent[1]["body"])


def signed(
    body: bytes = BODY,
    key: str = KEY,
    secret: str = SECRET,
    service: str = "states",
    region: str = "eu-west-1",
    more: Mapping[str, str] | None = None,
) -> Headers:
    """The headers of a request as botocore signs it now."""
    given = {"X-Amz-Target": TARGET, "Host": HOST} | dict(more or {})
    request = AWSRequest("POST", f"http://{HOST}/", given, body)
    SigV4Auth(Credentials(key, secret), service, region).add_auth(request)
    return [(name.lower().encode(), value.encode()) for name, value in request.headers.items()]


def changed(headers: Headers, name: bytes, value: bytes) -> Headers:
    """The same with another value."""
    return [(one, value if one == name else old) for one, old in headers]


def value_of(headers: Headers, name: bytes) -> bytes:
    """The value of a header."""
    return dict(headers)[name]
