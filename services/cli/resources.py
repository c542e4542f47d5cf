"""State machines, activities, versions and aliases made as wanted: created, or changed where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from services.cli.client import Client
from services.cli.errors import CommandError, ServerError

DEFAULT_ACCOUNT: Final = "000000000000"
_UNCHANGED: Final = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSpec:
    """A state machine as it shall be; configurations are in the API's shape, None leaves what is there."""

    name: str
    definition: str
    role_arn: str
    type: str = "STANDARD"
    logging: dict[str, Any] | None = None
    tracing: dict[str, Any] | None = None
    encryption: dict[str, Any] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it: `created`, `updated` or `unchanged`, and the ARN."""

    verb: str
    arn: str


def account_of(client: Client) -> str:
    """The account that the server puts into ARNs for this caller, as far as one can tell without making anything."""
    key = client.target.access_key
    if len(key) == 12 and key.isascii() and key.isdigit():
        return key
    for operation, member, arn in (
        ("ListStateMachines", "stateMachines", "stateMachineArn"),
        ("ListActivities", "activities", "activityArn"),
    ):
        for item in client.call(operation, maxResults=1)[member]:
            return str(item[arn]).split(":")[4]
    return DEFAULT_ACCOUNT


def put_machine(client: Client, arn: str, spec: MachineSpec) -> Done:
    """Create a state machine, or change the one at `arn` where it differs. Tags are added, none removed.

    Raises:
        CommandError: it exists with another type, or the server puts it elsewhere.
    """
    there = _described(client, "DescribeStateMachine", "StateMachineDoesNotExist", stateMachineArn=arn)
    if there is None:
        return _create_machine(client, arn, spec)
    if there["type"] != spec.type:
        raise CommandError(f"{arn} is {there['type']} and a type cannot change to {spec.type}: delete it first")
    wanted = {
        "definition": spec.definition,
        "roleArn": spec.role_arn,
        "loggingConfiguration": spec.logging,
        "tracingConfiguration": spec.tracing,
        "encryptionConfiguration": spec.encryption,
    }
    changed = {name: value for name, value in wanted.items() if value is not None and there.get(name) != value}
    if changed:
        if "encryptionConfiguration" in changed:  # AWS takes it only beside a definition
            changed["definition"] = spec.definition
        client.call("UpdateStateMachine", stateMachineArn=arn, **changed)
    tagged = _tag(client, arn, spec.tags)
    return Done("updated" if changed or tagged else _UNCHANGED, arn)


def _create_machine(client: Client, arn: str, spec: MachineSpec) -> Done:
    answer = client.call(
        "CreateStateMachine",
        name=spec.name,
        definition=spec.definition,
        roleArn=spec.role_arn,
        type=spec.type,
        loggingConfiguration=spec.logging,
        tracingConfiguration=spec.tracing,
        encryptionConfiguration=spec.encryption,
        tags=_tag_list(spec.tags) or None,
    )
    if answer["stateMachineArn"] != arn:
        account = str(answer["stateMachineArn"]).split(":")[4]
        raise CommandError(
            f"the server's account is {account}, not {arn.split(':')[4]} as references in the template assume: "
            "deploy again, now it is known"
        )
    return Done("created", arn)


def put_activity(client: Client, arn: str, name: str, tags: Mapping[str, str]) -> Done:
    """Create an activity, or tag the one that is there."""
    there = _described(client, "DescribeActivity", "ActivityDoesNotExist", activityArn=arn)
    if there is None:
        answer = client.call("CreateActivity", name=name, tags=_tag_list(tags) or None)
        return Done("created", str(answer["activityArn"]))
    return Done("updated" if _tag(client, arn, tags) else _UNCHANGED, arn)


def publish(client: Client, machine_arn: str, description: str | None, revision_id: str | None = None) -> Done:
    """Publish the current revision; one that is published already keeps its version."""
    before = {
        it["stateMachineVersionArn"]
        for it in client.pages("ListStateMachineVersions", "stateMachineVersions", stateMachineArn=machine_arn)
    }
    answer = client.call(
        "PublishStateMachineVersion", stateMachineArn=machine_arn, description=description, revisionId=revision_id
    )
    arn = str(answer["stateMachineVersionArn"])
    return Done(_UNCHANGED if arn in before else "created", arn)


def put_alias(
    client: Client, machine_arn: str, name: str, routes: list[tuple[str, int]], description: str | None
) -> Done:
    """Create an alias that routes to these versions with these weights, or change it."""
    arn = f"{machine_arn}:{name}"
    routing = [{"stateMachineVersionArn": version, "weight": weight} for version, weight in routes]
    there = _described(client, "DescribeStateMachineAlias", "ResourceNotFound", stateMachineAliasArn=arn)
    if there is None:
        client.call("CreateStateMachineAlias", name=name, description=description, routingConfiguration=routing)
        return Done("created", arn)
    same = there["routingConfiguration"] == routing and (description or "") == there.get("description", "")
    if same:
        return Done(_UNCHANGED, arn)
    client.call(
        "UpdateStateMachineAlias", stateMachineAliasArn=arn, description=description, routingConfiguration=routing
    )
    return Done("updated", arn)


def revision_id_of(client: Client, machine_arn: str) -> str:
    """The id of the current revision; that of a state machine which was never updated is `INITIAL`."""
    return str(client.call("DescribeStateMachine", stateMachineArn=machine_arn).get("revisionId", "INITIAL"))


def _described(client: Client, operation: str, absent: str, **arn: str) -> dict[str, Any] | None:
    try:
        return client.call(operation, **arn)
    except ServerError as error:
        if error.code != absent:
            raise
        return None


def _tag(client: Client, arn: str, tags: Mapping[str, str]) -> bool:
    if not tags:
        return False
    there = {tag["key"]: tag["value"] for tag in client.call("ListTagsForResource", resourceArn=arn)["tags"]}
    new = {key: value for key, value in tags.items() if there.get(key) != value}
    if new:
        client.call("TagResource", resourceArn=arn, tags=_tag_list(new))
    return bool(new)


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in sorted(tags.items())]
