"""`arn:aws:states:::aws-sdk:<service>:<action>`: every action of every service that botocore has a model for.

Parameters and results are spelled as in the SDK for Java 2; results carry no SDK metadata.
Actions that Step Functions cannot call (streams of events, role assumption, retired operations) are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from engine.asl.model import Resource
from engine.limits import PAYLOAD_BYTES_MAX
from engine.payload import JsonError, decode_json, encode_json
from services.integrations.aws import Aws, fill_idempotency_tokens
from services.integrations.aws_sender import ANSWER_BYTES_MAX
from services.integrations.failures import ApiRefused, Unreachable, not_startable, sdk_failure, sized
from services.integrations.handler import NoJobs
from services.integrations.interface import Call, Failed, Outcome, Submitted, Succeeded
from services.integrations.java_names import action_name
from services.integrations.known_parameters import check_parameters
from services.integrations.models import known_services, service_model
from services.integrations.outlines import input_outline
from services.integrations.sdk_services import SDK_SERVICES, SdkService
from services.integrations.shapes import SDK, ParameterProblems, is_stream, missing_members, to_json, to_parameters

if TYPE_CHECKING:
    from botocore.model import OperationModel, ServiceModel

TEXT: Final = "text/plain; charset=UTF-8"

# Source: the Step Functions guide's list of actions that are not usable (2022), and what cannot work by its nature.
_REFUSED: Final = frozenset(
    {
        "comprehendmedical:detectEntities",
        "efs:createTags",
        "elastictranscoder:testRole",
        "emr:describeJobFlows",
        "iotdeviceadvisor:listTestCases",
        "kinesis:subscribeToShard",
        "lambda:invokeAsync",
        "lexruntimev2:startConversation",
        "mediapackage:rotateChannelCredentials",
        "rdsdata:executeSql",
        "s3:selectObjectContent",
        "s3control:selectObjectContent",
        "shield:deleteSubscription",
        "sts:assumeRole",
        "sts:assumeRoleWithSAML",
        "sts:assumeRoleWithWebIdentity",
    }
)


class AwsSdk(NoJobs):
    """The generic handler."""

    def __init__(self, aws: Aws) -> None:
        """Use the shared connection to AWS."""
        self._aws = aws

    async def call(self, call: Call) -> Outcome:
        """Send the action's one request; `.waitForTaskToken` shows its answer as submitted."""
        service = sdk_service(call.resource)
        operation = None if service is None else operation_of(service, call.resource.api_action)
        if service is None or operation is None:
            return not_startable(call, [f"The resource {call.resource.arn} is not recognized"])
        try:
            model = await self._aws.model(service.botocore, operation, call.region)
            parameters = to_parameters(_decoded(call), model.input_shape, SDK)
            fill_idempotency_tokens(parameters, model, call.key)
            _fill_content_type(parameters, model)
            limit = PAYLOAD_BYTES_MAX if model.has_streaming_output else ANSWER_BYTES_MAX
            answer = await self._aws.request(call, service.botocore, operation, parameters, bytes_max=limit)
        except ParameterProblems as problem:
            return not_startable(call, problem.problems)
        except (ApiRefused, Unreachable) as problem:
            return sdk_failure(problem, service.prefix)
        return _outcome(call, to_json(answer.parsed, model.output_shape, SDK))


def sdk_rule(resource: Resource) -> Callable[[dict[str, Any]], dict[str, Any]] | None:
    """What TaskScheduled shows of an action's parameters: what was written, once it fits the API."""
    service = sdk_service(resource)
    operation = None if service is None else operation_of(service, resource.api_action)
    if service is None or operation is None:
        return None
    outline = input_outline(service.botocore, operation)

    def rule(written: dict[str, Any]) -> dict[str, Any]:
        check_parameters(written, outline, SDK)
        return written

    return rule


def sdk_service(resource: Resource) -> SdkService | None:
    """The service of an `aws-sdk:` resource, None when there is none of that name."""
    return SDK_SERVICES.get(resource.service.removeprefix("aws-sdk:"))


def is_refused(service: str, action: str) -> bool:
    """Whether the API has an action that Step Functions does not call."""
    return f"{service}:{action}" in _REFUSED


def operation_of(service: SdkService, action: str) -> str | None:
    """The API's name of an action, None when it has none or Step Functions refuses it."""
    if is_refused(service.name, action):
        return None
    return _actions(service.botocore).get(action)


def actions_of(service: SdkService) -> list[str]:
    """Every action that a definition may name, in alphabetical order."""
    return sorted(name for name in _actions(service.botocore) if not is_refused(service.name, name))


def required_members(service: SdkService, operation: str) -> list[str]:
    """Top-level parameters that a definition must give."""
    model = service_model(service.botocore).operation_model(operation)
    return [] if model.input_shape is None else missing_members({}, model.input_shape, SDK)


@lru_cache(maxsize=512)
def _actions(botocore_name: str) -> dict[str, str]:
    if botocore_name not in known_services():
        return {}
    model = service_model(botocore_name)
    return {action_name(name): name for name in model.operation_names if not streams_events(model, name)}


def streams_events(model: ServiceModel, name: str) -> bool:
    """Whether an operation sends or answers a stream of events, which no task can take.

    Event streams are found in the raw model, because making every operation's shapes would take seconds.
    """
    shapes = model._service_description["shapes"]
    operation = model._service_description["operations"][name]
    for side in ("input", "output"):
        shape = shapes.get(operation.get(side, {}).get("shape", ""), {})
        for member in shape.get("members", {}).values():
            if member.get("eventstream") or shapes.get(member.get("shape", ""), {}).get("eventstream"):
                return True
    return False


def _fill_content_type(parameters: dict[str, Any], model: OperationModel) -> None:
    """A streamed body is text, which the SDK says where the task says nothing (measured with S3)."""
    shape = model.input_shape
    body = None if shape is None else shape.serialization.get("payload")
    if shape is None or body not in parameters or not is_stream(shape, body, shape.members[body]):
        return
    for name, member in shape.members.items():
        if str(member.serialization.get("name", "")).lower() == "content-type":
            parameters.setdefault(name, TEXT)


def _decoded(call: Call) -> Any:
    try:
        return decode_json(call.input)
    except JsonError as error:
        raise ParameterProblems([str(error)]) from None


def _outcome(call: Call, result: Any) -> Succeeded | Submitted | Failed:
    done = sized(call, encode_json(result))
    if call.resource.pattern == "wait_for_task_token" and isinstance(done, Succeeded):
        return Submitted(done.output)
    return done


def operation_model(service: SdkService, operation: str) -> OperationModel:
    """The model of an operation, without a client."""
    return service_model(service.botocore).operation_model(operation)
