"""Create, Update, Describe, List and DeleteStateMachineAlias."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from engine.arn import Arn, InvalidArn, parse_arn
from services.api import errors
from services.api.context import Context
from services.api.operations.found import find_active_machine
from services.api.request import Request
from services.api.shapes import seconds
from services.store.records import Alias, StateMachine

ALIASES_MAX: Final = 100
_BAD_ROUTING: Final = "INVALID_ROUTING_CONFIGURATION"


async def create_state_machine_alias(context: Context, request: Request) -> dict[str, Any]:
    """Create an alias; the identical call again answers the first one."""
    body = request.body
    versions = _check_routing(body["routingConfiguration"])
    machine = await _machine_of(context, request, versions[0])
    now_ms = context.clock.now_ms()
    alias = Alias(
        machine_id=machine.id,
        name=body["name"],
        description=body.get("description") or "",
        routes=_routes(versions, body["routingConfiguration"]),
        created_ms=now_ms,
        updated_ms=now_ms,
    )
    existing = await context.store.alias(machine.id, alias.name)
    if existing is None:
        if len(await context.store.list_aliases(machine.id, None, ALIASES_MAX)) >= ALIASES_MAX:
            raise errors.quota_exceeded(f"The maximum number of {ALIASES_MAX} state machine aliases has been reached.")
        try:
            existing = await context.store.create_alias(alias)
        except KeyError:
            raise errors.resource_not_found() from None
    if existing is not None:
        if (existing.description, existing.routes) != (alias.description, alias.routes):
            raise errors.alias_exists_differently()
        alias = existing
    context.targets.forget(machine.id)
    return {
        "stateMachineAliasArn": f"{versions[0].machine}:{alias.name}",
        "creationDate": seconds(alias.created_ms),
    }


def _check_routing(routing: Sequence[dict[str, Any]]) -> list[Arn]:
    """The versions of a routing configuration.

    Raises:
        ApiError: ValidationException, in the order in which AWS looks.
    """
    texts = [item["stateMachineVersionArn"] for item in routing]
    received = f"Received: [{', '.join(texts)}]"
    arns = [arn for arn in map(_version_arn, texts) if arn is not None]
    if len(arns) != len(texts):
        message = f"Routing configuration must contain state machine version ARNs. {received}"
        raise errors.validation(message, _BAD_ROUTING)
    if len(set(texts)) != len(texts):
        message = f"Routing configuration must contain distinct state machine version ARNs. {received}"
        raise errors.validation(message, _BAD_ROUTING)
    weights = [int(item["weight"]) for item in routing]
    if sum(weights) != 100:
        message = f"Sum of routing configuration weights must equal 100. Received: {weights}"
        raise errors.validation(message, _BAD_ROUTING)
    if len({arn.machine for arn in arns}) != 1:
        message = f"Routing configuration must contain versions of the same state machine. {received}"
        raise errors.validation(message, _BAD_ROUTING)
    return arns


def _version_arn(text: str) -> Arn | None:
    try:
        arn = parse_arn(text)
    except InvalidArn:
        return None
    return arn if arn.kind == "version" else None


async def _machine_of(context: Context, request: Request, version: Arn) -> StateMachine:
    machine = None
    if request.owns(version):
        machine = await context.store.machine_by_name(version.account, version.region, version.name)
    if machine is None:
        raise errors.resource_not_found()
    if machine.status != "ACTIVE":
        raise errors.state_machine_deleting(str(version.machine))
    return machine


def _routes(versions: Sequence[Arn], routing: Sequence[dict[str, Any]]) -> tuple[tuple[int, int], ...]:
    return tuple((int(arn.qualifier), int(item["weight"])) for arn, item in zip(versions, routing, strict=True))


async def update_state_machine_alias(context: Context, request: Request) -> dict[str, Any]:
    """Change description or routing of an alias."""
    body = request.body
    arn = _alias_arn(request)
    routing, routes = body.get("routingConfiguration"), None
    if routing is None and body.get("description") is None:
        message = "Either the description or the routing configuration must be specified"
        raise errors.validation(message, "MISSING_REQUIRED_PARAMETER")
    if routing is not None:
        versions = _check_routing(routing)
        if versions[0].machine != arn.machine:
            raise errors.resource_not_found()
        routes = _routes(versions, routing)
    machine = await _machine_of(context, request, arn)
    try:
        alias = await context.store.update_alias(
            machine.id, arn.qualifier, context.clock.now_ms(), body.get("description"), routes
        )
    except KeyError:
        alias = None
    if alias is None:
        raise errors.resource_not_found()
    context.targets.forget(machine.id)
    return {"updateDate": seconds(alias.updated_ms)}


def _alias_arn(request: Request) -> Arn:
    arn = request.arn("stateMachineAliasArn", "alias", "version", "stateMachine")
    if arn.kind != "alias":
        raise errors.validation(f"The ARN does not name an alias: {arn}")
    return arn


async def describe_state_machine_alias(context: Context, request: Request) -> dict[str, Any]:
    """Describe an alias."""
    arn = _alias_arn(request)
    machine = None
    if request.owns(arn):
        machine = await context.store.machine_by_name(arn.account, arn.region, arn.name)
    alias = None if machine is None else await context.store.alias(machine.id, arn.qualifier)
    if alias is None:
        raise errors.resource_not_found()
    answer: dict[str, Any] = {
        "stateMachineAliasArn": str(arn),
        "name": alias.name,
        "routingConfiguration": [
            {"stateMachineVersionArn": f"{arn.machine}:{number}", "weight": weight} for number, weight in alias.routes
        ],
        "creationDate": seconds(alias.created_ms),
        "updateDate": seconds(alias.updated_ms),
    }
    if alias.description:
        answer["description"] = alias.description
    return answer


async def list_state_machine_aliases(context: Context, request: Request) -> dict[str, Any]:
    """List the aliases of a state machine, or those that route to a version, in the order of their creation."""
    arn = request.arn("stateMachineArn", "stateMachine", "version", "alias")
    if arn.label:
        raise errors.labelled_machine_arn()
    if arn.kind == "alias":
        raise errors.state_machine_does_not_exist(str(arn))
    machine = await find_active_machine(context, request, arn)
    number = int(arn.qualifier) if arn.kind == "version" else None
    if number is not None and await context.store.version(machine.id, number) is None:
        raise errors.resource_not_found()
    page = context.page_tokens.paging(request, context.clock.now_ms())
    after = None if page.after is None else (page.after[0], page.after[1])
    aliases = await context.store.list_aliases(machine.id, after, page.limit, number)

    def shown(alias: Alias) -> dict[str, Any]:
        return {"stateMachineAliasArn": f"{arn.machine}:{alias.name}", "creationDate": seconds(alias.created_ms)}

    return page.answer("stateMachineAliases", aliases, shown, lambda alias: (alias.created_ms, alias.name))


async def delete_state_machine_alias(context: Context, request: Request) -> dict[str, Any]:
    """Delete an alias; one that is gone is deleted already."""
    arn = _alias_arn(request)
    machine = None
    if request.owns(arn):
        machine = await context.store.machine_by_name(arn.account, arn.region, arn.name)
    if machine is not None and await context.store.delete_alias(machine.id, arn.qualifier):
        context.targets.forget(machine.id)
    return {}
