"""What happens when a call comes again, the same or with something changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.api.conftest import NAP, PASS, ROLE
from tests.e2e.api.refusal import refused


@pytest.mark.parametrize(
    "given",
    [
        {"loggingConfiguration": {}},
        {"loggingConfiguration": {"level": "OFF", "includeExecutionData": False}},
        {"loggingConfiguration": {"destinations": []}},
        {"tracingConfiguration": {"enabled": False}},
        {"tracingConfiguration": {}},
        {"definition": PASS, "encryptionConfiguration": {"type": "AWS_OWNED_KEY"}},
    ],
)
def test_an_update_to_what_is_the_default_already_makes_no_revision(
    sfn: Any, machine: Callable[..., str], given: dict[str, Any]
) -> None:
    arn = machine()
    assert "revisionId" not in sfn.update_state_machine(stateMachineArn=arn, **given)
    assert "revisionId" not in sfn.describe_state_machine(stateMachineArn=arn)


def test_an_update_that_switches_something_off_again_makes_a_revision(sfn: Any, machine: Callable[..., str]) -> None:
    arn = machine(tracingConfiguration={"enabled": True})
    changed = sfn.update_state_machine(stateMachineArn=arn, tracingConfiguration={"enabled": False})
    assert changed["revisionId"]
    again = sfn.update_state_machine(stateMachineArn=arn, tracingConfiguration={})
    assert again["revisionId"] == changed["revisionId"]


def test_a_create_that_publishes_is_repeated_only_by_one_that_publishes_the_same(sfn: Any) -> None:
    same = {"name": "published", "definition": PASS, "roleArn": ROLE, "publish": True, "versionDescription": "first"}
    first = sfn.create_state_machine(**same)
    assert first["stateMachineVersionArn"] == first["stateMachineArn"] + ":1"
    again = sfn.create_state_machine(**same)
    del first["ResponseMetadata"], again["ResponseMetadata"]
    assert again == first
    exists = ("StateMachineAlreadyExists", f"State Machine Already Exists: '{first['stateMachineArn']}'")
    assert refused(sfn.create_state_machine, **same | {"versionDescription": "other"}) == exists
    assert refused(sfn.create_state_machine, name="published", definition=PASS, roleArn=ROLE) == exists
    versions = sfn.list_state_machine_versions(stateMachineArn=first["stateMachineArn"])["stateMachineVersions"]
    assert len(versions) == 1


def test_a_create_that_did_not_publish_is_no_repetition_of_one_that_does(sfn: Any, machine: Callable[..., str]) -> None:
    arn = machine(name="unpublished")
    exists = ("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'")
    assert refused(sfn.create_state_machine, name="unpublished", definition=PASS, roleArn=ROLE, publish=True) == exists
    sfn.publish_state_machine_version(stateMachineArn=arn)
    repeated = sfn.create_state_machine(name="unpublished", definition=PASS, roleArn=ROLE)
    assert repeated["stateMachineArn"] == arn


def test_an_alias_updated_to_what_it_is_keeps_the_date_of_its_change(sfn: Any, machine: Callable[..., str]) -> None:
    arn = machine(publish=True)
    to_first = [{"stateMachineVersionArn": f"{arn}:1", "weight": 100}]
    alias = sfn.create_state_machine_alias(name="live", description="d", routingConfiguration=to_first)
    alias_arn = alias["stateMachineAliasArn"]
    same = {"stateMachineAliasArn": alias_arn, "description": "d", "routingConfiguration": to_first}
    assert sfn.update_state_machine_alias(**same)["updateDate"] == alias["creationDate"]
    assert (
        sfn.update_state_machine_alias(stateMachineAliasArn=alias_arn, description="d")["updateDate"]
        == (alias["creationDate"])
    )
    changed = sfn.update_state_machine_alias(stateMachineAliasArn=alias_arn, description="e")["updateDate"]
    assert changed > alias["creationDate"]
    described = sfn.describe_state_machine_alias(stateMachineAliasArn=alias_arn)
    assert (described["updateDate"], described["description"]) == (changed, "e")


def test_of_an_execution_name_and_input_are_compared_while_it_runs(sfn: Any, machine: Callable[..., str]) -> None:
    arn = machine(NAP)
    first = sfn.start_execution(stateMachineArn=arn, name="one", input=json.dumps({"a": 1}))
    again = sfn.start_execution(stateMachineArn=arn, name="one", input=json.dumps({"a": 1}), traceHeader="Root=1")
    assert (again["executionArn"], again["startDate"]) == (first["executionArn"], first["startDate"])
    exists = ("ExecutionAlreadyExists", f"Execution Already Exists: '{first['executionArn']}'")
    assert refused(sfn.start_execution, stateMachineArn=arn, name="one") == exists
    sfn.stop_execution(executionArn=first["executionArn"])
    assert refused(sfn.start_execution, stateMachineArn=arn, name="one", input=json.dumps({"a": 1})) == exists
