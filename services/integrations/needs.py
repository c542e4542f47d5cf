"""What a definition needs of the world: the resources that it calls, where the calls go, what is missing there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

from engine.asl.model import MapState, Program, Resource, TaskState
from engine.asl.resource import ResourceError, parse_resource
from services.integrations.catalogue import endpoint_of, resolvable
from services.integrations.credentials import RoleMap
from services.integrations.endpoints import Endpoints
from services.integrations.functions.invocation import UnmappedFunction
from services.integrations.functions.targets import HttpTarget, LambdaTarget, PythonTarget, Targets

How: TypeAlias = Literal["function", "activity", "optimised", "aws-sdk", "unknown"]

CONNECT_SECONDS: Final = 2.0
_NO_KEYS: Final = "no credentials for the role: name it in STEPWELL_ROLES_FILE, or set {}"


@dataclass(frozen=True, slots=True)
class Need:
    """One resource that a state calls.

    Attributes:
        state: its name; `state ItemReader` and `state ResultWriter` are what a Map reads and writes.
        resource: as written.
        how: what runs it.
        endpoint: where its calls go, for people.
        url: where a connection can be tried; "" for what needs none.
        problem: why it cannot work; "" as far as can be told without trying.
    """

    state: str
    resource: str
    how: How
    endpoint: str = ""
    url: str = ""
    problem: str = ""


def needs_of(program: Program, endpoints: Endpoints, targets: Targets, roles: RoleMap, role_arn: str) -> Iterator[Need]:
    """Everything that a definition calls, in the order of its states."""
    for state, resource in _resources(program):
        yield _need(state, resource, endpoints, targets, roles, role_arn)


async def unreachable(needs: Sequence[Need]) -> dict[str, str]:
    """Why nothing answers at a URL, by URL; each is tried once, side by side, without sending anything."""
    urls = sorted({need.url for need in needs if need.url})
    problems = await asyncio.gather(*(_problem_of(url) for url in urls))
    return {url: problem for url, problem in zip(urls, problems, strict=True) if problem}


def _resources(program: Program) -> Iterator[tuple[str, str]]:
    for name, state in program.all_states.items():
        if isinstance(state, TaskState):
            yield name, state.resource.arn
        elif isinstance(state, MapState):
            if state.item_reader is not None:
                yield f"{name} ItemReader", state.item_reader.resource
            if state.result_writer is not None and state.result_writer.resource:
                yield f"{name} ResultWriter", state.result_writer.resource


def _need(state: str, arn: str, endpoints: Endpoints, targets: Targets, roles: RoleMap, role_arn: str) -> Need:
    try:
        resource = parse_resource(arn) if " " not in state else _of_map(arn)
    except ResourceError as error:
        return Need(state, arn, "unknown", problem=str(error))
    if resource.kind == "activity":
        return Need(state, arn, "activity", "whoever polls the activity")
    if resource.kind == "lambda":
        return _function(state, resource, endpoints, targets, roles, role_arn)
    found = resolvable(resource)
    if found is not True:
        return Need(state, arn, "unknown", problem=str(found))
    how: How = "aws-sdk" if resource.service.startswith("aws-sdk:") else "optimised"
    where = endpoint_of(resource, endpoints)
    if where == "AWS":
        return Need(state, arn, how, where, problem=_keys(roles, role_arn, "AWS_ENDPOINT_URL"))
    return Need(state, arn, how, where, where if "://" in where else "")


def _of_map(arn: str) -> Resource:
    """Readers and writers are called like `s3:getObject`, but run like the SDK's."""
    return parse_resource(arn.replace(":::s3:", ":::aws-sdk:s3:"))


def _function(
    state: str, resource: Resource, endpoints: Endpoints, targets: Targets, roles: RoleMap, role_arn: str
) -> Need:
    """A mapped function, else the Lambda API."""
    try:
        target = targets.find(resource.arn)
    except UnmappedFunction:
        target = LambdaTarget()
    if isinstance(target, HttpTarget):
        return Need(state, resource.arn, "function", target.url, target.url)
    if isinstance(target, PythonTarget):
        return Need(state, resource.arn, "function", f"{target.module}:{target.function}")
    if not isinstance(target, LambdaTarget):
        return Need(state, resource.arn, "function", "here")
    where = endpoint_of(resource, endpoints)
    if where == "AWS":
        hint = "AWS_ENDPOINT_URL_LAMBDA, or map the function with --function"
        return Need(state, resource.arn, "function", where, problem=_keys(roles, role_arn, hint))
    return Need(state, resource.arn, "function", where, where)


def _keys(roles: RoleMap, role_arn: str, variable: str) -> str:
    return "" if roles.find(role_arn) is not None else _NO_KEYS.format(variable)


async def _problem_of(url: str) -> str:
    place = urlsplit(url)
    port = place.port or (443 if place.scheme == "https" else 80)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(place.hostname, port)
    except TimeoutError:
        return f"no answer within {CONNECT_SECONDS:g} s"
    except OSError as error:
        return os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
    writer.close()
    return ""
