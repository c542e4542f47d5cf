"""Which code runs which resource: one row per optimised service, one handler for everything under `aws-sdk`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from engine.asl.model import Pattern, Resource
from services.integrations import (
    apigateway,
    athena,
    batch,
    bedrock,
    codebuild,
    databrew,
    dynamodb,
    ecs,
    eks,
    emr,
    emr_containers,
    emr_serverless,
    events,
    glue,
    http_task,
    kubernetes,
    lambda_function,
    mediaconvert,
    nested_executions,
    sagemaker,
    sns,
    sqs,
)
from services.integrations.address_check import PUBLIC_ONLY, AddressPolicy
from services.integrations.apigateway import ApiGateway
from services.integrations.aws import Aws
from services.integrations.aws_sdk import AwsSdk, operation_of, sdk_rule, sdk_service
from services.integrations.aws_sender import OwnApi
from services.integrations.connections import Connections
from services.integrations.credentials import RoleMap
from services.integrations.failures import NoCredentials, TooLarge, task_failed, too_large
from services.integrations.functions.functions import Functions
from services.integrations.handler import Handler
from services.integrations.http_task import HttpTask
from services.integrations.interface import Call, Failed, Outcome, Pending, Succeeded
from services.integrations.items.objects import S3Objects
from services.integrations.kubernetes import Kubernetes
from services.integrations.lambda_function import LambdaInvoke
from services.integrations.nested_executions import NestedExecutions, NoNestedExecutions, StartExecution
from services.integrations.optimised import Json, OptimisedHandler, Service, table_rule
from services.integrations.outside import Outside
from services.runtime.clock import Clock
from services.runtime.ids import Ids

RR: Final[Pattern] = "request_response"
SYNC: Final[Pattern] = "sync"
SYNC_2: Final[Pattern] = "sync:2"
TOKEN: Final[Pattern] = "wait_for_task_token"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What handlers are made of.

    Attributes:
        environment: `AWS_ENDPOINT_URL...` and the keys for endpoints other than AWS.
        roles: the operator's role map.
        executions: our own engine, for nested executions; `own_api` answers `aws-sdk:sfn:...`.
        functions: functions that Stepwell runs itself; without it all are reached through the Lambda API.
        connections: for HTTP tasks; without it every connection is unknown.
        policy: what definitions may call beside public addresses.
    """

    clock: Clock
    ids: Ids
    environment: Mapping[str, str] = field(default_factory=dict)
    roles: RoleMap = field(default_factory=RoleMap)
    executions: NestedExecutions = field(default_factory=NoNestedExecutions)
    own_api: OwnApi | None = None
    functions: Functions | None = None
    connections: Connections | None = None
    policy: AddressPolicy = PUBLIC_ONLY


@dataclass(frozen=True, slots=True)
class Ways:
    """How handlers reach the outside."""

    aws: Aws
    outside: Outside


@dataclass(frozen=True, slots=True)
class Row:
    """An optimised service.

    Attributes:
        actions: their patterns.
        make: how its handler is made.
        service: its table, if it has one.
        check: what TaskScheduled shows of the parameters of an action that is not in the table; raises
            ParameterProblems.
    """

    actions: Mapping[str, frozenset[Pattern]]
    make: Callable[[Ways, World], Handler]
    service: Service | None = None
    check: Callable[[Json, Resource], Json] | None = None


def _row(service: Service) -> Row:
    """The row of a service that is all table."""
    return Row(_patterns(service), lambda ways, world: OptimisedHandler(ways.aws, service, world.clock), service)


def _patterns(service: Service) -> dict[str, frozenset[Pattern]]:
    return {
        name: frozenset([RR, *([SYNC] if action.job else []), *([TOKEN] if action.token else [])])
        for name, action in service.actions.items()
    }


TABLE: Final[Mapping[str, Row]] = {
    "apigateway": Row(
        {"invoke": frozenset({RR, TOKEN})},
        lambda ways, world: ApiGateway(ways.aws, ways.outside, world.policy),
        check=apigateway.check,
    ),
    "athena": _row(athena.SERVICE),
    "batch": _row(batch.SERVICE),
    "bedrock": Row(
        {**_patterns(bedrock.SERVICE), "invokeModel": frozenset({RR, TOKEN})},
        lambda ways, world: bedrock.Bedrock(ways.aws, world.clock),
        bedrock.SERVICE,
        bedrock.check,
    ),
    "codebuild": _row(codebuild.SERVICE),
    "databrew": _row(databrew.SERVICE),
    "dynamodb": _row(dynamodb.SERVICE),
    "ecs": _row(ecs.SERVICE),
    "eks": Row(
        {**_patterns(eks.SERVICE), "call": frozenset({RR}), "runJob": frozenset({RR, SYNC})},
        lambda ways, world: eks.Eks(
            ways.aws, world.clock, Kubernetes(ways.aws, ways.outside, world.clock, world.policy)
        ),
        eks.SERVICE,
        kubernetes.check,
    ),
    "elasticmapreduce": _row(emr.SERVICE),
    "emr-containers": _row(emr_containers.SERVICE),
    "emr-serverless": _row(emr_serverless.SERVICE),
    "events": _row(events.SERVICE),
    "glue": _row(glue.SERVICE),
    "http": Row(
        {"invoke": frozenset({RR})},
        lambda ways, world: HttpTask(ways.outside, world.clock, world.connections, world.policy),
        check=http_task.check,
    ),
    "lambda": Row(
        {"invoke": frozenset({RR, TOKEN})},
        lambda ways, world: LambdaInvoke(ways.aws, world.clock, world.functions),
        check=lambda_function.check,
    ),
    "mediaconvert": _row(mediaconvert.SERVICE),
    "sagemaker": _row(sagemaker.SERVICE),
    "sns": _row(sns.SERVICE),
    "sqs": _row(sqs.SERVICE),
    "states": Row(
        {"startExecution": frozenset({RR, SYNC, SYNC_2, TOKEN})},
        lambda ways, world: StartExecution(world.executions, world.clock, world.ids),
        check=nested_executions.check,
    ),
}


class WorldIntegrations:
    """The real world, as the `Integrations` protocol has it."""

    def __init__(self, world: World) -> None:
        """Nothing is loaded or connected before the first call."""
        self._world = world
        aws = Aws(world.environment, world.roles, world.clock, world.own_api)
        self._ways = Ways(aws, Outside())
        self._handlers: dict[str, Handler] = {}
        self._unresolved: dict[str, str | None] = {}

    async def call(self, call: Call) -> Outcome:
        """Run the attempt: exactly one request, everything that goes wrong as `Failed`."""
        problem = await self._why_unresolved(call.resource)
        if problem is not None:
            return task_failed(problem)
        try:
            return await self._handler(call.resource).call(call)
        except NoCredentials as refused:
            return task_failed(str(refused))
        except TooLarge:
            return too_large(call)

    async def poll(self, call: Call, job: Mapping[str, Any]) -> Succeeded | Failed | Pending:
        """Look at a submitted job; repeatable."""
        try:
            return await self._handler(call.resource).poll(call, job)
        except NoCredentials as refused:
            return task_failed(str(refused))
        except TooLarge:
            return too_large(call)

    async def cancel(self, call: Call, job: Mapping[str, Any]) -> None:
        """Stop a submitted job where AWS does; repeatable. What cannot be stopped runs on, as in AWS."""
        try:
            await self._handler(call.resource).cancel(call, job)
        except (NoCredentials, TooLarge):
            return

    @property
    def objects(self) -> S3Objects:
        """S3 as distributed Maps use it."""
        return S3Objects(self._ways.aws)

    async def close(self) -> None:
        """End subprocesses and close connections."""
        if self._world.functions is not None:
            await self._world.functions.close()
        await self._ways.aws.close()
        await self._ways.outside.close()

    async def _why_unresolved(self, resource: Resource) -> str | None:
        """As `unresolved`, but the first look at a service, which loads its model, is off the event loop."""
        if not resource.service.startswith("aws-sdk:"):
            return unresolved(resource)
        if resource.arn not in self._unresolved:
            self._unresolved[resource.arn] = await asyncio.to_thread(unresolved, resource)
        return self._unresolved[resource.arn]

    def _handler(self, resource: Resource) -> Handler:
        name = "lambda" if resource.kind == "lambda" else resource.service
        name = "aws-sdk" if name.startswith("aws-sdk:") else name
        handler = self._handlers.get(name)
        if handler is None:
            made = AwsSdk(self._ways.aws) if name == "aws-sdk" else TABLE[name].make(self._ways, self._world)
            handler = self._handlers[name] = made
        return handler


def rule_of(resource: Resource) -> Callable[[Json], Json] | None:
    """What TaskScheduled shows of a resource's parameters, None where nothing is known of them. Reads models."""
    if resource.service.startswith("aws-sdk:"):
        return sdk_rule(resource)
    row = TABLE.get(resource.service)
    if row is None or resource.api_action not in row.actions:
        return None
    if row.service is not None and resource.api_action in row.service.actions:
        return table_rule(row.service, resource)
    check = row.check
    return None if check is None else lambda written: check(written, resource)


def unresolved(resource: Resource) -> str | None:
    """Why nothing runs this resource, in AWS's words; None when something does."""
    if resource.kind == "lambda":
        return None
    if resource.kind == "service" and resource.pattern in _patterns_of(resource):
        return None
    return (
        f"The resource provided {resource.arn} is not recognized. The value is not a valid resource ARN, or the "
        "resource is not available in this region."
    )


def _patterns_of(resource: Resource) -> frozenset[Pattern]:
    if resource.service.startswith("aws-sdk:"):
        service = sdk_service(resource)
        if service is None or operation_of(service, resource.api_action) is None:
            return frozenset()
        return frozenset({RR, TOKEN})
    row = TABLE.get(resource.service)
    return frozenset() if row is None else row.actions.get(resource.api_action, frozenset())
