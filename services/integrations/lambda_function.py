"""AWS Lambda: a function ARN as Resource, and `lambda:invoke` with `.waitForTaskToken`.

A function ARN hands the function's bytes on; `lambda:invoke` wraps the parsed payload in AWS's envelope. An error
that the function raises names the task's error, and its payload is the cause. Time-outs and exits of the runtime have
no `errorType` of the function: they are `Lambda.Unknown` unless the payload names one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from engine.limits import PAYLOAD_BYTES_MAX
from engine.payload import JsonError, decode_json, encode_json
from services.integrations.aws import Aws
from services.integrations.aws_sender import AwsAnswer
from services.integrations.failures import (
    ApiRefused,
    OptimisedNames,
    Unreachable,
    not_startable,
    optimised_failure,
    sized,
    too_large,
)
from services.integrations.handler import NoJobs
from services.integrations.interface import Call, Failed, Outcome, Submitted, Succeeded
from services.integrations.sdk_metadata import with_metadata
from services.integrations.shapes import OPTIMISED, ParameterProblems, text_of, text_or_base64, to_json, to_parameters

NAMES: Final = OptimisedNames("Lambda", "AWSLambda", "AWSLambdaException")
FUNCTION_SECONDS: Final = 960.0
_ENVELOPE_BYTES: Final = 65_536


class Functions(Protocol):
    """Functions that Stepwell runs itself; asked before the Lambda API."""

    async def invoke(self, function: str, payload: bytes, call: Call, client_context: str | None) -> FunctionAnswer | None:
        """Run a function (name or ARN, with or without qualifier); None when it is not one of ours."""
        ...

    async def close(self) -> None:
        """End the processes."""
        ...


class FunctionAnswer(Protocol):
    """What a function answered."""

    payload: bytes
    function_error: str | None
    log_tail: str | None


class LambdaInvoke(NoJobs):
    """Both forms of a Lambda task."""

    def __init__(self, aws: Aws) -> None:
        """Use the shared connection to AWS."""
        self._aws = aws

    async def call(self, call: Call) -> Outcome:
        """Invoke once."""
        try:
            return await (self._by_arn(call) if call.resource.kind == "lambda" else self._by_parameters(call))
        except ParameterProblems as problem:
            return not_startable(call, problem.problems)
        except (ApiRefused, Unreachable) as problem:
            return optimised_failure(problem, NAMES)

    async def _by_arn(self, call: Call) -> Outcome:
        answer = await self._invoke(call, {"FunctionName": call.resource.arn, "Payload": call.input})
        payload = _payload(answer)
        if "FunctionError" in answer.parsed:
            return function_failure(payload, payload.decode("utf-8", "replace"))
        if len(payload) > PAYLOAD_BYTES_MAX:
            return too_large(call)
        return _checked(call, payload or b"null")

    async def _by_parameters(self, call: Call) -> Outcome:
        written = decode_object(call)
        model = await self._aws.model("lambda", "Invoke", call.region)
        parameters = to_parameters({**written, "Payload": None}, model.input_shape, OPTIMISED)
        if written.get("Payload") is not None:
            # Text is sent as it is: recorded, a Payload of `"0"` reaches the function as the number 0.
            parameters["Payload"] = text_of(written["Payload"]).encode("utf-8", "surrogatepass")
        answer = await self._invoke(call, parameters)
        payload = _payload(answer)
        if len(payload) > PAYLOAD_BYTES_MAX:
            return too_large(call)
        shown = _parsed(payload)
        if "FunctionError" in answer.parsed:
            return function_failure(payload, encode_json(shown).decode("utf-8"))
        return _enveloped(call, answer, shown)

    async def _invoke(self, call: Call, parameters: dict[str, Any]) -> AwsAnswer:
        return await self._aws.request(
            call,
            "lambda",
            "Invoke",
            parameters,
            timeout_seconds=FUNCTION_SECONDS,
        )


def decode_object(call: Call) -> dict[str, Any]:
    """The parameters of `lambda:invoke`.

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
    return Failed(name if isinstance(name, str) and name else "Lambda.Unknown", cause)


def _enveloped(call: Call, answer: AwsAnswer, payload: Any) -> Outcome:
    members = {name: value for name, value in answer.parsed.items() if name != "Payload"}
    result: dict[str, Any] = to_json(members, answer.operation.output_shape, OPTIMISED)
    result["Payload"] = payload
    shown = with_metadata(result, answer.status, answer.headers, answer.request_id)
    done = sized(call, encode_json(shown))
    if isinstance(done, Succeeded) and call.resource.pattern == "wait_for_task_token":
        return Submitted(done.output)
    return done


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


def _payload(answer: AwsAnswer) -> bytes:
    payload = answer.parsed.get("Payload", b"")
    return payload if isinstance(payload, bytes) else bytes(payload)
