"""PublishStateMachineVersion, ListStateMachineVersions, DeleteStateMachineVersion."""

from __future__ import annotations

from typing import Any, Final

from services.api import errors
from services.api.context import Context
from services.api.operations.found import find_active_machine
from services.api.request import Request
from services.api.shapes import seconds
from services.store.records import Revision, StateMachine, Version

VERSIONS_MAX: Final = 1_000
INITIAL: Final = "INITIAL"


async def publish_state_machine_version(context: Context, request: Request) -> dict[str, Any]:
    """Publish the current revision; publishing it again answers the version that it has."""
    arn = request.arn("stateMachineArn", "stateMachine", "version", "alias")
    if arn.label:
        raise errors.labelled_machine_arn()
    if arn.kind != "stateMachine":
        raise errors.state_machine_does_not_exist(str(arn))
    machine = await find_active_machine(context, request, arn)
    wanted = request.body.get("revisionId")
    current = str(machine.revision.id) if machine.revision.number else INITIAL
    if wanted is not None and wanted != current:
        raise errors.stale_revision(wanted, current)
    version = await publish(context, machine, request.body.get("description"))
    return {"stateMachineVersionArn": f"{arn}:{version.number}", "creationDate": seconds(version.created_ms)}


async def publish(context: Context, machine: StateMachine, description: str | None) -> Version:
    """Publish a revision that was the current one a moment ago.

    Raises:
        ApiError: ConflictException, it no longer is; ServiceQuotaExceededException.
    """
    await check_room(context, machine.revision)
    version = await context.store.publish_version(
        machine.id, machine.revision.id, description or "", context.clock.now_ms()
    )
    if version is None:
        now = await context.store.machine_by_id(machine.id)
        current = str(now.revision.id) if now is not None else INITIAL
        raise errors.stale_revision(str(machine.revision.id), current)
    return version


async def check_room(context: Context, revision: Revision) -> None:
    """Refuse a version too many; a revision that is published already needs no room.

    Raises:
        ApiError: ServiceQuotaExceededException.
    """
    newest = await context.store.list_versions(revision.machine_id, None, 1)
    if not newest or newest[0].number < VERSIONS_MAX or newest[0].revision_id == revision.id:
        return
    versions = await context.store.list_versions(revision.machine_id, None, VERSIONS_MAX)
    if len(versions) >= VERSIONS_MAX:
        raise errors.quota_exceeded(f"The maximum number of {VERSIONS_MAX} state machine versions has been reached.")


async def list_state_machine_versions(context: Context, request: Request) -> dict[str, Any]:
    """List the versions of a state machine, newest first; one that does not exist has none."""
    arn = request.arn("stateMachineArn", "stateMachine", "version", "alias")
    if arn.label:
        raise errors.labelled_machine_arn()
    page = context.page_tokens.paging(request, context.clock.now_ms())
    machine = None
    if request.owns(arn) and arn.kind == "stateMachine":
        machine = await context.store.machine_by_name(arn.account, arn.region, arn.name)
    versions = [] if machine is None else await context.store.list_versions(machine.id, page.after, page.limit)

    def shown(version: Version) -> dict[str, Any]:
        return {"stateMachineVersionArn": f"{arn}:{version.number}", "creationDate": seconds(version.created_ms)}

    return page.answer("stateMachineVersions", versions, shown, lambda version: version.number)


async def delete_state_machine_version(context: Context, request: Request) -> dict[str, Any]:
    """Delete a version that no alias routes to; one that is gone is deleted already."""
    arn = request.arn("stateMachineVersionArn", "version", "alias", "stateMachine")
    if arn.kind != "version":
        raise errors.validation(f"The ARN does not name a version: {arn}")
    machine = None
    if request.owns(arn):
        machine = await context.store.machine_by_name(arn.account, arn.region, arn.name)
    if machine is not None:
        aliases = await context.store.delete_version(machine.id, int(arn.qualifier))
        if aliases:
            raise errors.version_in_use(aliases)
        context.targets.forget(machine.id)
    return {}
