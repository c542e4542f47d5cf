"""What an invocation answers, and the few ways in which there is no answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import orjson

PAYLOAD_BYTES_MAX: Final = 6_291_556
"""The largest answer of a function, as in AWS."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """The answer of a function.

    Attributes:
        status_code: 200; 202 for an invocation that nobody waits for, 204 for a dry run.
        function_error: `Unhandled` when the function failed; the payload says how, in AWS's shape.
        payload: JSON text, the function's own bytes.
        log: the last 4 KiB that it printed.
    """

    status_code: int
    function_error: str | None
    payload: bytes
    executed_version: str
    request_id: str
    log: bytes = b""


class FunctionProblem(Exception):
    """No answer. `error_type` is AWS's name for it, `payload` what Lambda would have answered."""

    error_type = "Lambda.Unknown"

    @property
    def payload(self) -> bytes:
        """The problem in the shape of a function error."""
        return orjson.dumps({"errorType": self.error_type, "errorMessage": str(self)})


class UnmappedFunction(FunctionProblem):
    """Nobody said where this function runs."""

    error_type = "Lambda.ResourceNotFoundException"


class FunctionTimedOut(FunctionProblem):
    """It did not answer in time; a Python function was killed."""

    error_type = "Sandbox.Timedout"


class FunctionCrashed(FunctionProblem):
    """Its process ended without an answer."""

    error_type = "Runtime.ExitError"


class FunctionUnreachable(FunctionProblem):
    """Its HTTP server could not be reached, or closed the connection; `sent` is False if it never saw the request."""

    error_type = "Lambda.SdkClientException"

    def __init__(self, message: str, *, sent: bool) -> None:
        """Say what happened, and whether the function may have run."""
        super().__init__(message)
        self.sent = sent


class FunctionBusy(FunctionProblem):
    """Its HTTP server answered that it cannot serve now (429 or 5xx)."""

    def __init__(self, message: str, status: int) -> None:
        """AWS's retryable names, so that the Retry blocks which AWS recommends match."""
        super().__init__(message)
        self.status = status
        self.error_type = "Lambda.TooManyRequestsException" if status == 429 else "Lambda.ServiceException"


def failure_payload(error_type: str, message: str, request_id: str = "") -> bytes:
    """A function error as a runtime writes it."""
    return orjson.dumps({"errorMessage": message, "errorType": error_type, "requestId": request_id, "stackTrace": []})
