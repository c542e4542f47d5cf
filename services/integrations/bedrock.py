"""Amazon Bedrock: `bedrock:invokeModel` (with `.waitForTaskToken`) and `bedrock:createModelCustomizationJob` (`.sync`).

A Body of any JSON is sent as it is; `Input` takes it from S3 instead, `Output` puts the answer there and shows where.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.asl.model import Resource
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
)
from services.integrations.interface import Call, Failed, Outcome, Pending, Submitted, Succeeded
from services.integrations.lambda_function import decode_object
from services.integrations.optimised import Action, Job, OptimisedHandler, Service, by_status
from services.integrations.shapes import BAD_FORMAT, MISSING, ParameterProblems, text_of, text_or_base64
from services.runtime.clock import Clock

_RUNTIME_NAMES: Final = OptimisedNames("Bedrock", "AmazonBedrockRuntime", "AmazonBedrockRuntimeException")
_MODEL_SECONDS: Final = 900.0
_JSON: Final = "application/json"

SERVICE: Final = Service(
    name="bedrock",
    botocore="bedrock",
    names=OptimisedNames("Bedrock", "AmazonBedrock", "AmazonBedrockException"),
    actions={
        "createModelCustomizationJob": Action(
            operation="CreateModelCustomizationJob",
            token=True,
            job=Job(
                reference=lambda result, parameters: {"JobIdentifier": result["JobArn"]},
                describe="GetModelCustomizationJob",
                judge=by_status(
                    lambda described: described, "Status", frozenset({"Completed"}), frozenset({"Failed", "Stopped"})
                ),
                cancel=("StopModelCustomizationJob", dict),
            ),
        )
    },
)


class Bedrock:
    """Models are invoked here, jobs by the table."""

    def __init__(self, aws: Aws, clock: Clock) -> None:
        """Use the shared connection to AWS."""
        self._aws = aws
        self._jobs = OptimisedHandler(aws, SERVICE, clock)

    async def call(self, call: Call) -> Outcome:
        """Invoke a model once, or submit a job."""
        if call.resource.api_action != "invokeModel":
            return await self._jobs.call(call)
        try:
            return await self._invoke(call, decode_object(call))
        except ParameterProblems as problem:
            return not_startable(call, problem.problems)
        except (ApiRefused, Unreachable) as problem:
            return optimised_failure(problem, _RUNTIME_NAMES)

    async def poll(self, call: Call, job: Mapping[str, Any]) -> Succeeded | Failed | Pending:
        """Look at a job."""
        return await self._jobs.poll(call, job)

    async def cancel(self, call: Call, job: Mapping[str, Any]) -> None:
        """Stop a job."""
        await self._jobs.cancel(call, job)

    async def _invoke(self, call: Call, written: dict[str, Any]) -> Outcome:
        check(written, call.resource)
        request = {"modelId": text_of(written["ModelId"]), "accept": text_of(written.get("Accept") or _JSON)}
        request["contentType"] = text_of(written.get("ContentType") or _JSON)
        for name, member in (
            ("GuardrailIdentifier", "guardrailIdentifier"),
            ("GuardrailVersion", "guardrailVersion"),
            ("Trace", "trace"),
            ("PerformanceConfigLatency", "performanceConfigLatency"),
        ):
            if written.get(name) is not None:
                request[member] = text_of(written[name])
        body: Any
        if written.get("Input") is not None:
            body, content_type = await self._from_s3(call, written["Input"])
            request["contentType"] = text_of(written.get("ContentType") or content_type or _JSON)
        elif "Body" in written:
            body = encode_json(written["Body"]) if not isinstance(written["Body"], str) else written["Body"].encode()
        else:
            body = b""
        answer = await self._aws.request(
            call, "bedrock-runtime", "InvokeModel", {**request, "body": body}, timeout_seconds=_MODEL_SECONDS
        )
        return await self._answered(call, written, answer)

    async def _answered(self, call: Call, written: dict[str, Any], answer: AwsAnswer) -> Outcome:
        body = answer.parsed.get("body", b"")
        content_type = str(answer.parsed.get("contentType") or _JSON)
        shown: Any = _parsed(body)
        if written.get("Output") is not None:
            shown = await self._to_s3(call, written["Output"], body, content_type)
        done = sized(call, encode_json({"Body": shown, "ContentType": content_type}))
        if isinstance(done, Succeeded) and call.resource.pattern == "wait_for_task_token":
            return Submitted(done.output)
        return done

    async def _from_s3(self, call: Call, place: Any) -> tuple[bytes, str]:
        bucket, key = _s3_place(place, "Input")
        answer = await self._aws.request(call, "s3", "GetObject", {"Bucket": bucket, "Key": key})
        return answer.parsed["Body"], str(answer.parsed.get("ContentType") or "")

    async def _to_s3(self, call: Call, place: Any, body: bytes, content_type: str) -> str:
        bucket, key = _s3_place(place, "Output")
        parameters = {"Bucket": bucket, "Key": key, "Body": body, "ContentType": content_type}
        await self._aws.request(call, "s3", "PutObject", parameters)
        return f"s3://{bucket}/{key}"


def check(written: dict[str, Any], resource: Resource) -> dict[str, Any]:
    """The parameters of `invokeModel`, if they can be used.

    Raises:
        ParameterProblems: the model is missing, or a place in S3 is none.
    """
    if written.get("ModelId") is None:
        raise ParameterProblems([MISSING.format("ModelId")])
    for field in ("Input", "Output"):
        if written.get(field) is not None:
            _s3_place(written[field], field)
    return written


def _s3_place(place: Any, field: str) -> tuple[str, str]:
    uri = place.get("S3Uri") if isinstance(place, Mapping) else None
    if not isinstance(uri, str) or not uri.startswith("s3://"):
        raise ParameterProblems([BAD_FORMAT.format(field)])
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not bucket or not key:
        raise ParameterProblems([BAD_FORMAT.format(field)])
    return bucket, key


def _parsed(body: bytes) -> Any:
    try:
        return decode_json(body)
    except JsonError:
        return text_or_base64(body)
