"""TagResource, UntagResource, ListTagsForResource: of state machines and activities."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.api import configuration, errors
from services.api.context import Context
from services.api.request import Request


async def tag_resource(context: Context, request: Request) -> dict[str, Any]:
    """Add tags, or replace the values of those that are there."""
    resource = await _resource(context, request)
    arn = request.body["resourceArn"]
    tags = configuration.read_tags(request.body["tags"], arn)
    if tags and not await context.store.put_tags(resource, tags, configuration.TAGS_MAX):
        raise errors.too_many_tags(arn)
    return {}


async def untag_resource(context: Context, request: Request) -> dict[str, Any]:
    """Remove tags; unknown keys are ignored."""
    resource = await _resource(context, request)
    await context.store.remove_tags(resource, request.body["tagKeys"])
    return {}


async def list_tags_for_resource(context: Context, request: Request) -> dict[str, Any]:
    """List the tags by key."""
    tags = await context.store.tags(await _resource(context, request))
    return {"tags": [{"key": key, "value": value} for key, value in sorted(tags.items())]}


async def _resource(context: Context, request: Request) -> UUID:
    arn = request.arn("resourceArn")
    found: UUID | None = None
    if request.owns(arn) and not arn.label:
        if arn.kind == "stateMachine":
            machine = await context.store.machine_by_name(arn.account, arn.region, arn.name)
            found = machine.id if machine is not None else None
        elif arn.kind == "activity":
            activity = await context.store.activity_by_name(arn.account, arn.region, arn.name)
            found = activity.id if activity is not None else None
    if found is None:
        raise errors.resource_not_found(str(arn))
    return found
