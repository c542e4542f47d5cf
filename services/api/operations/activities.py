"""CreateActivity, DescribeActivity, ListActivities, DeleteActivity, GetActivityTask."""

from __future__ import annotations

import asyncio
from typing import Any

from engine.arn import is_name
from services.api import configuration, errors
from services.api.context import Context
from services.api.operations.found import find_activity
from services.api.pollers import give_up
from services.api.request import Request
from services.api.shapes import DEFAULT_ENCRYPTION, seconds
from services.store.records import Activity


async def create_activity(context: Context, request: Request) -> dict[str, Any]:
    """Create an activity; one of that name with the same encryption is answered as it is."""
    body = request.body
    name = body["name"]
    if not is_name(name):
        raise errors.invalid_name(name)
    arn = f"{request.arn_prefix}:activity:{name}"
    tags = configuration.read_tags(body.get("tags"), arn)
    activity = Activity(
        id=context.ids.uuid(),
        account=request.account,
        region=request.region,
        name=name,
        created_ms=context.clock.now_ms(),
        encryption=configuration.read_encryption(context, request, body.get("encryptionConfiguration")),
    )
    await context.quotas.check_activities(request.account, request.region, name)
    existing = await context.store.create_activity(activity, tags)
    if existing is not None:
        if existing.encryption != activity.encryption:
            raise errors.activity_already_exists(arn)
        activity = existing
    return {"activityArn": arn, "creationDate": seconds(activity.created_ms)}


async def describe_activity(context: Context, request: Request) -> dict[str, Any]:
    """Describe an activity."""
    arn = request.arn("activityArn", "activity")
    activity = await find_activity(context, request, arn)
    return {
        "activityArn": str(arn),
        "name": activity.name,
        "creationDate": seconds(activity.created_ms),
        "encryptionConfiguration": activity.encryption or DEFAULT_ENCRYPTION,
    }


async def list_activities(context: Context, request: Request) -> dict[str, Any]:
    """List the caller's activities by name."""
    page = context.page_tokens.paging(request, context.clock.now_ms())
    rows = await context.store.list_activities(request.account, request.region, page.after, page.limit)

    def shown(row: Activity) -> dict[str, Any]:
        arn = f"{request.arn_prefix}:activity:{row.name}"
        return {"activityArn": arn, "name": row.name, "creationDate": seconds(row.created_ms)}

    return page.answer("activities", rows, shown, lambda row: row.name)


async def delete_activity(context: Context, request: Request) -> dict[str, Any]:
    """Delete an activity; one that is gone is deleted already."""
    arn = request.arn("activityArn", "activity")
    if request.owns(arn):
        activity = await context.store.activity_by_name(arn.account, arn.region, arn.name)
        if activity is not None:
            await context.store.delete_activity(activity.id)
            context.known_activities.forget(arn)
    return {}


async def get_activity_task(context: Context, request: Request) -> dict[str, Any]:
    """Wait for a task of the activity; an empty answer after a minute without one."""
    arn = request.arn("activityArn", "activity")
    await context.known_activities.check(request, arn)
    poll = context.pollers.poll(str(arn), request.body.get("workerName"), context.settings.poll_seconds)
    gone = asyncio.ensure_future(request.next_message()) if request.next_message is not None else None
    try:
        if gone is not None:
            gone.add_done_callback(lambda _: give_up(poll))  # nobody would hear the answer
        lease = await poll
    finally:
        if gone is not None:
            gone.cancel()
    if lease is None:
        return {}
    return {"taskToken": lease.task_token, "input": lease.input.decode("utf-8", "surrogatepass")}
