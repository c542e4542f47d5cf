"""Names, ARNs and task tokens that mean harm. Each test names its threat."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable
from typing import Any
from urllib.request import urlopen

import pytest

from engine import task_token
from services.runtime.ids import SystemIds
from tests.e2e.api.conftest import PASS, ROLE, Server, ended
from tests.fixtures.refusals import code_of

BAD_NAMES = [
    "../../etc/passwd",
    "..\\..\\x",
    "a/b",
    "%2e%2e%2f",
    "a b",
    "a\tb",
    "a\nb",
    "a\x00b",
    "\x7f",
    "\x85",
    "a:b",
    "a*",
    "a?",
    "{a}",
    "[a]",
    "<a>",
    'a"b',
    "a#b",
    "a^b",
    "a|b",
    "a~b",
    "a`b",
    "a$b",
    "a&b",
    "a,b",
    "a;b",
    "x" * 81,
    "\u00e9" * 81,
    "",
]
GOOD_NAMES = [
    "x" * 80,
    "\u00e9" * 80,
    "\u65e5\u672c",
    "\u043erder",
    "\u202egnitsop",
    "a.b",
    "..",
    "a'b",
    "a@b",
    "a=b+c!",
]
PLACE = "arn:aws:states:us-east-1:{account}"
BAD_ARNS = [
    "",
    "arn",
    "arn:aws:states",
    "arn:aws:states:us-east-1:123:stateMachine:m",
    "arn:aws:states::000000000000:stateMachine:m",
    "arn:aws:s3:us-east-1:000000000000:stateMachine:m",
    f"{PLACE}:stateMachine:../m",
    f"{PLACE}:stateMachine:%2e%2e",
    f"{PLACE}:stateMachine:m\x00",
    f"{PLACE}:stateMachine:m\nx",
    f"{PLACE}:stateMachine:",
    f"{PLACE}:stateMachine:{'m' * 81}",
    f"{PLACE}:stateMachine:m:1:2:3",
    f"{PLACE}:execution:m",
    f"{PLACE}:execution:m:../../e",
    "arn:aws:states:us-east-1:\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661:stateMachine:m",
]


def test_a11_a_name_that_is_none_names_nothing(sfn: Any, machine: Callable[..., str]) -> None:
    arn = machine(PASS)
    version = sfn.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"]
    route = [{"stateMachineVersionArn": version, "weight": 100}]
    refused = {"InvalidName", "ValidationException"}
    for name in BAD_NAMES:
        assert code_of(sfn.create_state_machine, name=name, definition=PASS, roleArn=ROLE) in refused, name
        assert code_of(sfn.create_activity, name=name) in refused, name
        assert code_of(sfn.start_execution, stateMachineArn=arn, name=name) in refused, name
        assert code_of(sfn.create_state_machine_alias, name=name, routingConfiguration=route) in refused, name
    assert sfn.list_activities()["activities"] == []
    assert sfn.list_executions(stateMachineArn=arn)["executions"] == []


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_a11_a_strange_name_is_a_name_and_nothing_else(sfn: Any, name: str) -> None:
    arn = sfn.create_state_machine(name=name, definition=PASS, roleArn=ROLE)["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=arn, name=name)["executionArn"]
    assert ended(sfn, execution)["name"] == name
    assert [item["name"] for item in sfn.list_state_machines()["stateMachines"]] == [name]
    assert sfn.create_activity(name=name)["activityArn"].endswith(f":activity:{name}")


def test_a11_names_that_look_alike_are_two(sfn: Any) -> None:
    latin, cyrillic = "order", "\u043erder"
    for name in (latin, cyrillic):
        sfn.create_activity(name=name)
    assert {item["name"] for item in sfn.list_activities()["activities"]} == {latin, cyrillic}


def test_a11_an_arn_is_read_strictly(sfn: Any, machine: Callable[..., str]) -> None:
    account = machine(PASS).split(":")[4]
    for pattern in BAD_ARNS:
        arn = pattern.replace("{account}", account)
        for call, member in (
            (sfn.describe_state_machine, "stateMachineArn"),
            (sfn.start_execution, "stateMachineArn"),
            (sfn.describe_execution, "executionArn"),
            (sfn.update_state_machine, "stateMachineArn"),
            (sfn.list_tags_for_resource, "resourceArn"),
        ):
            assert code_of(call, **{member: arn}) in {
                "InvalidArn",
                "MissingRequiredParameter",
                "ValidationException",
                "ResourceNotFound",
                "ExecutionDoesNotExist",
                "StateMachineDoesNotExist",
            }, (call, arn)


def leased(sfn: Any, machine: Callable[..., str]) -> tuple[str, str]:
    """An execution that waits for its task, and the task's token."""
    activity = sfn.create_activity(name="tokens")["activityArn"]
    states = {"T": {"Type": "Task", "Resource": activity, "End": True}}
    arn = machine(json.dumps({"StartAt": "T", "States": states}))
    execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    return execution, sfn.get_activity_task(activityArn=activity)["taskToken"]


def test_a10_a_token_is_good_once(sfn: Any, machine: Callable[..., str]) -> None:
    execution, token = leased(sfn, machine)
    assert code_of(sfn.send_task_heartbeat, taskToken=token) == ""
    assert code_of(sfn.send_task_success, taskToken=token, output="1") == ""
    for _ in range(3):
        assert code_of(sfn.send_task_success, taskToken=token, output="2") == "TaskTimedOut"
        assert code_of(sfn.send_task_failure, taskToken=token) == "TaskTimedOut"
        assert code_of(sfn.send_task_heartbeat, taskToken=token) == "TaskTimedOut"
    assert ended(sfn, execution)["output"] == "1"


def test_a10_a_token_is_bound_to_account_and_region(server: Server, sfn: Any, machine: Callable[..., str]) -> None:
    execution, token = leased(sfn, machine)
    account = execution.split(":")[4]
    for other in (server.client(key="999900001111"), server.client(key=account, region="eu-west-1")):
        assert code_of(other.send_task_success, taskToken=token, output="1") == "InvalidToken"
        assert code_of(other.send_task_heartbeat, taskToken=token) == "InvalidToken"
    assert sfn.describe_execution(executionArn=execution)["status"] == "RUNNING"
    assert code_of(sfn.send_task_success, taskToken=token, output="1") == ""


def test_a10_a_token_with_a_changed_bit_opens_nothing(sfn: Any, machine: Callable[..., str]) -> None:
    _, token = leased(sfn, machine)
    data = base64.b64decode(token)
    for index in range(len(data)):
        forged = base64.b64encode(data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]).decode()
        assert code_of(sfn.send_task_success, taskToken=forged, output="1") == "InvalidToken"
    assert code_of(sfn.send_task_success, taskToken=token, output="1") == ""


def test_a10_a_token_that_is_made_up_with_a_right_checksum_opens_nothing(sfn: Any, machine: Callable[..., str]) -> None:
    """Who knows how tokens are made still has to guess the 256 bits of the secret."""
    execution, token = leased(sfn, machine)
    place = ":".join(execution.split(":")[3:5])
    real = task_token.decode(token, place)
    for number in range(50):
        guess = task_token.encode(real.execution_id, real.path, number.to_bytes(32), place)
        assert code_of(sfn.send_task_success, taskToken=guess, output="1") == "TaskTimedOut"
    assert sfn.describe_execution(executionArn=execution)["status"] == "RUNNING"


def test_a10_the_random_bits_of_secrets_are_random() -> None:
    ids = SystemIds()
    drawn = [ids.entropy(32) for _ in range(20_000)]
    assert len(set(drawn)) == len(drawn)
    ones = [sum(value[byte] >> bit & 1 for value in drawn) for byte in range(32) for bit in range(8)]
    assert all(abs(count - 10_000) < 6 * 71 for count in ones)  # six standard deviations


def test_a10_no_token_is_in_the_log_or_the_metrics(
    server: Server, sfn: Any, machine: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        _, token = leased(sfn, machine)
        sfn.send_task_success(taskToken=token, output="1")
        code_of(sfn.send_task_success, taskToken=token, output="1")
        code_of(sfn.send_task_success, taskToken=token[:-4] + "AAAA", output="1")
    metrics = urlopen(f"{server.url}/metrics").read().decode()
    ours = [record for record in caplog.records if record.name.startswith(("stepwell", "services", "engine"))]
    assert not any(token[:40] in f"{record.getMessage()} {record.__dict__}" for record in ours)
    assert token[:40] not in metrics
