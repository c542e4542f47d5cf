"""Create, Update, Describe, List and DeleteStateMachine, and DescribeStateMachineForExecution."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from engine.arn import Arn, is_name
from engine.asl.model import MachineType
from engine.payload import encode_json
from services.api import configuration, errors
from services.api.context import Context
from services.api.definitions import check_definition, processor_of
from services.api.operations.found import find_active_machine, find_execution, find_machine
from services.api.operations.versions import check_room, publish
from services.api.request import Request
from services.api.shapes import revision_members, seconds
from services.broker.messages import pack
from services.store.records import Revision, StateMachine, Version

UPDATE_TRIES: Final = 20
_UPDATED: Final = ("definition", "roleArn", "loggingConfiguration", "tracingConfiguration")
_HIDDEN_DEFINITION: Final = "{}"


async def create_state_machine(context: Context, request: Request) -> dict[str, Any]:
    """Create a state machine; the same call again answers the same machine."""
    body = request.body
    name = body["name"]
    if not is_name(name):
        raise errors.invalid_name(name)
    _check_version_description(body)
    arn = f"{request.arn_prefix}:stateMachine:{name}"
    machine_type: MachineType = "EXPRESS" if body.get("type") == "EXPRESS" else "STANDARD"
    tags = configuration.read_tags(body.get("tags"), arn)
    now_ms = context.clock.now_ms()
    revision = Revision(
        id=context.ids.uuid(),
        machine_id=context.ids.uuid(),
        number=0,
        definition=body["definition"],
        role_arn=body["roleArn"],
        created_ms=now_ms,
        logging=await configuration.read_logging(context, name, body["roleArn"], body.get("loggingConfiguration")),
        tracing=configuration.read_tracing(body.get("tracingConfiguration")),
        encryption=configuration.read_encryption(context, request, body.get("encryptionConfiguration")),
    )
    configuration.check_role(revision.role_arn)
    await check_definition(revision.definition, machine_type)
    machine = StateMachine(
        id=revision.machine_id,
        account=request.account,
        region=request.region,
        name=name,
        type=machine_type,
        status="ACTIVE",
        created_ms=now_ms,
        revision=revision,
    )
    await context.quotas.check_machines(request.account, request.region, name)
    published = body.get("versionDescription", "") if body.get("publish") else None
    existing = await context.store.create_machine(machine, tags, published)
    number = 1
    if existing is not None:
        _check_same(existing, machine, arn)
        number = await _check_same_version(context, existing, published, arn)
        machine = existing
    answer = {"stateMachineArn": arn, "creationDate": seconds(machine.created_ms)}
    if published is not None:
        answer["stateMachineVersionArn"] = f"{arn}:{number}"
    return answer


def _check_version_description(body: dict[str, Any]) -> None:
    if body.get("versionDescription") is not None and not body.get("publish"):
        raise errors.validation("Version description can only be set when publish is true")


def _check_same(existing: StateMachine, wanted: StateMachine, arn: str) -> None:
    """A repeated create must ask for what is there; role and tags are not compared."""
    if existing.status != "ACTIVE":
        raise errors.state_machine_deleting(arn)
    there, new = existing.revision, wanted.revision
    same = (
        existing.type == wanted.type
        and there.definition == new.definition
        and configuration.same_logging(there.logging, new.logging)
        and configuration.same_tracing(there.tracing, new.tracing)
        and there.encryption == new.encryption
    )
    if not same:
        raise errors.state_machine_already_exists(arn)


async def _check_same_version(context: Context, machine: StateMachine, published: str | None, arn: str) -> int:
    """A repeated create must also publish what the first one did; the number of that version, 0 for none.

    The version that a create publishes has the date of the state machine: it is written with it.
    """
    newest = await context.store.list_versions(machine.id, None, 1)
    version = newest[0] if newest and newest[0].revision_id == machine.revision.id else None
    if published is None:
        same = version is None or version.created_ms != machine.created_ms
    else:
        same = version is not None and version.description == published
    if not same:
        raise errors.state_machine_already_exists(arn)
    return 0 if version is None else version.number


async def update_state_machine(context: Context, request: Request) -> dict[str, Any]:
    """Change a state machine: a real change makes a new revision, equal values keep the one there is."""
    body = request.body
    arn = request.arn("stateMachineArn", "stateMachine", "version", "alias")
    if arn.kind != "stateMachine":
        raise errors.state_machine_does_not_exist(str(arn))
    if arn.label:
        raise errors.labelled_machine_arn()
    encryption_alone = body.get("encryptionConfiguration") is not None and body.get("definition") is None
    if encryption_alone or all(body.get(member) is None for member in _UPDATED):
        raise errors.missing_required_parameter()
    _check_version_description(body)
    machine = await _write_update(context, request, arn)
    context.targets.forget(machine.id)
    answer: dict[str, Any] = {"updateDate": seconds(context.clock.now_ms())}
    if machine.revision.number:
        answer["revisionId"] = str(machine.revision.id)
    if body.get("publish"):
        version = await publish(context, machine, body.get("versionDescription"))
        answer["stateMachineVersionArn"] = f"{arn}:{version.number}"
    return answer


async def _write_update(context: Context, request: Request, arn: Arn) -> StateMachine:
    """Write the new revision, again if somebody else's came in between."""
    checked: str | None = None
    for _ in range(UPDATE_TRIES):
        machine = await find_active_machine(context, request, arn)
        revision = await _updated(context, request, machine)
        if checked != revision.definition and revision.definition != machine.revision.definition:
            await check_definition(revision.definition, "EXPRESS" if machine.type == "EXPRESS" else "STANDARD")
            checked = revision.definition
        if revision == replace(
            machine.revision, id=revision.id, number=revision.number, created_ms=revision.created_ms
        ):
            return machine
        if request.body.get("publish"):
            await check_room(context, revision)  # what is refused changes nothing
        if await context.store.update_machine(revision):
            return replace(machine, revision=revision)
    raise errors.conflict("The state machine is being updated by others; please try again.")


async def _updated(context: Context, request: Request, machine: StateMachine) -> Revision:
    body, old = request.body, machine.revision
    if body.get("roleArn") is not None:
        configuration.check_role(body["roleArn"])
    definition, role = body.get("definition"), body.get("roleArn")
    logging = await configuration.read_logging(
        context, machine.name, old.role_arn if role is None else role, body.get("loggingConfiguration")
    )
    if logging is None or configuration.same_logging(old.logging, logging):
        logging = old.logging  # what is the default already is not changed by being said
    tracing = configuration.read_tracing(body.get("tracingConfiguration"))
    if tracing is None or configuration.same_tracing(old.tracing, tracing):
        tracing = old.tracing
    encryption = old.encryption
    if body.get("encryptionConfiguration") is not None:
        encryption = configuration.read_encryption(context, request, body["encryptionConfiguration"])
    return Revision(
        id=context.ids.uuid(),
        machine_id=machine.id,
        number=old.number + 1,
        definition=old.definition if definition is None else definition,
        role_arn=old.role_arn if role is None else role,
        created_ms=context.clock.now_ms(),
        logging=logging,
        tracing=tracing,
        encryption=encryption,
    )


async def describe_state_machine(context: Context, request: Request) -> dict[str, Any]:
    """Describe a state machine, a version of it, or the processor of its labelled distributed Map."""
    arn = request.arn("stateMachineArn", "stateMachine", "version", "alias")
    if arn.kind == "alias":
        raise errors.state_machine_does_not_exist(str(arn))
    machine = await find_machine(context, request, arn)
    version = None
    revision, created_ms = machine.revision, machine.created_ms
    if arn.kind == "version":
        version = await _version(context, machine, arn)
        revision, created_ms = await context.store.revision(version.revision_id), version.created_ms
    answer: dict[str, Any] = {
        "stateMachineArn": str(arn),
        "name": machine.name,
        "status": machine.status,
        "definition": revision.definition,
        "type": machine.type,
        "creationDate": seconds(created_ms),
        **revision_members(revision, await context.variable_references.of(revision, machine.type)),
    }
    if version is not None and version.description:
        answer["description"] = version.description
    if arn.label:
        return answer | _labelled(revision, arn)
    return _without_definition(answer, request)


async def _version(context: Context, machine: StateMachine, arn: Arn) -> Version:
    version = await context.store.version(machine.id, int(arn.qualifier))
    if version is None:
        raise errors.state_machine_does_not_exist(str(arn))
    return version


def _labelled(revision: Revision, arn: Arn) -> dict[str, Any]:
    """What is the Map's own; METADATA_ONLY does not hide it."""
    processor = processor_of(revision.definition, arn.label, str(arn.machine))
    if processor is None:
        raise errors.state_machine_does_not_exist(str(arn))
    return {"label": arn.label, "definition": encode_json(processor).decode()}


def _without_definition(answer: dict[str, Any], request: Request) -> dict[str, Any]:
    if request.body.get("includedData") == "METADATA_ONLY":
        answer["definition"] = _HIDDEN_DEFINITION
    return answer


async def describe_state_machine_for_execution(context: Context, request: Request) -> dict[str, Any]:
    """Describe the revision that an execution is pinned to; of a map run's child, the Map that it belongs to."""
    arn = request.arn("executionArn", "execution", "express")
    if arn.kind == "express" and not arn.label:
        arn = request.arn("executionArn", "execution")
    row = await find_execution(context, request, arn)
    revision = await context.store.revision(row.revision_id)
    answer: dict[str, Any] = {
        "stateMachineArn": str(arn.machine),
        "name": arn.name,
        "definition": revision.definition,
        "updateDate": seconds(revision.created_ms),
        **revision_members(revision, await context.variable_references.of(revision, "STANDARD")),
    }
    if row.map_child is not None:
        answer |= {"stateMachineArn": f"{arn.machine}/{arn.label}", "mapRunArn": row.map_child.run_arn}
        return answer | _labelled(revision, arn)
    return _without_definition(answer, request)


async def list_state_machines(context: Context, request: Request) -> dict[str, Any]:
    """List the caller's state machines that are not in deletion."""
    page = context.page_tokens.paging(request, context.clock.now_ms())
    machines = await context.store.list_machines(request.account, request.region, page.after, page.limit)

    def shown(machine: StateMachine) -> dict[str, Any]:
        return {
            "stateMachineArn": f"{request.arn_prefix}:stateMachine:{machine.name}",
            "name": machine.name,
            "type": machine.type,
            "creationDate": seconds(machine.created_ms),
        }

    return page.answer("stateMachines", machines, shown, lambda machine: machine.name)


async def delete_state_machine(context: Context, request: Request) -> dict[str, Any]:
    """Begin the deletion: no new executions, and running ones end at their next transition."""
    arn = request.arn("stateMachineArn", "stateMachine", "version", "alias")
    if arn.kind != "stateMachine":
        raise errors.validation("The ARN of a version or an alias cannot be deleted by DeleteStateMachine.")
    if arn.label:
        raise errors.labelled_machine_arn()
    machine = None
    if request.owns(arn):
        machine = await context.store.machine_by_name(arn.account, arn.region, arn.name)
    if machine is not None and await context.store.delete_machine(machine.id, context.clock.now_ms()):
        context.targets.forget(machine.id)
        await context.commands.tell_everybody("machine-deleted", pack(machine.id.bytes))
    return {}
