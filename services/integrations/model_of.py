"""The response model of the API behind a Resource, for checking mocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.asl.model import Resource
from services.integrations.aws_sdk import operation_of, sdk_service
from services.integrations.java_names import member_name, raised
from services.integrations.models import service_model

if TYPE_CHECKING:
    from botocore.model import Shape

# Optimised services whose name is not botocore's.
_BOTOCORE_NAMES: Final = {"states": "stepfunctions", "elasticmapreduce": "emr", "bedrock": "bedrock-runtime"}


@dataclass(frozen=True, slots=True)
class ResponseModel:
    """An output shape, and how its members are spelled in Step Functions."""

    shape: Shape
    member_name: Callable[[str], str]


def response_model(resource: Resource) -> ResponseModel | None:
    """The model of what the API answers; None where none is known, or where a job or callback answers."""
    if resource.pattern != "request_response" or resource.kind != "service":
        return None
    if resource.service.startswith("aws-sdk:"):
        service = sdk_service(resource)
        operation = None if service is None else operation_of(service, resource.api_action)
        if service is None or operation is None:
            return None
        shape = service_model(service.botocore).operation_model(operation).output_shape
        return None if shape is None else ResponseModel(shape, member_name)
    return _optimised(resource)


def _optimised(resource: Resource) -> ResponseModel | None:
    from botocore.exceptions import UnknownServiceError
    from botocore.model import OperationNotFoundError

    try:
        model = service_model(_BOTOCORE_NAMES.get(resource.service, resource.service))
        shape = model.operation_model(raised(resource.api_action)).output_shape
    except (UnknownServiceError, OperationNotFoundError):
        return None
    return None if shape is None else ResponseModel(shape, raised)
