"""State machines, versions and aliases through boto3."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.api.conftest import NAP, PASS, ROLE, Server, ended
from tests.e2e.api.refusal import refused

OTHER_ROLE = "arn:aws:iam::000000000000:role/other"
LOG_GROUP = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/vendedlogs/states/x:*"
VARIABLES = json.dumps(
    {
        "StartAt": "Set",
        "States": {
            "Set": {"Type": "Pass", "Assign": {"greeting": "hi"}, "Next": "Use"},
            "Use": {"Type": "Pass", "Parameters": {"text.$": "$greeting"}, "End": True},
        },
    }
)


def members(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def test_a_repeated_create_answers_the_first_one_and_a_different_one_is_refused(sfn: Any) -> None:
    first = sfn.create_state_machine(name="m", definition=PASS, roleArn=ROLE)
    again = sfn.create_state_machine(
        name="m", definition=PASS, roleArn=OTHER_ROLE, tags=[{"key": "k", "value": "v"}], type="STANDARD"
    )
    assert members(again) == members(first)
    taken = ("StateMachineAlreadyExists", f"State Machine Already Exists: '{first['stateMachineArn']}'")
    assert refused(sfn.create_state_machine, name="m", definition=PASS + " ", roleArn=ROLE) == taken
    assert refused(sfn.create_state_machine, name="m", definition=PASS, roleArn=ROLE, type="EXPRESS") == taken
    assert sfn.list_tags_for_resource(resourceArn=first["stateMachineArn"])["tags"] == []


def test_a_description_shows_what_was_given_and_awss_defaults(sfn: Any, machine: Callable[..., str]) -> None:
    arn = machine(PASS)
    described = members(sfn.describe_state_machine(stateMachineArn=arn))
    created = described.pop("creationDate")
    assert created is not None
    assert described == {
        "stateMachineArn": arn,
        "name": arn.rpartition(":")[2],
        "status": "ACTIVE",
        "definition": PASS,
        "roleArn": ROLE,
        "type": "STANDARD",
        "loggingConfiguration": {"level": "OFF", "includeExecutionData": False},
        "tracingConfiguration": {"enabled": False},
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
    }
    assert sfn.describe_state_machine(stateMachineArn=arn, includedData="METADATA_ONLY")["definition"] == "{}"


def test_states_with_variables_are_named(sfn: Any, machine: Callable[..., str]) -> None:
    described = sfn.describe_state_machine(stateMachineArn=machine(VARIABLES))
    assert described["variableReferences"] == {"Use": ["greeting"]}


@pytest.mark.parametrize("character", list(' <>{}[]?*"#%\\^|~`$&,;:/\x00\x1f\x7f\x9f\ufffe\uffff'))
def test_characters_that_names_may_not_have(sfn: Any, character: str) -> None:
    name = f"a{character}b"
    wanted = ("InvalidName", f"Invalid Name: '{name}'")
    assert refused(sfn.create_state_machine, name=name, definition=PASS, roleArn=ROLE) == wanted
    assert refused(sfn.create_activity, name=name) == wanted


def test_names_may_be_of_any_language(sfn: Any) -> None:
    arn = sfn.create_state_machine(name="bestellung-ä-日本", definition=PASS, roleArn=ROLE)["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=arn, name="größe")["executionArn"]
    assert ended(sfn, execution)["name"] == "größe"


def test_a_wrong_definition_is_refused_with_its_first_fault(sfn: Any) -> None:
    assert refused(sfn.create_state_machine, name="m", definition='{"StartAt": "A"}', roleArn=ROLE) == (
        "InvalidDefinition",
        "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /'",
    )


def test_an_update_makes_a_revision_only_if_something_changes(sfn: Any, machine: Callable[..., str]) -> None:
    arn = machine(PASS)
    first = sfn.update_state_machine(stateMachineArn=arn, roleArn=OTHER_ROLE)
    again = sfn.update_state_machine(stateMachineArn=arn, roleArn=OTHER_ROLE, definition=PASS)
    assert again["revisionId"] == first["revisionId"]
    described = sfn.describe_state_machine(stateMachineArn=arn)
    assert (described["revisionId"], described["roleArn"]) == (first["revisionId"], OTHER_ROLE)
    third = sfn.update_state_machine(stateMachineArn=arn, tracingConfiguration={"enabled": True})
    assert third["revisionId"] != first["revisionId"]
    assert sfn.describe_state_machine(stateMachineArn=arn)["tracingConfiguration"] == {"enabled": True}


def test_an_update_of_nothing_or_of_a_version_is_refused(sfn: Any, machine: Callable[..., str]) -> None:
    arn = machine(PASS, publish=True)
    assert refused(sfn.update_state_machine, stateMachineArn=arn) == (
        "MissingRequiredParameter",
        "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified",
    )
    assert refused(sfn.update_state_machine, stateMachineArn=f"{arn}:1", roleArn=ROLE) == (
        "StateMachineDoesNotExist",
        f"State Machine Does Not Exist: '{arn}:1'",
    )


def test_executions_follow_an_update_at_once(sfn: Any, machine: Callable[..., str]) -> None:
    arn = machine(PASS)
    sfn.start_execution(stateMachineArn=arn)
    new = json.dumps({"StartAt": "New", "States": {"New": {"Type": "Pass", "Result": 7, "End": True}}})
    sfn.update_state_machine(stateMachineArn=arn, definition=new)
    assert ended(sfn, sfn.start_execution(stateMachineArn=arn)["executionArn"])["output"] == "7"


@pytest.mark.parametrize(
    ("logging", "message"),
    [
        pytest.param({"level": "ALL"}, "Must specify exactly one Log Destination.", id="none"),
        pytest.param(
            {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": LOG_GROUP}}] * 2},
            "Must specify exactly one Log Destination.",
            id="two",
        ),
        pytest.param(
            {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": "x"}}]},
            "Must set valid CloudWatch Log Group ARN.",
            id="no-arn",
        ),
        pytest.param(
            {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:s3:::bucket"}}]},
            "Provided ARN is not CloudWatch Logs Log Group ARN.",
            id="other-arn",
        ),
        pytest.param(
            {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": LOG_GROUP[:-2]}}]},
            "Log Group ARN must be provided with '*' qualifier.",
            id="no-star",
        ),
    ],
)
def test_logging_needs_exactly_one_log_group(sfn: Any, logging: dict[str, Any], message: str) -> None:
    answer = refused(sfn.create_state_machine, name="l", definition=PASS, roleArn=ROLE, loggingConfiguration=logging)
    assert answer == ("InvalidLoggingConfiguration", f"Invalid Logging Configuration: {message}")


def test_logging_is_shown_as_it_was_given(sfn: Any, machine: Callable[..., str]) -> None:
    destinations = [{"cloudWatchLogsLogGroup": {"logGroupArn": LOG_GROUP}}]
    arn = machine(PASS, loggingConfiguration={"level": "ERROR", "destinations": destinations})
    shown = sfn.describe_state_machine(stateMachineArn=arn)["loggingConfiguration"]
    assert shown == {"level": "ERROR", "includeExecutionData": False, "destinations": destinations}
    arn = machine(PASS, loggingConfiguration={"level": "OFF", "destinations": []})
    shown = sfn.describe_state_machine(stateMachineArn=arn)["loggingConfiguration"]
    assert shown == {"level": "OFF", "includeExecutionData": False, "destinations": []}


def test_encryption_is_checked_and_shown(sfn: Any, machine: Callable[..., str]) -> None:
    key = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "1234"}
    arn = machine(PASS, name="e", encryptionConfiguration=key)
    account = arn.split(":")[4]
    shown = sfn.describe_state_machine(stateMachineArn=arn)["encryptionConfiguration"]
    assert shown == {
        "type": "CUSTOMER_MANAGED_KMS_KEY",
        "kmsKeyId": f"arn:aws:kms:us-east-1:{account}:key/1234",
        "kmsDataKeyReusePeriodSeconds": 300,
    }
    same = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": shown["kmsKeyId"], "kmsDataKeyReusePeriodSeconds": 300}
    assert machine(PASS, name="e", encryptionConfiguration=same) == arn
    assert refused(machine, name="e")[0] == "StateMachineAlreadyExists"
    assert (
        refused(sfn.update_state_machine, stateMachineArn=arn, encryptionConfiguration=key)[0]
        == "MissingRequiredParameter"
    )
    assert refused(sfn.create_activity, name="a", encryptionConfiguration={"type": "CUSTOMER_MANAGED_KMS_KEY"}) == (
        "InvalidEncryptionConfiguration",
        "Invalid Encryption Configuration: Must set a valid kmsKeyId.",
    )


def test_state_machines_are_listed_in_pages_by_caller(server: Server, sfn: Any, machine: Callable[..., str]) -> None:
    arns = sorted(machine(PASS) for _ in range(5))
    pages = sfn.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 2})
    assert sorted(item["stateMachineArn"] for page in pages for item in page["stateMachines"]) == arns
    other = server.client(region="eu-central-1", key=arns[0].split(":")[4])
    assert other.list_state_machines()["stateMachines"] == []
    assert refused(other.describe_state_machine, stateMachineArn=arns[0])[0] == "StateMachineDoesNotExist"


def test_deleting_what_is_not_there_is_no_error(sfn: Any) -> None:
    sfn.delete_state_machine(stateMachineArn="arn:aws:states:us-east-1:000000000000:stateMachine:nobody")
    sfn.delete_activity(activityArn="arn:aws:states:us-east-1:000000000000:activity:nobody")


# --- versions ---------------------------------------------------------------------------------------------------------


def test_versions_are_published_listed_and_deleted(sfn: Any, machine: Callable[..., str]) -> None:
    arn = machine(PASS)
    assert sfn.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"] == f"{arn}:1"
    assert sfn.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"] == f"{arn}:1"
    updated = sfn.update_state_machine(stateMachineArn=arn, definition=NAP, publish=True, versionDescription="second")
    assert updated["stateMachineVersionArn"] == f"{arn}:2"
    described = sfn.describe_state_machine(stateMachineArn=f"{arn}:2")
    assert (described["stateMachineArn"], described["description"], described["definition"]) == (
        f"{arn}:2",
        "second",
        NAP,
    )
    listed = sfn.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]
    assert [item["stateMachineVersionArn"] for item in listed] == [f"{arn}:2", f"{arn}:1"]
    sfn.delete_state_machine_version(stateMachineVersionArn=f"{arn}:2")
    sfn.delete_state_machine_version(stateMachineVersionArn=f"{arn}:2")
    assert sfn.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"] == f"{arn}:3"
    assert refused(sfn.describe_state_machine, stateMachineArn=f"{arn}:2")[0] == "StateMachineDoesNotExist"


def test_a_version_is_published_of_the_current_revision_only(sfn: Any, machine: Callable[..., str]) -> None:
    arn = machine(PASS)
    publish = sfn.publish_state_machine_version
    assert publish(stateMachineArn=arn, revisionId="INITIAL")["stateMachineVersionArn"] == f"{arn}:1"
    current = sfn.update_state_machine(stateMachineArn=arn, definition=NAP)["revisionId"]
    assert refused(publish, stateMachineArn=arn, revisionId="INITIAL") == (
        "ConflictException",
        (
            "Failed to publish the State Machine version for revision INITIAL. "
            f"The current State Machine revision is {current}."
        ),
    )


def test_a_description_needs_a_version(sfn: Any) -> None:
    answer = refused(sfn.create_state_machine, name="v", definition=PASS, roleArn=ROLE, versionDescription="x")
    assert answer == ("ValidationException", "Version description can only be set when publish is true")


def test_an_execution_of_a_version_names_it(sfn: Any, machine: Callable[..., str]) -> None:
    arn = machine(PASS, publish=True)
    sfn.start_execution(stateMachineArn=arn)
    execution = sfn.start_execution(stateMachineArn=f"{arn}:1")["executionArn"]
    described = ended(sfn, execution)
    assert (described["stateMachineArn"], described["stateMachineVersionArn"]) == (arn, f"{arn}:1")
    assert "stateMachineAliasArn" not in described
    listed = sfn.list_executions(stateMachineArn=f"{arn}:1")["executions"]
    assert [item["executionArn"] for item in listed] == [execution]


# --- aliases ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def versions(sfn: Any, machine: Callable[..., str]) -> tuple[str, str]:
    """Two versions of one state machine."""
    arn = machine(PASS, publish=True)
    second = sfn.update_state_machine(stateMachineArn=arn, roleArn=OTHER_ROLE, publish=True)
    return f"{arn}:1", second["stateMachineVersionArn"]


def routes(*weights: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"stateMachineVersionArn": arn, "weight": weight} for arn, weight in weights]


def test_an_alias_routes_by_weight(sfn: Any, versions: tuple[str, str]) -> None:
    one, two = versions
    alias = sfn.create_state_machine_alias(name="live", routingConfiguration=routes((one, 30), (two, 70)))
    arn = alias["stateMachineAliasArn"]
    assert arn == f"{one[:-2]}:live"
    executions = [sfn.start_execution(stateMachineArn=arn)["executionArn"] for _ in range(120)]
    drawn = Counter(
        sfn.describe_execution(executionArn=execution)["stateMachineVersionArn"] for execution in executions
    )
    assert 10 < drawn[one] < 65
    assert drawn[one] + drawn[two] == 120
    listed = sfn.list_executions(stateMachineArn=arn)["executions"]
    assert len(listed) == 100
    assert {item["stateMachineAliasArn"] for item in listed} == {arn}
    started = sfn.get_execution_history(executionArn=executions[0])["events"][0]["executionStartedEventDetails"]
    assert started["stateMachineAliasArn"] == arn


def test_a_moved_alias_is_followed_at_once(sfn: Any, versions: tuple[str, str]) -> None:
    one, two = versions
    arn = sfn.create_state_machine_alias(name="live", routingConfiguration=routes((one, 100)))["stateMachineAliasArn"]
    first = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    sfn.update_state_machine_alias(stateMachineAliasArn=arn, routingConfiguration=routes((two, 100)))
    second = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    assert sfn.describe_execution(executionArn=first)["stateMachineVersionArn"] == one
    assert sfn.describe_execution(executionArn=second)["stateMachineVersionArn"] == two
    described = sfn.describe_state_machine_alias(stateMachineAliasArn=arn)
    assert described["routingConfiguration"] == routes((two, 100))
    assert described["updateDate"] >= described["creationDate"]


def test_an_identical_alias_is_answered_and_a_different_one_refused(sfn: Any, versions: tuple[str, str]) -> None:
    one, two = versions
    create = sfn.create_state_machine_alias
    first = create(name="a", description="d", routingConfiguration=routes((one, 100)))
    assert members(create(name="a", description="d", routingConfiguration=routes((one, 100)))) == members(first)
    text = (
        "Failed to create alias because an alias with the same name and a different routing configuration "
        "already exists."
    )
    wanted = ("ConflictException", text)
    assert refused(create, name="a", description="e", routingConfiguration=routes((one, 100))) == wanted
    assert refused(create, name="a", description="d", routingConfiguration=routes((two, 100))) == wanted


def test_routing_must_name_distinct_versions_and_sum_to_a_hundred(sfn: Any, versions: tuple[str, str]) -> None:
    one, two = versions
    machine_arn = one[:-2]
    cases = [
        (routes((machine_arn, 50), (two, 50)), ("Routing configuration must contain state machine version ARNs. "
         f"Received: [{machine_arn}, {two}]")),
        (routes((one, 50), (one, 50)), ("Routing configuration must contain distinct state machine version ARNs. "
         f"Received: [{one}, {one}]")),
        (routes((one, 70), (two, 29)), "Sum of routing configuration weights must equal 100. Received: [70, 29]"),
    ]  # fmt: skip
    for routing, text in cases:
        answer = refused(sfn.create_state_machine_alias, name="a", routingConfiguration=routing)
        assert answer == ("ValidationException", text)
    absent = refused(sfn.create_state_machine_alias, name="a", routingConfiguration=routes((f"{machine_arn}:9", 100)))
    assert absent == ("ResourceNotFound", "Request references a resource that does not exist.")


def test_a_version_behind_an_alias_is_not_deleted(sfn: Any, versions: tuple[str, str]) -> None:
    one, two = versions
    arn = sfn.create_state_machine_alias(name="live", routingConfiguration=routes((one, 100)))["stateMachineAliasArn"]
    assert refused(sfn.delete_state_machine_version, stateMachineVersionArn=one) == (
        "ConflictException",
        (
            "Version to be deleted must not be referenced by an alias. "
            "Current list of aliases referencing this version: [live]"
        ),
    )
    listed = sfn.list_state_machine_aliases(stateMachineArn=one)["stateMachineAliases"]
    assert [item["stateMachineAliasArn"] for item in listed] == [arn]
    assert sfn.list_state_machine_aliases(stateMachineArn=two)["stateMachineAliases"] == []
    sfn.delete_state_machine_alias(stateMachineAliasArn=arn)
    sfn.delete_state_machine_alias(stateMachineAliasArn=arn)
    sfn.delete_state_machine_version(stateMachineVersionArn=one)
    missing = ("ResourceNotFound", "Request references a resource that does not exist.")
    assert refused(sfn.describe_state_machine_alias, stateMachineAliasArn=arn) == missing
    assert refused(sfn.update_state_machine_alias, stateMachineAliasArn=arn, description="x") == missing


def test_aliases_are_paged_in_the_order_of_their_creation(sfn: Any, versions: tuple[str, str]) -> None:
    one, _ = versions
    create = sfn.create_state_machine_alias
    arns = [create(name=f"a{n}", routingConfiguration=routes((one, 100)))["stateMachineAliasArn"] for n in range(5)]
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = sfn.list_state_machine_aliases(stateMachineArn=one[:-2], maxResults=2, **token)
        found += [item["stateMachineAliasArn"] for item in page["stateMachineAliases"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert found == arns
