"""What a Task may call: Lambda functions, activities, optimized services and the AWS SDK, with the ways to wait.

Source: developer guide, service integrations; refusals as printed by the service.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeAlias

from engine.asl.model import Pattern, Resource


class KnownAction(Protocol):
    """What is known of the parameters of an action."""

    @property
    def required(self) -> Sequence[str]:
        """Members that a definition must give."""
        ...

    def unsupported(self, parameters: Mapping[str, Any], pattern: Pattern, *, paths: bool) -> Sequence[str]:
        """Members that a definition writes and that cannot be used; `paths`: keys that end in `.$` are left out."""
        ...


KnownApi: TypeAlias = Callable[[str, str], KnownAction | None]
"""What an action of an API takes (`("aws-sdk:s3", "getObject")`, `("sqs", "sendMessage")`). The engine has no SDK.

None is said of an SDK's action that cannot be called, and of an optimised one of which nothing is known.
"""

_RR: Final[tuple[Pattern, ...]] = ("request_response",)
_SYNC: Final[tuple[Pattern, ...]] = (*_RR, "sync")
_TOKEN: Final[tuple[Pattern, ...]] = (*_RR, "wait_for_task_token")
_BOTH: Final[tuple[Pattern, ...]] = (*_RR, "sync", "wait_for_task_token")


def _actions(patterns: tuple[Pattern, ...], names: str) -> dict[str, tuple[Pattern, ...]]:
    return dict.fromkeys(names.split(), patterns)


SERVICES: Final[Mapping[str, Mapping[str, tuple[Pattern, ...]]]] = MappingProxyType(
    {
        "lambda": _actions(_TOKEN, "invoke"),
        "sqs": _actions(_TOKEN, "sendMessage"),
        "sns": _actions(_TOKEN, "publish"),
        "dynamodb": _actions(_RR, "getItem putItem updateItem deleteItem"),
        "events": _actions(_TOKEN, "putEvents"),
        "states": {"startExecution": (*_BOTH, "sync:2")},
        "ecs": _actions(_BOTH, "runTask"),
        "batch": _actions(_SYNC, "submitJob"),
        "glue": _actions(_SYNC, "startJobRun"),
        "databrew": _actions(_SYNC, "startJobRun"),
        "sagemaker": _actions(_RR, "createEndpoint createEndpointConfig createModel updateEndpoint")
        | _actions(
            _SYNC,
            "createLabelingJob createTrainingJob createTransformJob createProcessingJob createHyperParameterTuningJob",
        ),
        "elasticmapreduce": _actions(_SYNC, "createCluster addStep terminateCluster")
        | _actions(
            _RR, "setClusterTerminationProtection cancelStep modifyInstanceFleetByName modifyInstanceGroupByName"
        ),
        "emr-containers": _actions(_SYNC, "deleteVirtualCluster startJobRun") | _actions(_RR, "createVirtualCluster"),
        "emr-serverless": _actions(
            _SYNC, "createApplication startApplication stopApplication deleteApplication startJobRun cancelJobRun"
        ),
        "codebuild": _actions(_SYNC, "startBuild startBuildBatch")
        | _actions(_RR, "stopBuild stopBuildBatch batchDeleteBuilds batchGetReports retryBuildBatch deleteBuildBatch"),
        "athena": _actions(_SYNC, "startQueryExecution")
        | _actions(_RR, "stopQueryExecution getQueryExecution getQueryResults"),
        "eks": _actions(
            _SYNC,
            "createCluster deleteCluster createNodegroup deleteNodegroup createFargateProfile deleteFargateProfile "
            "runJob",
        )
        | _actions(_RR, "call"),
        "apigateway": _actions(_TOKEN, "invoke"),
        "http": _actions(_RR, "invoke"),
        "bedrock": _actions(_TOKEN, "invokeModel") | _actions(_BOTH, "createModelCustomizationJob"),
        "mediaconvert": _actions(_SYNC, "createJob"),
    }
)
"""Optimized integrations: service, action, patterns."""

REQUIRED_PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "lambda:invoke": ("FunctionName",),
        "sqs:sendMessage": ("QueueUrl", "MessageBody"),
        "sns:publish": ("Message",),
        "dynamodb:putItem": ("TableName", "Item"),
        "dynamodb:getItem": ("TableName", "Key"),
        "states:startExecution": ("StateMachineArn",),
        "events:putEvents": ("Entries",),
        "ecs:runTask": ("TaskDefinition",),
        "glue:startJobRun": ("JobName",),
    }
)
"""What the service refuses to be called without, by `service:action`, as far as its order is known."""

READERS: Final = frozenset({"s3:getObject", "s3:listObjectsV2"})
WRITERS: Final = frozenset({"s3:putObject"})

_ARN: Final = re.compile(r"arn:[^:\s]+:[^:\s]+:[^:\s]*:[^:\s]*:\S.*", re.DOTALL)
_LAMBDA: Final = re.compile(
    r"arn:aws[a-z-]*:lambda:[^:]*:[^:]*:function:[A-Za-z0-9_.-]+(?::(?:\$LATEST|[A-Za-z0-9_-]+))?"
)
_ACTIVITY: Final = re.compile(r"arn:aws[a-z-]*:states:[a-z0-9-]+:\d{12}:activity:\S+")
_SERVICE: Final = re.compile(r"arn:aws[a-z-]*:states:[a-z0-9-]*:\d*:([a-z0-9-]+):([A-Za-z0-9]+)(\.[A-Za-z0-9:]+)?")
_SDK: Final = re.compile(
    r"arn:aws[a-z-]*:states:[a-z0-9-]*:\d*:aws-sdk:([a-z0-9]+):([a-z][A-Za-z0-9]*)(\.[A-Za-z0-9:]+)?"
)
_PATTERNS: Final[Mapping[str, Pattern]] = MappingProxyType(
    {
        "": "request_response",
        ".sync": "sync",
        ".sync:2": "sync:2",
        ".waitForTaskToken": "wait_for_task_token",
    }
)


class ResourceError(ValueError):
    """The service does not know this resource; the message is AWS's."""


def parse_resource(arn: str, known_api: KnownApi | None = None) -> Resource:
    """Read a Task's Resource.

    Args:
        known_api: what the AWS SDK can do; without it every well-formed SDK action passes.

    Raises:
        ResourceError: no ARN, or nothing that the service can call in this way.
    """
    if _ARN.fullmatch(arn) is None:
        raise ResourceError("Value is not a valid resource ARN")
    if _LAMBDA.fullmatch(arn):
        return Resource(arn, "lambda")
    if _ACTIVITY.fullmatch(arn):
        return Resource(arn, "activity")
    resource = _parse_sdk(arn, known_api) or _parse_optimized(arn)
    if resource is None:
        raise ResourceError(
            f"The resource provided {arn} is not recognized. The value is not a valid resource ARN, "
            "or the resource is not available in this region."
        )
    return resource


def service_action(arn: str) -> str | None:
    """`service:action` of a service's ARN without a pattern, e.g. `s3:getObject`; None for other texts."""
    found = _SERVICE.fullmatch(arn)
    return f"{found[1]}:{found[2]}" if found and not found[3] else None


def _parse_sdk(arn: str, known_api: KnownApi | None) -> Resource | None:
    found = _SDK.fullmatch(arn)
    if found is None:
        return None
    service, action, suffix = found[1], found[2], found[3] or ""
    pattern = _PATTERNS.get(suffix)
    if pattern not in _TOKEN or (known_api is not None and known_api(f"aws-sdk:{service}", action) is None):
        return None
    return Resource(arn, "service", f"aws-sdk:{service}", action + suffix, action, pattern)


def _parse_optimized(arn: str) -> Resource | None:
    found = _SERVICE.fullmatch(arn)
    if found is None:
        return None
    service, action, suffix = found[1], found[2], found[3] or ""
    pattern = _PATTERNS.get(suffix)
    if pattern is None or pattern not in SERVICES.get(service, {}).get(action, ()):
        return None
    return Resource(arn, "service", service, action + suffix, action, pattern)
