"""AWS's limits on what a state machine may have, made small enough to be reached."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.api.conftest import ROLE
from tests.e2e.api.refusal import refused


def test_a_state_machine_has_so_many_versions(
    sfn: Any, machine: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.api.operations.versions.VERSIONS_MAX", 2)
    arn = machine(publish=True)
    second = sfn.update_state_machine(stateMachineArn=arn, roleArn=f"{ROLE}-2", publish=True)
    full = ("ServiceQuotaExceededException", "The maximum number of 2 state machine versions has been reached.")
    assert refused(sfn.update_state_machine, stateMachineArn=arn, roleArn=f"{ROLE}-3", publish=True) == full
    assert sfn.describe_state_machine(stateMachineArn=arn)["revisionId"] == second["revisionId"]
    again = sfn.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"]
    assert again == second["stateMachineVersionArn"]

    sfn.update_state_machine(stateMachineArn=arn, roleArn=f"{ROLE}-3")
    assert refused(sfn.publish_state_machine_version, stateMachineArn=arn) == full
    sfn.delete_state_machine_version(stateMachineVersionArn=f"{arn}:1")
    third = sfn.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"]
    assert third == f"{arn}:3"


def test_a_state_machine_has_so_many_aliases(
    sfn: Any, machine: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.api.operations.aliases.ALIASES_MAX", 2)
    arn = machine(publish=True)
    to_first = [{"stateMachineVersionArn": f"{arn}:1", "weight": 100}]
    for name in ("a", "b", "a"):
        sfn.create_state_machine_alias(name=name, routingConfiguration=to_first)
    full = ("ServiceQuotaExceededException", "The maximum number of 2 state machine aliases has been reached.")
    assert refused(sfn.create_state_machine_alias, name="c", routingConfiguration=to_first) == full
    sfn.delete_state_machine_alias(stateMachineAliasArn=f"{arn}:a")
    sfn.create_state_machine_alias(name="c", routingConfiguration=to_first)


def test_a_resource_has_fifty_tags(sfn: Any, machine: Callable[..., str]) -> None:
    arn = machine(tags=[{"key": f"k{number}", "value": ""} for number in range(50)])
    full = ("TooManyTags", f"Too many tags: '{arn}'")
    assert refused(sfn.tag_resource, resourceArn=arn, tags=[{"key": "one", "value": "more"}]) == full
    sfn.tag_resource(resourceArn=arn, tags=[{"key": "k0", "value": "other"}])
    assert {"key": "k0", "value": "other"} in sfn.list_tags_for_resource(resourceArn=arn)["tags"]
