"""What went wrong with a call, in AWS's words: SDK 1 texts for optimised, SDK 2 texts for aws-sdk integrations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from engine.failure import DATA_LIMIT_EXCEEDED, RUNTIME, TASK_FAILED
from engine.limits import PAYLOAD_BYTES_MAX
from services.integrations.interface import Call, Failed, Succeeded
from services.integrations.java_names import optimised_exception, sdk_exception

# The recordings of these services are from 2023, before the SDK began to add its attempt count to every cause.
_NO_ATTEMPT_COUNT: Final = frozenset({"DynamoDb", "S3", "SecretsManager"})


class ApiRefused(Exception):
    """The service answered with an error.

    Attributes:
        code: the error code on the wire; `shape` is the modelled exception for it, "" when the model has none.
        extended_request_id: S3's second request id, "" elsewhere.
    """

    def __init__(
        self, code: str, message: str, status: int, request_id: str, shape: str = "", extended_request_id: str = ""
    ) -> None:
        """Keep what the texts need."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.request_id = request_id
        self.shape = shape
        self.extended_request_id = extended_request_id


class Unreachable(Exception):
    """No usable answer came: name resolution, connection, time-out, or the client could not build the request."""


class TooLarge(Exception):
    """The answer is larger than a task may return."""


class NoCredentials(Exception):
    """No credentials may be used for this call; the message is the whole cause."""


class KnownFailure(Exception):
    """The task fails in a way that is known without asking the service."""

    def __init__(self, failed: Failed) -> None:
        """Keep the failure."""
        super().__init__(failed.cause)
        self.failed = failed


@dataclass(frozen=True, slots=True)
class OptimisedNames:
    """Names in errors of an optimised integration: `SQS`, `AmazonSQS`, `AmazonSQSException`."""

    prefix: str
    service: str
    base_exception: str


def optimised_failure(problem: ApiRefused | Unreachable, names: OptimisedNames) -> Failed:
    """The error of an optimised integration, in the words of the SDK for Java 1."""
    if isinstance(problem, Unreachable):
        return Failed(f"{names.prefix}.SdkClientException", str(problem))
    exception = optimised_exception(problem.shape) if problem.shape else names.base_exception
    cause = (
        f"{problem.message} (Service: {names.service}; Status Code: {problem.status}; Error Code: {problem.code}; "
        f"Request ID: {problem.request_id}; Proxy: null)"
    )
    return Failed(f"{names.prefix}.{exception}", cause)


def sdk_failure(problem: ApiRefused | Unreachable, prefix: str) -> Failed:
    """The error of an aws-sdk integration, in the words of the SDK for Java 2."""
    attempts = "" if prefix in _NO_ATTEMPT_COUNT else " (SDK Attempt Count: 1)"
    if isinstance(problem, Unreachable):
        return Failed(f"{prefix}.SdkClientException", f"{problem}{attempts}")
    exception = sdk_exception(problem.shape) if problem.shape else f"{prefix}Exception"
    extended = f", Extended Request ID: {problem.extended_request_id}" if problem.extended_request_id else ""
    details = f"(Service: {prefix}, Status Code: {problem.status}, Request ID: {problem.request_id}{extended})"
    return Failed(f"{prefix}.{exception}", f"{problem.message} {details}{attempts}")


def not_startable(call: Call, problems: Sequence[str]) -> Failed:
    """The parameters do not fit the API; nothing was sent."""
    return Failed(RUNTIME, not_startable_text(call.input, problems))


def not_startable_text(parameters: bytes, problems: Sequence[str]) -> str:
    """AWS's sentence about parameters that do not fit."""
    shown = parameters.decode("utf-8", "replace")
    return f"The Parameters '{shown}' could not be used to start the Task: [{', '.join(problems)}]"


def too_large(call: Call) -> Failed:
    """The result is over the limit."""
    name = call.resource.service or call.resource.arn
    return Failed(
        DATA_LIMIT_EXCEEDED,
        f"The state/task '{name}' returned a result with a size exceeding the maximum number of bytes service limit.",
    )


def sized(call: Call, output: bytes) -> Succeeded | Failed:
    """The result, unless it is over the limit."""
    return too_large(call) if len(output) > PAYLOAD_BYTES_MAX else Succeeded(output)


def task_failed(cause: str) -> Failed:
    """A job that ended badly, or a call that may not be made."""
    return Failed(TASK_FAILED, cause)
