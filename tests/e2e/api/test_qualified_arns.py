"""ARNs of versions, aliases and labelled Maps where a call is about a whole state machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.api.conftest import PASS
from tests.e2e.api.refusal import refused

NO_LABELS = ("ValidationException", "Labeled State Machine ARNs are not supported for this API")


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("update_state_machine", {"definition": PASS}),
        ("delete_state_machine", {}),
        ("start_execution", {}),
        ("list_executions", {}),
        ("publish_state_machine_version", {}),
        ("list_state_machine_versions", {}),
        ("list_state_machine_aliases", {}),
    ],
)
def test_the_arn_of_a_labelled_map_is_refused(
    sfn: Any, machine: Callable[..., str], operation: str, more: dict[str, Any]
) -> None:
    arn = machine()
    assert refused(getattr(sfn, operation), stateMachineArn=f"{arn}/items", **more) == NO_LABELS
    assert sfn.describe_state_machine(stateMachineArn=arn)["status"] == "ACTIVE"


@pytest.mark.parametrize("qualifier", ["1", "live"])
def test_what_changes_a_state_machine_knows_none_of_a_version_s_or_alias_s_name(
    sfn: Any, machine: Callable[..., str], qualifier: str
) -> None:
    arn = machine(publish=True)
    sfn.create_state_machine_alias(
        name="live", routingConfiguration=[{"stateMachineVersionArn": f"{arn}:1", "weight": 100}]
    )
    qualified = f"{arn}:{qualifier}"
    unknown = ("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{qualified}'")
    assert refused(sfn.update_state_machine, stateMachineArn=qualified, definition=PASS) == unknown
    assert refused(sfn.publish_state_machine_version, stateMachineArn=qualified) == unknown
    assert sfn.list_state_machine_versions(stateMachineArn=qualified)["stateMachineVersions"] == []


def test_the_aliases_of_a_version_are_listed_and_those_of_an_alias_or_an_unknown_version_are_not(
    sfn: Any, machine: Callable[..., str]
) -> None:
    arn = machine(publish=True)
    to_first = [{"stateMachineVersionArn": f"{arn}:1", "weight": 100}]
    alias = sfn.create_state_machine_alias(name="live", routingConfiguration=to_first)["stateMachineAliasArn"]
    found = sfn.list_state_machine_aliases(stateMachineArn=f"{arn}:1")["stateMachineAliases"]
    assert [item["stateMachineAliasArn"] for item in found] == [alias]
    no_version = ("ResourceNotFound", "Request references a resource that does not exist.")
    assert refused(sfn.list_state_machine_aliases, stateMachineArn=f"{arn}:9") == no_version
    no_machine = ("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{alias}'")
    assert refused(sfn.list_state_machine_aliases, stateMachineArn=alias) == no_machine


def test_a_state_machine_in_deletion_has_no_aliases_to_list(sfn: Any, machine: Callable[..., str]) -> None:
    arn = machine()
    sfn.delete_state_machine(stateMachineArn=arn)
    deleting = ("StateMachineDeleting", f"State Machine is being deleted: '{arn}'")
    assert refused(sfn.list_state_machine_aliases, stateMachineArn=arn) == deleting
