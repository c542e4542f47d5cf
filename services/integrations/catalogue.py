"""What there is: for `stepwell integrations`, for the validator of definitions, and for the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.asl.model import Pattern, Resource
from services.integrations.aws_sdk import operation_of, required_members, sdk_service
from services.integrations.endpoints import Endpoints
from services.integrations.models import service_model
from services.integrations.optimised import tokens_of
from services.integrations.outlines import input_outline
from services.integrations.registry import TABLE, unresolved
from services.integrations.shapes import OPTIMISED, missing_members

# What integrations require that are no table of an API, or more than the API does.
_REQUIRED = {
    "apigateway:invoke": ("ApiEndpoint", "Method"),
    "bedrock:invokeModel": ("ModelId",),
    "eks:call": ("ClusterName", "CertificateAuthority", "Endpoint", "Method", "Path"),
    "eks:runJob": ("ClusterName", "CertificateAuthority", "Endpoint", "Job"),
    "http:invoke": ("ApiEndpoint", "Method"),
    "lambda:invoke": ("FunctionName",),
    "states:startExecution": ("StateMachineArn",),
}


@dataclass(frozen=True, slots=True)
class OptimisedAction:
    """One line of the catalogue."""

    service: str
    action: str
    patterns: tuple[Pattern, ...]
    required: tuple[str, ...]


def optimised_actions() -> Iterator[OptimisedAction]:
    """Every optimised action in order of its name."""
    for service in sorted(TABLE):
        for action, patterns in sorted(TABLE[service].actions.items()):
            yield OptimisedAction(service, action, tuple(sorted(patterns)), tuple(optimised_required(service, action)))


def resolvable(resource: Resource) -> bool | str:
    """True, or AWS's words on why the resource cannot be used. The first look at an aws-sdk service loads its model."""
    problem = unresolved(resource)
    return True if problem is None else problem


def required_parameters(resource: Resource) -> list[str]:
    """Top-level parameters that a definition must give, as the validator checks them."""
    if resource.kind != "service" or unresolved(resource) is not None:
        return []
    service = sdk_service(resource)
    if resource.service.startswith("aws-sdk:") and service is not None:
        operation = operation_of(service, resource.api_action)
        return [] if operation is None else required_members(service, operation)
    return optimised_required(resource.service, resource.api_action)


def endpoint_of(resource: Resource, endpoints: Endpoints) -> str:
    """Where the calls of a resource go: a URL, or `AWS`, or what answers inside Stepwell."""
    if resource.service in ("states", "aws-sdk:sfn"):
        return "Stepwell"
    if resource.service == "http":
        return "the task's ApiEndpoint"
    service = sdk_service(resource)
    if resource.kind == "lambda" or resource.service == "lambda":
        name = "lambda"
    elif service is not None:
        name = service.botocore
    else:
        table = TABLE[resource.service].service
        name = table.botocore if table is not None else {"apigateway": "execute-api"}.get(resource.service, "")
    if name == "execute-api":
        return endpoints.own(name) or "AWS"
    return endpoints.of_service(name, str(service_model(name).service_id)) or "AWS"


def optimised_required(service: str, action: str) -> list[str]:
    """Top-level parameters that a definition must give to an optimised action."""
    own = _REQUIRED.get(f"{service}:{action}")
    if own is not None:
        return list(own)
    table = TABLE[service].service
    assert table is not None, service
    entry = table.actions[action]
    outline = input_outline(table.botocore, entry.operation)
    required = [] if outline is None else missing_members({}, outline, OPTIMISED)
    given = (*entry.required, *entry.given, *([] if outline is None else tokens_of(outline)))
    return [*entry.required, *(name for name in required if name not in given)]
