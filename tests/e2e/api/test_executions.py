"""Executions through boto3: start, stop, describe, list, history, redrive."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.api.conftest import FAIL, NAP, PASS, Server, ended, napping
from tests.e2e.api.refusal import refused


def test_an_execution_runs_to_its_end_with_aws_members(sfn: Any, machine: Callable[..., str]) -> None:
    arn = machine(PASS)
    started = sfn.start_execution(stateMachineArn=arn, name="one", input='{"a": 1}')
    assert started["executionArn"] == arn.replace(":stateMachine:", ":execution:") + ":one"
    described = ended(sfn, started["executionArn"])
    assert described["status"] == "SUCCEEDED"
    assert described["input"] == '{"a": 1}'
    assert described["output"] == '{"a":1}' or json.loads(described["output"]) == {"a": 1}
    assert described["startDate"] == started["startDate"]
    assert described["redriveStatusReason"] == "Execution is SUCCEEDED and cannot be redriven"
    assert set(described) - {"ResponseMetadata"} == {
        "executionArn", "stateMachineArn", "name", "status", "startDate", "stopDate", "input", "inputDetails", "output",
        "outputDetails", "redriveCount", "redriveStatus", "redriveStatusReason",
    }  # fmt: skip


def test_history_reads_forwards_backwards_and_in_pages(sfn: Any, machine: Callable[..., str]) -> None:
    execution = sfn.start_execution(stateMachineArn=machine(PASS))["executionArn"]
    ended(sfn, execution)
    events = sfn.get_execution_history(executionArn=execution)["events"]
    assert [event["type"] for event in events] == [
        "ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded",
    ]  # fmt: skip
    assert [event["id"] for event in events] == [1, 2, 3, 4]
    backwards = sfn.get_execution_history(executionArn=execution, reverseOrder=True)["events"]
    assert backwards == events[::-1]
    for reverse in (False, True):
        first = sfn.get_execution_history(executionArn=execution, maxResults=3, reverseOrder=reverse)
        rest = sfn.get_execution_history(
            executionArn=execution, maxResults=3, reverseOrder=reverse, nextToken=first["nextToken"]
        )
        assert first["events"] + rest["events"] == (events[::-1] if reverse else events)
        assert "nextToken" not in rest
    bare = sfn.get_execution_history(executionArn=execution, includeExecutionData=False)["events"]
    assert "input" not in bare[0]["executionStartedEventDetails"]
    assert bare[0]["executionStartedEventDetails"]["roleArn"]


def test_the_same_name_and_input_is_the_same_running_execution(sfn: Any, machine: Callable[..., str]) -> None:
    arn = machine(NAP)
    first = sfn.start_execution(stateMachineArn=arn, name="same", input="{}")
    again = sfn.start_execution(stateMachineArn=arn, name="same", input="{}")
    assert (again["executionArn"], again["startDate"]) == (first["executionArn"], first["startDate"])
    text = f"Execution Already Exists: '{first['executionArn']}'"
    taken = refused(sfn.start_execution, stateMachineArn=arn, name="same", input="[]")
    assert taken == ("ExecutionAlreadyExists", text)
    sfn.stop_execution(executionArn=first["executionArn"])
    taken = refused(sfn.start_execution, stateMachineArn=arn, name="same", input="{}")
    assert taken == ("ExecutionAlreadyExists", text)


def test_a_stop_is_committed_when_it_is_answered_and_the_second_one_changes_nothing(
    sfn: Any, machine: Callable[..., str]
) -> None:
    execution = sfn.start_execution(stateMachineArn=machine(NAP))["executionArn"]
    first = sfn.stop_execution(executionArn=execution, error="Enough", cause="of it")
    described = sfn.describe_execution(executionArn=execution)
    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "Enough", "of it")
    assert described["stopDate"] == first["stopDate"]
    assert described["redriveStatus"] == "REDRIVABLE"
    assert sfn.stop_execution(executionArn=execution, error="Later")["stopDate"] == first["stopDate"]


def test_a_failed_execution_is_redriven_once_per_client_token(sfn: Any, machine: Callable[..., str]) -> None:
    execution = sfn.start_execution(stateMachineArn=machine(FAIL))["executionArn"]
    assert ended(sfn, execution)["status"] == "FAILED"
    first = sfn.redrive_execution(executionArn=execution, clientToken="mine")
    described = ended(sfn, execution)
    assert (described["status"], described["redriveCount"]) == ("FAILED", 1)
    assert described["redriveDate"] == first["redriveDate"]
    assert sfn.redrive_execution(executionArn=execution, clientToken="mine")["redriveDate"] == first["redriveDate"]
    assert sfn.describe_execution(executionArn=execution)["redriveCount"] == 1


def test_what_is_not_redrivable_says_why(sfn: Any, machine: Callable[..., str]) -> None:
    execution = sfn.start_execution(stateMachineArn=machine(NAP))["executionArn"]
    reason = "Execution is RUNNING and cannot be redriven"
    assert refused(sfn.redrive_execution, executionArn=execution) == (
        "ExecutionNotRedrivable",
        f"Execution {execution} invalid for redrive as: {reason}",
    )


def test_lists_are_newest_first_filtered_and_paged(sfn: Any, machine: Callable[..., str]) -> None:
    arn = machine(NAP)
    arns = [sfn.start_execution(stateMachineArn=arn)["executionArn"] for _ in range(5)]
    sfn.stop_execution(executionArn=arns[2])
    listed = sfn.list_executions(stateMachineArn=arn)["executions"]
    assert [item["executionArn"] for item in listed] == arns[::-1]
    aborted = sfn.list_executions(stateMachineArn=arn, statusFilter="ABORTED")["executions"]
    assert [item["executionArn"] for item in aborted] == [arns[2]]
    pages = sfn.get_paginator("list_executions").paginate(stateMachineArn=arn, PaginationConfig={"PageSize": 2})
    assert [item["executionArn"] for page in pages for item in page["executions"]] == arns[::-1]


def test_a_page_token_continues_only_the_call_that_it_came_from(sfn: Any, machine: Callable[..., str]) -> None:
    arn = machine(NAP)
    for _ in range(3):
        sfn.start_execution(stateMachineArn=arn)
    token = sfn.list_executions(stateMachineArn=arn, maxResults=1)["nextToken"]
    wanted = ("InvalidToken", "Invalid Token: 'Invalid token'")
    assert refused(sfn.list_executions, stateMachineArn=arn, statusFilter="RUNNING", nextToken=token) == wanted
    assert refused(sfn.list_executions, stateMachineArn=arn, nextToken="bm90IG91cnM=") == wanted
    assert refused(sfn.list_state_machines, nextToken=token) == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "'Invalid execution input.'", id="empty"),
        pytest.param(
            "not some json",
            "'Unrecognized token 'not': "
            "was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')'",
            id="word",
        ),
        pytest.param(
            "{'not': 'json'",
            "'Unexpected character (''' (code 39)): was expecting double-quote to start field name'",
            id="single-quotes",
        ),
    ],
)
def test_input_that_is_not_json_is_refused(sfn: Any, machine: Callable[..., str], text: str, message: str) -> None:
    answer = refused(sfn.start_execution, stateMachineArn=machine(PASS), input=text)
    assert answer == ("InvalidExecutionInput", f"Invalid State Machine Execution Input: {message}")


@pytest.mark.parametrize("text", ["5", '"text"', "null", "[1,2]", "0.0"])
def test_any_json_value_is_an_input(sfn: Any, machine: Callable[..., str], text: str) -> None:
    execution = sfn.start_execution(stateMachineArn=machine(PASS), input=text)["executionArn"]
    described = ended(sfn, execution)
    assert (described["input"], described["output"]) == (text, text)


def test_unknown_foreign_and_express_executions_are_told_apart(
    server: Server, sfn: Any, machine: Callable[..., str]
) -> None:
    execution = sfn.start_execution(stateMachineArn=machine(NAP), name="mine")["executionArn"]
    for client in (server.client(key="999999999999"), server.client(region="eu-west-1")):
        assert refused(client.describe_execution, executionArn=execution) == (
            "ExecutionDoesNotExist",
            f"Execution Does Not Exist: '{execution}'",
        )
    assert refused(sfn.describe_execution, executionArn="nonsense") == (
        "InvalidArn",
        "Invalid Arn: 'Invalid ARN prefix: nonsense'",
    )
    express = "arn:aws:states:us-east-1:000000000001:express:m:e:5b1f5a3c-0000-4000-8000-000000000000"
    for call in (sfn.describe_execution, sfn.stop_execution, sfn.get_execution_history, sfn.redrive_execution):
        assert refused(call, executionArn=express) == (
            "InvalidArn",
            "Invalid Arn: 'Resource type not valid in this context: express'",
        )


def test_describe_state_machine_for_execution_shows_the_pinned_revision(sfn: Any, machine: Callable[..., str]) -> None:
    arn = machine(NAP)
    execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    sfn.update_state_machine(stateMachineArn=arn, definition=PASS)
    pinned = sfn.describe_state_machine_for_execution(executionArn=execution)
    assert pinned["definition"] == NAP
    assert "revisionId" not in pinned
    assert (
        sfn.describe_state_machine_for_execution(executionArn=execution, includedData="METADATA_ONLY")["definition"]
        == "{}"
    )


def test_executions_of_a_deleted_state_machine_end_and_stay_readable(sfn: Any, machine: Callable[..., str]) -> None:
    arn = machine(NAP)
    execution = napping(sfn, sfn.start_execution(stateMachineArn=arn)["executionArn"])
    sfn.delete_state_machine(stateMachineArn=arn)
    assert sfn.describe_state_machine(stateMachineArn=arn)["status"] == "DELETING"
    assert sfn.list_state_machines()["stateMachines"] == []
    assert refused(sfn.start_execution, stateMachineArn=arn) == (
        "StateMachineDeleting",
        f"State Machine is being deleted: '{arn}'",
    )
    assert sfn.describe_execution(executionArn=execution)["status"] == "RUNNING"
    sfn.stop_execution(executionArn=execution)
    assert sfn.describe_execution(executionArn=execution)["status"] == "ABORTED"


def test_errors_and_causes_may_hold_characters_that_a_database_may_not(sfn: Any, machine: Callable[..., str]) -> None:
    execution = sfn.start_execution(stateMachineArn=machine(NAP), traceHeader="Root=1\0")["executionArn"]
    sfn.stop_execution(executionArn=execution, error="a\0b", cause="\0")
    assert sfn.describe_execution(executionArn=execution)["error"] == "a\ufffdb"
    last = sfn.get_execution_history(executionArn=execution, reverseOrder=True)["events"][0]
    assert last["executionAbortedEventDetails"]["error"] == "a\0b"


def test_metadata_only_hides_data_of_encrypted_executions_and_only_theirs(
    sfn: Any, machine: Callable[..., str]
) -> None:
    key = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "1234abcd-12ab-34cd-56ef-1234567890ab"}
    hidden = {"input", "inputDetails", "output", "outputDetails", "error", "cause"}
    for definition in (PASS, FAIL):
        plain = sfn.start_execution(stateMachineArn=machine(definition))["executionArn"]
        full = ended(sfn, plain)
        shown = sfn.describe_execution(executionArn=plain, includedData="METADATA_ONLY")
        assert shown.keys() == full.keys()
        arn = machine(definition, encryptionConfiguration=key)
        encrypted = sfn.start_execution(stateMachineArn=arn)["executionArn"]
        assert ended(sfn, encrypted).keys() == full.keys()
        bare = sfn.describe_execution(executionArn=encrypted, includedData="METADATA_ONLY")
        assert bare.keys() == full.keys() - hidden
