"""Encryption configurations: what is refused, what is the same, and what an update keeps. No key is ever used."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.api.conftest import PASS, ROLE

CUSTOMER, OWNED = "CUSTOMER_MANAGED_KMS_KEY", "AWS_OWNED_KEY"
OTHER = PASS + " "


def key(name: str, period: int | None = None) -> dict[str, Any]:
    given: dict[str, Any] = {"type": CUSTOMER, "kmsKeyId": name}
    return given if period is None else given | {"kmsDataKeyReusePeriodSeconds": period}


def refused(call: Callable[..., Any], **given: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**given)
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


def shown(sfn: Any, arn: str) -> Any:
    return sfn.describe_state_machine(stateMachineArn=arn)["encryptionConfiguration"]


@pytest.fixture
def raw(server: Any, machine: Callable[..., str]) -> Any:
    """A client that sends whatever it is told to."""
    return server.client(key=machine(PASS).split(":")[4], parameter_validation=False)


CONSTRAINT = "1 validation error detected: Value '{}' at 'encryptionConfiguration.{}' failed to satisfy constraint: {}"
PERIOD, KEY = "kmsDataKeyReusePeriodSeconds", "kmsKeyId"
CANNOT = "Invalid Encryption Configuration: Custom {} is not allowed when selecting AWS_OWNED_KEY."
KINDS = "Member must satisfy enum value set: [AWS_OWNED_KEY, CUSTOMER_MANAGED_KMS_KEY]"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"type": CUSTOMER}, "Invalid Encryption Configuration: Must set a valid kmsKeyId."),
        ({"type": OWNED, KEY: "1"}, CANNOT.format(KEY)),
        ({"type": OWNED, PERIOD: 300}, CANNOT.format(PERIOD)),
        (key("1", 901), CONSTRAINT.format(901, PERIOD, "Member must have value less than or equal to 900")),
        (key("1", 59), CONSTRAINT.format(59, PERIOD, "Member must have value greater than or equal to 60")),
        (key(""), CONSTRAINT.format("", KEY, "Member must have length greater than or equal to 1")),
        ({"type": "X"}, CONSTRAINT.format("X", "type", KINDS)),
    ],
)
def test_what_cannot_be_is_refused_in_awss_words(raw: Any, given: dict[str, Any], text: str) -> None:
    code = "ValidationException" if text.startswith("1") else "InvalidEncryptionConfiguration"
    create = {"name": "wrong", "definition": PASS, "roleArn": ROLE, "encryptionConfiguration": given}
    assert refused(raw.create_state_machine, **create) == (code, text)
    assert refused(raw.create_activity, name="wrong", encryptionConfiguration=given) == (code, text)


@pytest.mark.parametrize("period", [60, 900])
def test_the_bounds_of_the_period_are_taken(sfn: Any, machine: Callable[..., str], period: int) -> None:
    arn = machine(PASS, encryptionConfiguration=key("1234", period))
    assert shown(sfn, arn)["kmsDataKeyReusePeriodSeconds"] == period


def test_a_key_of_another_region_is_refused(raw: Any) -> None:
    elsewhere = key("arn:aws:kms:eu-west-1:000000000000:key/1234")
    code, text = refused(raw.create_activity, name="wrong", encryptionConfiguration=elsewhere)
    assert code == "InvalidEncryptionConfiguration"
    request = r"\(Service: Kms, Status Code: 400, Request ID: [0-9a-f-]{36}\) \(SDK Attempt Count: 1\)"
    assert re.fullmatch(rf"Invalid arn eu-west-1 {request}", text)


@pytest.mark.parametrize("name", ["1234", "alias/a", "key-arn", "alias-arn"])
def test_the_four_names_of_a_key_are_shown_as_its_arn(sfn: Any, machine: Callable[..., str], name: str) -> None:
    account = machine(PASS).split(":")[4]
    prefix = f"arn:aws:kms:us-east-1:{account}:"
    expected = prefix + {"1234": "key/1234", "alias/a": "alias/a", "key-arn": "key/5", "alias-arn": "alias/b"}[name]
    arn = machine(PASS, encryptionConfiguration=key(expected if name.endswith("-arn") else name))
    assert shown(sfn, arn) == key(expected, 300)
    activity = sfn.create_activity(name="e", encryptionConfiguration=key(name if "-" not in name else expected))
    described = sfn.describe_activity(activityArn=activity["activityArn"])
    assert described["encryptionConfiguration"] == key(expected, 300)


def test_a_repeated_create_must_mean_the_same_key_and_period(sfn: Any, machine: Callable[..., str]) -> None:
    account = machine(PASS).split(":")[4]
    full = f"arn:aws:kms:us-east-1:{account}:key/1234"
    arn = machine(PASS, name="m", encryptionConfiguration=key("1234"))
    for same in (key("1234"), key("1234", 300), key(full), key(full, 300)):
        assert machine(PASS, name="m", encryptionConfiguration=same) == arn
    for other in (key("1234", 301), key("5678"), {"type": OWNED}):
        assert refused(machine, name="m", encryptionConfiguration=other)[0] == "StateMachineAlreadyExists"
    assert refused(machine, name="m")[0] == "StateMachineAlreadyExists"
    plain = machine(PASS, name="plain")
    assert machine(PASS, name="plain", encryptionConfiguration={"type": OWNED}) == plain
    assert refused(machine, name="plain", encryptionConfiguration=key("1234"))[0] == "StateMachineAlreadyExists"


def test_the_configuration_of_an_activity_never_changes(sfn: Any) -> None:
    arn = sfn.create_activity(name="a", encryptionConfiguration=key("1234", 60))["activityArn"]
    assert sfn.create_activity(name="a", encryptionConfiguration=key("1234", 60))["activityArn"] == arn
    for other in ({"encryptionConfiguration": key("1234")}, {"encryptionConfiguration": {"type": OWNED}}, {}):
        code, text = refused(sfn.create_activity, name="a", **other)
        assert (code, text) == ("ActivityAlreadyExists", f"Activity Already Exists: '{arn}'")


def test_an_update_keeps_resets_and_leaves_the_key_as_aws_does(sfn: Any, machine: Callable[..., str]) -> None:
    arn = machine(PASS, encryptionConfiguration=key("1234", 60))
    full = shown(sfn, arn)["kmsKeyId"]

    def updated(**given: Any) -> Any:
        sfn.update_state_machine(stateMachineArn=arn, **given)
        return shown(sfn, arn)

    assert updated(definition=OTHER) == key(full, 60)
    assert updated(roleArn=ROLE + "2") == key(full, 60)
    version = sfn.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"]
    assert updated(definition=OTHER, encryptionConfiguration=key("1234")) == key(full, 300)
    assert updated(definition=OTHER, encryptionConfiguration={"type": OWNED}) == {"type": OWNED}
    assert shown(sfn, version) == key(full, 60)  # a version keeps the key of its revision
    assert refused(sfn.update_state_machine, stateMachineArn=arn, encryptionConfiguration=key("1234"))[0] == (
        "MissingRequiredParameter"
    )
    assert (
        refused(sfn.update_state_machine, stateMachineArn=arn, roleArn=ROLE, encryptionConfiguration=key("1234"))[0]
        == "MissingRequiredParameter"
    )


def test_a_change_of_the_key_alone_makes_a_revision(sfn: Any, machine: Callable[..., str]) -> None:
    arn = machine(PASS, encryptionConfiguration=key("1234"))
    changed = sfn.update_state_machine(stateMachineArn=arn, definition=PASS, encryptionConfiguration=key("5678"))
    again = sfn.update_state_machine(stateMachineArn=arn, definition=PASS, encryptionConfiguration=key("5678", 300))
    assert "revisionId" in changed
    assert again["revisionId"] == changed["revisionId"]


def test_a_labelled_map_shows_its_processor_also_where_only_metadata_are_asked_for(
    sfn: Any, machine: Callable[..., str]
) -> None:
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "P",
        "States": {"P": {"Type": "Pass", "End": True}},
    }
    state = {"Type": "Map", "Label": "L", "ItemProcessor": processor, "End": True}
    definition = json.dumps({"StartAt": "M", "States": {"M": state}})
    arn = machine(definition, encryptionConfiguration=key("1234"))
    whole = sfn.describe_state_machine(stateMachineArn=f"{arn}/L")
    described = sfn.describe_state_machine(stateMachineArn=f"{arn}/L", includedData="METADATA_ONLY")
    assert described["definition"] == whole["definition"] != "{}"
    assert sfn.describe_state_machine(stateMachineArn=arn, includedData="METADATA_ONLY")["definition"] == "{}"


def test_executions_of_encrypted_machines_can_be_shown_without_data(sfn: Any, machine: Callable[..., str]) -> None:
    for given, hidden in ((key("1234"), True), ({"type": OWNED}, False)):
        execution = sfn.start_execution(
            stateMachineArn=machine(PASS, name=f"h{hidden}", encryptionConfiguration=given), input='{"a":1}'
        )["executionArn"]
        assert sfn.describe_execution(executionArn=execution)["input"] == '{"a":1}'
        described = sfn.describe_execution(executionArn=execution, includedData="METADATA_ONLY")
        assert ("input" not in described) is hidden
