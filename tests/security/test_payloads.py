"""Payloads that mean harm, at the doors of the API: start input, task output, definitions.

Each test names its threat.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from services.cli.errors import ServerError
from tests.e2e.api.conftest import PASS, ROLE, ended
from tests.fixtures.refusals import code_of
from tests.security.conftest import Process

BYTES_MAX = 262_144
GROWTH_BYTES_MAX = 50 << 20
V4_ANSWERS = {
    "InvalidDefinition",
    "InvalidExecutionInput",
    "InvalidToken",
    "RequestEntityTooLargeException",
    "SerializationException",
    "ValidationException",
}

NO_JSON = [
    "",
    " ",
    "{",
    "[1,]",
    '{"a":1,}',
    '{"a" 1}',
    "{'a':1}",
    "[1 2]",
    "NaN",
    "[Infinity]",
    "[-Infinity]",
    "1e400",
    "[-1e999]",
    "01",
    "+1",
    ".5",
    "1.",
    "0x1",
    "nul",
    "True",
    '"\t"',
    '"\x01"',
    '"\\x41"',
    '"\\u12"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"a',
    "\ufeff{}",
    "{}{}",
    "{} x",
    "/* */ {}",
    "{} // x",
    "[" * 513 + "]" * 513,
    '{"a":' * 513 + "1" + "}" * 513,
]
JSON = [
    "0",
    "-0.0",
    "null",
    ' \n\t{"a" : [ ] }\r\n',
    '"\\u0000"',
    '"\\ud83d\\ude00"',
    '"\u2028\u202e\uffff"',
    "1E400".replace("400", "300"),
    "[" * 512 + "]" * 512,
    '{"a":1,"a":2}',
    '{"":{"":""}}',
]


@pytest.fixture
def task_token(sfn: Any, machine: Callable[..., str]) -> str:
    """The token of a task that waits for its answer."""
    activity = sfn.create_activity(name="payloads")["activityArn"]
    states = {"T": {"Type": "Task", "Resource": activity, "End": True}}
    sfn.start_execution(stateMachineArn=machine(json.dumps({"StartAt": "T", "States": states})))
    return str(sfn.get_activity_task(activityArn=activity)["taskToken"])


def test_v1_what_is_no_json_is_refused_at_every_door(sfn: Any, machine: Callable[..., str], task_token: str) -> None:
    arn = machine(PASS)
    for text in NO_JSON:
        assert code_of(sfn.start_execution, stateMachineArn=arn, input=text) == "InvalidExecutionInput", text[:50]
        assert code_of(sfn.send_task_success, taskToken=task_token, output=text) == "InvalidOutput", text[:50]
        definition = code_of(sfn.create_state_machine, name="n", roleArn=ROLE, definition=text)
        assert definition in ("InvalidDefinition", "ValidationException"), text[:50]
    assert code_of(sfn.send_task_success, taskToken=task_token, output="1") == ""  # it is still good


@pytest.mark.parametrize("text", JSON, ids=lambda text: repr(text[:20]))
def test_v1_what_is_json_is_taken(sfn: Any, machine: Callable[..., str], text: str) -> None:
    execution = sfn.start_execution(stateMachineArn=machine(PASS), input=text)["executionArn"]
    described = ended(sfn, execution)
    assert described["status"] == "SUCCEEDED"
    assert json.loads(described["output"]) == json.loads(text)


@pytest.mark.parametrize(
    "value", ["\x00", "a\x00b", "\x7f\x80\x9f", "\u202etxt.exe", "\ufeff", "\U0001f600\U0010ffff", "e\u0301", "\ufffe"]
)
def test_v2_strange_characters_come_out_as_they_went_in(sfn: Any, machine: Callable[..., str], value: str) -> None:
    given = json.dumps({"key " + value: value})
    execution = sfn.start_execution(stateMachineArn=machine(PASS), input=given)["executionArn"]
    described = ended(sfn, execution)
    assert described["input"] == given
    assert json.loads(described["output"]) == json.loads(given)
    events = sfn.get_execution_history(executionArn=execution)["events"]
    assert json.loads(events[1]["stateEnteredEventDetails"]["input"]) == json.loads(given)
    assert json.loads(events[-1]["executionSucceededEventDetails"]["output"]) == json.loads(given)


@pytest.mark.parametrize(
    "number",
    ["9007199254740993", "-9223372036854775809", "18446744073709551616", "1" + "0" * 60, "1e308", "5e-324", "0.1"],
)
def test_v3_numbers_keep_their_value(sfn: Any, machine: Callable[..., str], number: str) -> None:
    execution = sfn.start_execution(stateMachineArn=machine(PASS), input=f'{{"n":{number}}}')["executionArn"]
    output = ended(sfn, execution)["output"]
    value = json.loads(output, parse_float=Decimal, parse_int=Decimal)["n"]
    assert value == Decimal(number) or float(value) == float(number)
    if "e" not in number and "." not in number:
        assert value == Decimal(number)


@pytest.mark.parametrize("levels", [10**2, 10**3, 10**4, 10**5, 10**6])
def test_v4_depth_costs_nothing(process: Process, levels: int) -> None:
    client = process.client
    given = {"name": "v4", "definition": PASS, "roleArn": ROLE}
    arn = client.call("CreateStateMachine", **given)["stateMachineArn"]
    fits = levels <= 512
    bombs = {"[" * levels + "]" * levels: fits, '{"a":' * levels + "1" + "}" * levels: fits, "[" * levels: False}
    before = process.rss()
    for bomb, right in bombs.items():
        for operation, more in (
            ("StartExecution", {"stateMachineArn": arn, "input": bomb}),
            ("SendTaskSuccess", {"taskToken": "AAAA", "output": bomb}),
            ("CreateStateMachine", given | {"name": "bomb", "definition": bomb}),
        ):
            try:
                client.call(operation, **more)
                answer = ""
            except ServerError as error:
                answer = error.code
            assert right if answer == "" else answer in V4_ANSWERS, (operation, answer)
    assert process.rss() - before < GROWTH_BYTES_MAX
    assert client.call("ListStateMachines")["stateMachines"]


def text_of(bytes_wanted: int, character: str) -> str:
    """A JSON string of exactly so many bytes of UTF-8, made of that character as far as it goes."""
    inside = bytes_wanted - 2
    width = len(character.encode())
    return '"' + character * (inside // width) + "x" * (inside % width) + '"'


@pytest.mark.parametrize("character", ["x", "\u00e9", "\u65e5", "\U0001f600"])
def test_v5_the_size_is_counted_in_bytes_of_utf8(
    sfn: Any, machine: Callable[..., str], task_token: str, character: str
) -> None:
    arn = machine(PASS)
    over = text_of(BYTES_MAX + 1, character)
    assert code_of(sfn.start_execution, stateMachineArn=arn, input=over) != ""
    assert code_of(sfn.send_task_success, taskToken=task_token, output=over) != ""
    limit = text_of(BYTES_MAX, character)
    assert len(limit.encode()) == BYTES_MAX
    execution = sfn.start_execution(stateMachineArn=arn, input=limit)["executionArn"]
    assert ended(sfn, execution)["output"] == limit
    assert code_of(sfn.send_task_success, taskToken=task_token, output=limit) == ""


@pytest.mark.parametrize(("characters", "status"), [(131_064, "SUCCEEDED"), (131_065, "FAILED")])
def test_v5_what_a_state_makes_has_the_same_limit(
    sfn: Any, machine: Callable[..., str], characters: int, status: str
) -> None:
    state = {"Type": "Pass", "Parameters": {"aa.$": "$.one", "b.$": "$.one"}, "End": True}
    arn = machine(json.dumps({"StartAt": "S", "States": {"S": state}}))
    given = json.dumps({"one": "x" * characters})
    described = ended(sfn, sfn.start_execution(stateMachineArn=arn, input=given)["executionArn"])
    assert described["status"] == status
    if status == "FAILED":
        assert described["error"] == "States.DataLimitExceeded"
    else:
        assert len(described["output"]) == BYTES_MAX


def test_v7_an_execution_that_never_ends_is_ended_at_25_000_events(sfn: Any, machine: Callable[..., str]) -> None:
    states = {
        "A": {"Type": "Pass", "Next": "More?"},
        "More?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.no", "IsPresent": True, "Next": "Done"}],
            "Default": "A",
        },
        "Done": {"Type": "Succeed"},
    }
    arn = machine(json.dumps({"StartAt": "A", "States": states}))
    execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    assert ended(sfn, execution, seconds=60)["status"] == "FAILED"
    newest = sfn.get_execution_history(executionArn=execution, reverseOrder=True, maxResults=2)["events"]
    assert (newest[0]["id"], newest[0]["type"]) == (25_000, "ExecutionFailed")
    assert newest[1]["id"] == 24_999


def many_states(size: int) -> str:
    """A chain of Pass states of about so many bytes."""
    count = size // 60
    states = {f"S{n}": {"Type": "Pass", "Next": f"S{n + 1}"} for n in range(count)} | {f"S{count}": {"Type": "Succeed"}}
    return json.dumps({"StartAt": "S0", "States": states})


def nested(levels: int) -> str:
    """Parallel states inside one another."""
    inner = '{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}'
    for _ in range(levels):
        inner = f'{{"StartAt":"N","States":{{"N":{{"Type":"Parallel","Branches":[{inner}],"End":true}}}}}}'
    return inner


@pytest.mark.parametrize(
    "definition",
    [
        pytest.param(many_states(1_000_000), id="a-megabyte-of-states"),
        pytest.param(many_states(1_000_000).replace('"Next": "S5"', '"Next": "S0"'), id="a-circle"),
        pytest.param(nested(10_000), id="nested-parallel"),
        pytest.param('{"StartAt":"A","States":{"A":{"Type":"Pass","Parameters":' + "[" * 400_000, id="brackets"),
        pytest.param(json.dumps({"Comment": "x" * 1_048_000, "StartAt": "A", "States": {}}), id="a-long-comment"),
    ],
)
def test_v8_definition_bombs_are_answered_soon_and_hold_nobody_up(sfn: Any, server: Any, definition: str) -> None:
    slowest: list[float] = []
    done = threading.Event()

    def others() -> None:
        client = server.client(key="777788889999")
        while not done.is_set():
            begun = time.perf_counter()
            client.list_activities(maxResults=1)
            slowest.append(time.perf_counter() - begun)

    other = threading.Thread(target=others)
    other.start()
    try:
        begun = time.process_time()
        code_of(sfn.validate_state_machine_definition, definition=definition)
        code_of(sfn.create_state_machine, name=f"bomb-{len(definition)}", roleArn=ROLE, definition=definition)
        took = time.process_time() - begun
    finally:
        done.set()
        other.join()
    assert took < 12.0  # of both calls, of boto3 and of the other caller's too; a quadratic check takes minutes
    assert max(slowest) < 3.0
