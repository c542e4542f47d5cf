"""A small client of the wire protocol: AWS JSON 1.0 over one kept connection, signed as AWS signs.

Not boto3, because a command line has to answer at once; what it sends and reads is the same.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from services.cli.errors import ServerError, Unreachable
from services.runtime.clock import Clock

DEFAULT_ENDPOINT = "http://127.0.0.1:8083"
DEFAULT_REGION = "us-east-1"
_SERVICE = "states"


@dataclass(frozen=True, slots=True)
class Target:
    """Where the server is and who asks: endpoint, region and a pair of keys."""

    endpoint: str
    region: str
    access_key: str
    secret_key: str
    session_token: str = ""

    @classmethod
    def of_environment(cls, endpoint: str | None, region: str | None, environment: Mapping[str, str]) -> Target:
        """Take what is not given from the variables that the AWS tools read too."""
        chosen = endpoint or next(
            (environment[name] for name in _ENDPOINT_VARIABLES if environment.get(name)), DEFAULT_ENDPOINT
        )
        where = region or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
        return cls(
            endpoint=chosen.rstrip("/"),
            region=where,
            access_key=environment.get("AWS_ACCESS_KEY_ID") or "stepwell",
            secret_key=environment.get("AWS_SECRET_ACCESS_KEY") or "stepwell",
            session_token=environment.get("AWS_SESSION_TOKEN", ""),
        )


_ENDPOINT_VARIABLES = ("STEPWELL_ENDPOINT", "AWS_ENDPOINT_URL_SFN", "AWS_ENDPOINT_URL")


class Client:
    """Calls operations, one at a time."""

    def __init__(self, target: Target, clock: Clock, timeout_seconds: float = 70.0) -> None:
        """Connect at the first call."""
        self.target = target
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._connection: HTTPConnection | None = None

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call one operation (`Stepwell.<name>` for our own); parameters that are None are left out.

        Raises:
            ServerError: it answered with an error.
            Unreachable: it did not answer.
        """
        given = {name: value for name, value in parameters.items() if value is not None}
        status, body = self._post(operation, json.dumps(given, ensure_ascii=False).encode())
        try:
            answer = json.loads(body or b"{}")
        except ValueError:
            raise ServerError(f"HTTP {status}", body[:200].decode("utf-8", "replace")) from None
        if status != 200:
            code = str(answer.get("__type", f"HTTP {status}")).rpartition("#")[2]
            raise ServerError(code, str(answer.get("message", answer.get("Message", ""))))
        assert isinstance(answer, dict)
        return answer

    def pages(self, operation: str, key: str, **parameters: Any) -> Iterator[Any]:
        """Go through all pages of a list, item by item."""
        token = None
        while True:
            answer = self.call(operation, nextToken=token, **parameters)
            yield from answer[key]
            token = answer.get("nextToken")
            if not token:
                return

    def ready(self, path: str = "/readyz") -> bool:
        """Whether the server says that it is ready."""
        try:
            return self._send("GET", path, b"", {})[0] == 200
        except Unreachable:
            return False

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _post(self, operation: str, body: bytes) -> tuple[int, bytes]:
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": operation if "." in operation else f"AWSStepFunctions.{operation}",
        }
        host = urlsplit(self.target.endpoint).netloc
        headers |= sign(self.target, host, headers, body, self._clock.now_ms())
        return self._send("POST", "/", body, headers)

    def _send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Send on the kept connection; a connection that the server closed meanwhile is opened again, once."""
        for last in (False, True):
            kept = self._connection is not None
            try:
                response = self._request(method, path, body, headers)
                return response.status, response.read()
            except (OSError, HTTPException) as error:
                self.close()
                if last or not kept:
                    raise Unreachable(f"no server answers at {self.target.endpoint} ({error})") from None
        raise AssertionError("unreachable")

    def _request(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> HTTPResponse:
        if self._connection is None:
            url = urlsplit(self.target.endpoint)
            kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
            self._connection = kind(url.hostname or "127.0.0.1", url.port, timeout=self._timeout_seconds)
        self._connection.request(method, path, body, dict(headers))
        return self._connection.getresponse()


def connect(endpoint: str | None = None, region: str | None = None) -> Client:
    """A client for the endpoint given, or for the one that the environment names."""
    from services.runtime.clock import SystemClock

    return Client(Target.of_environment(endpoint, region, os.environ), SystemClock())


def sign(target: Target, host: str, headers: Mapping[str, str], body: bytes, now_ms: int) -> dict[str, str]:
    """The headers of Signature Version 4 for a POST of `/`.

    Source: AWS General Reference, "Signature Version 4 signing process".
    """
    moment = _amz_date(now_ms)
    signed = {name.lower(): value for name, value in headers.items()} | {"host": host, "x-amz-date": moment}
    if target.session_token:
        signed["x-amz-security-token"] = target.session_token
    names = ";".join(sorted(signed))
    canonical = "\n".join(
        ["POST", "/", "", *(f"{name}:{signed[name].strip()}" for name in sorted(signed)), "", names, _sha256(body)]
    )
    scope = f"{moment[:8]}/{target.region}/{_SERVICE}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{_sha256(canonical.encode())}"
    key = f"AWS4{target.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    added = {
        "X-Amz-Date": moment,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={target.access_key}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}",
    }
    return added | ({"X-Amz-Security-Token": target.session_token} if target.session_token else {})


def _amz_date(now_ms: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(now_ms // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
