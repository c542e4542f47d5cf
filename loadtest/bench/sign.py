"""Whole signed requests: Signature Version 4 as the SDKs make it, for a body that stays the same.

The date in a signature has a resolution of one second, so a request is signed anew every second and repeated in
between; the server cannot tell, and checks each one.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any
from urllib.parse import urlsplit

import orjson

from loadtest.bench.wire import REGION

ACCESS_KEY = "AKIDBENCHBENCHBENCH0"
SECRET_KEY = "bench/secret"
_SIGNED = "content-type;host;x-amz-date;x-amz-target"
_CONTENT_TYPE = "application/x-amz-json-1.0"


class SignedRequest:
    """One operation with one body, ready for the wire."""

    def __init__(self, endpoint: str, operation: str, parameters: dict[str, Any]) -> None:
        """Not signed yet."""
        self._host = urlsplit(endpoint).netloc
        self._target = f"AWSStepFunctions.{operation}"
        self._body = orjson.dumps(parameters)
        self._digest = hashlib.sha256(self._body).hexdigest()
        self._second = 0
        self._bytes = b""

    def on_the_wire(self) -> bytes:
        """The request, signed in this very second."""
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._bytes = self._signed(time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second)))
        return self._bytes

    def _signed(self, moment: str) -> bytes:
        scope = f"{moment[:8]}/{REGION}/states/aws4_request"
        headers = f"content-type:{_CONTENT_TYPE}\nhost:{self._host}\nx-amz-date:{moment}\nx-amz-target:{self._target}\n"
        canonical = f"POST\n/\n\n{headers}\n{_SIGNED}\n{self._digest}"
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = f"AWS4{SECRET_KEY}".encode()
        for part in (moment[:8], REGION, "states", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        return (
            f"POST / HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: {_CONTENT_TYPE}\r\nX-Amz-Date: {moment}\r\n"
            f"X-Amz-Target: {self._target}\r\nAuthorization: AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, "
            f"SignedHeaders={_SIGNED}, Signature={signature}\r\nContent-Length: {len(self._body)}\r\n\r\n"
        ).encode() + self._body
