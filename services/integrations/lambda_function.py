"""AWS Lambda: a function ARN as Resource, and `lambda:invoke` with `.waitForTaskToken`.

A function ARN hands the function's bytes on; `lambda:invoke` wraps the parsed payload in AWS's envelope. An error
that the function raises names the task's error, and its payload is the cause. Functions that the operator mapped run
here (functions/), all others through the Lambda API.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, Final

from engine.asl.model import Resource
from engine.limits import PAYLOAD_BYTES_MAX
from engine.payload import JsonError, decode_json, encode_json
from services.integrations.aws import Aws
from services.integrations.aws_sender import Headers
from services.integrations.failures import (
    ApiRefused,
    NoCredentials,
    OptimisedNames,
    Unreachable,
    not_startable,
    optimised_failure,
    sized,
    too_large,
)
from services.integrations.functions.functions import Functions
from services.integrations.functions.invocation import (
    FunctionBusy,
    FunctionProblem,
    FunctionUnreachable,
    Invocation,
    UnmappedFunction,
)
from services.integrations.functions.targets import LambdaTarget
from services.integrations.handler import NoJobs
from services.integrations.interface import Call, Failed, Outcome, Submitted, Succeeded
from services.integrations.known_parameters import check_parameters
from services.integrations.models import service_model
from services.integrations.sdk_metadata import with_metadata
from services.integrations.shapes import OPTIMISED, ParameterProblems, text_of, text_or_base64, to_parameters
from services.runtime.clock import Clock

NAMES: Final = OptimisedNames("Lambda", "AWSLambda", "AWSLambdaException")
FUNCTION_SECONDS: Final = 960.0
_NO_TYPE: Final = "The cause could not be determined because Lambda did not return an error type. Returned payload: "


@dataclass(frozen=True, slots=True)
class _Answer:
    """An invocation's answer, wherever the function ran."""

    payload: bytes
    failed: bool
    members: Mapping[str, Any]
    status: int
    headers: Headers
    request_id: str


class LambdaInvoke(NoJobs):
    """Both forms of a Lambda task."""

    def __init__(self, aws: Aws, clock: Clock, functions: Functions | None = None) -> None:
        """Ask `functions` first, where there are any; the Lambda API for the others."""
        self._aws = aws
        self._clock = clock
        self._functions = functions

    async def call(self, call: Call) -> Outcome:
        """Invoke once."""
        try:
            return await (self._by_arn(call) if call.resource.kind == "lambda" else self._by_parameters(call))
        except ParameterProblems as problem:
            return not_startable(call, problem.problems)
        except (ApiRefused, Unreachable) as problem:
            return optimised_failure(problem, NAMES)
        except FunctionProblem as problem:
            return _own_failure(problem)

    async def _by_arn(self, call: Call) -> Outcome:
        answer = await self._invoke(call, {"FunctionName": call.resource.arn, "Payload": call.input})
        if answer.failed:
            return function_failure(answer.payload, answer.payload.decode("utf-8", "replace"))
        if len(answer.payload) > PAYLOAD_BYTES_MAX:
            return too_large(call)
        return _checked(call, answer.payload or b"null")

    async def _by_parameters(self, call: Call) -> Outcome:
        written = decode_object(call)
        model = await self._aws.model("lambda", "Invoke", call.region)
        parameters = to_parameters({**written, "Payload": None}, model.input_shape, OPTIMISED)
        parameters.pop("Payload", None)
        if written.get("Payload") is not None:
            # Text is sent as it is: recorded, a Payload of `"0"` reaches the function as the number 0.
            parameters["Payload"] = text_of(written["Payload"]).encode("utf-8", "surrogatepass")
        answer = await self._invoke(call, parameters)
        if len(answer.payload) > PAYLOAD_BYTES_MAX:
            return too_large(call)
        shown = _parsed(answer.payload)
        if answer.failed:
            return function_failure(answer.payload, encode_json(shown).decode("utf-8"))
        return _enveloped(call, answer, shown)

    async def _invoke(self, call: Call, parameters: dict[str, Any]) -> _Answer:
        target: object = LambdaTarget()
        unmapped: UnmappedFunction | None = None
        if self._functions is not None:
            try:
                target = self._functions.target_of(parameters["FunctionName"], parameters.get("Qualifier"))
            except UnmappedFunction as problem:
                unmapped = problem
        if self._functions is not None and not isinstance(target, LambdaTarget):
            return await self._invoke_own(self._functions, call, parameters)
        if isinstance(target, LambdaTarget) and target.name:
            parameters = {**parameters, "FunctionName": target.name}
        try:
            answer = await self._aws.request(call, "lambda", "Invoke", parameters, timeout_seconds=FUNCTION_SECONDS)
        except NoCredentials:
            if unmapped is not None:
                raise unmapped from None
            raise
        payload = answer.parsed.get("Payload", b"")
        members = {name: answer.parsed[name] for name in _SHOWN if answer.parsed.get(name) is not None}
        failed = "FunctionError" in answer.parsed
        return _Answer(payload, failed, members, answer.status, answer.headers, answer.request_id)

    async def _invoke_own(self, functions: Functions, call: Call, parameters: dict[str, Any]) -> _Answer:
        invocation = await functions.invoke(
            parameters["FunctionName"],
            parameters.get("Payload", b""),
            qualifier=parameters.get("Qualifier"),
            timeout_seconds=call.timeout_seconds,
            client_context=parameters.get("ClientContext"),
            invocation_type=parameters.get("InvocationType", "RequestResponse"),
            key=call.key,
            trace_header=call.trace_header,
            region=call.region,
            account=call.account,
        )
        members: dict[str, Any] = {"StatusCode": invocation.status_code}
        if invocation.executed_version and invocation.status_code == 200:
            members["ExecutedVersion"] = invocation.executed_version
        if parameters.get("LogType") == "Tail":
            members["LogResult"] = base64.b64encode(invocation.log).decode("ascii")
        headers = _own_headers(invocation, members, self._clock.now_ms(), call.trace_header)
        failed = invocation.function_error is not None
        return _Answer(invocation.payload, failed, members, invocation.status_code, headers, invocation.request_id)


def check(written: dict[str, Any], resource: Resource) -> dict[str, Any]:
    """The parameters of `lambda:invoke`, if they can be used.

    Raises:
        ParameterProblems: the function is missing, a member is unknown, or a value cannot be what the API wants.
    """
    check_parameters(written, service_model("lambda").operation_model("Invoke").input_shape, OPTIMISED, as_json=())
    return written


_SHOWN: Final = ("ExecutedVersion", "LogResult", "StatusCode")


def decode_object(call: Call) -> dict[str, Any]:
    """The parameters of a task, where they must be an object.

    Raises:
        ParameterProblems: no JSON object.
    """
    try:
        written = decode_json(call.input)
    except JsonError as error:
        raise ParameterProblems([str(error)]) from None
    if not isinstance(written, dict):
        raise ParameterProblems(["The Parameters must be a JSON object"])
    return written


def function_failure(payload: bytes, cause: str) -> Failed:
    """The error that a function raised: named by its `errorType`, explained by its payload."""
    try:
        raised = decode_json(payload)
    except JsonError:
        raised = None
    name = raised.get("errorType") if isinstance(raised, Mapping) else None
    if isinstance(name, str) and name:
        return Failed(name, cause)
    return Failed("Lambda.Unknown", _NO_TYPE + cause)


def _own_failure(problem: FunctionProblem) -> Failed:
    """A mapped function that gave no answer."""
    if isinstance(problem, (UnmappedFunction, FunctionUnreachable, FunctionBusy)):
        return Failed(problem.error_type, str(problem))
    return Failed(problem.error_type, problem.payload.decode("utf-8"))


def _enveloped(call: Call, answer: _Answer, payload: Any) -> Outcome:
    result = dict(answer.members)
    if payload is not None or answer.payload:
        result["Payload"] = payload
    shown = with_metadata(result, answer.status, answer.headers, answer.request_id)
    done = sized(call, encode_json(shown))
    if isinstance(done, Succeeded) and call.resource.pattern == "wait_for_task_token":
        return Submitted(done.output)
    return done


def _own_headers(
    invocation: Invocation, members: Mapping[str, Any], now_ms: int, trace_header: str | None
) -> list[tuple[str, str]]:
    """The headers that the Lambda API would have sent."""
    shown = {
        "X-Amz-Log-Result": members.get("LogResult"),
        "X-Amz-Executed-Version": members.get("ExecutedVersion"),
        "x-amzn-Remapped-Content-Length": "0",
        "Connection": "keep-alive",
        "x-amzn-RequestId": invocation.request_id,
        "Content-Length": str(len(invocation.payload)),
        "Date": formatdate(now_ms / 1000, usegmt=True),
        "X-Amzn-Trace-Id": trace_header or None,
        "Content-Type": "application/json",
    }
    return [(name, value) for name, value in shown.items() if value is not None]


def _checked(call: Call, payload: bytes) -> Succeeded | Failed:
    """A function that answers with something that is no JSON answers with that text."""
    try:
        decode_json(payload)
    except JsonError:
        return sized(call, encode_json(text_or_base64(payload)))
    return Succeeded(payload)


def _parsed(payload: bytes) -> Any:
    if not payload:
        return None
    try:
        return decode_json(payload)
    except JsonError:
        return text_or_base64(payload)
