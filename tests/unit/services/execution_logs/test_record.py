"""Log lines: AWS's shape, AWS's levels, and what is too large."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.history.events import BY_CODE, CODE
from engine.history.page_codec import PayloadTable, decode_events, encode_events
from engine.payload import Payload
from services.execution_logs.policy import LogPolicy, policy_of
from services.execution_logs.record import log_lines

ARN = "arn:aws:states:us-east-1:000000000000:express:m:e:1"
GROUP = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/vendedlogs/states/g:*"


def records(*events: tuple[Any, ...], level: str = "ALL", data: bool = True, **more: Any) -> list[dict[str, Any]]:
    recorded = [(CODE[name], 0, *members) for name, *members in events]
    return [json.loads(line) for line in log_lines(LogPolicy(level, data), ARN, 2, 7, 1234, recorded, **more)]


def details(*event: Any, data: bool = True) -> dict[str, Any]:
    (record,) = records(event, data=data)
    found: dict[str, Any] = record["details"]
    return found


def test_every_scalar_is_text() -> None:
    (record,) = records(("PassStateEntered", "A", Payload({"a": [1, "ü"]})))
    assert record == {
        "id": "7",
        "type": "PassStateEntered",
        "details": {"name": "A", "input": '{"a":[1,"ü"]}', "inputDetails": {"truncated": False}},
        "previous_event_id": "0",
        "event_timestamp": "1234",
        "execution_arn": ARN,
        "redrive_count": "2",
    }


def test_without_data_names_roles_errors_and_causes_are_left() -> None:
    assert details("PassStateExited", "A", Payload(1), {"x": Payload(2)}, data=False) == {"name": "A"}
    assert details("TaskScheduled", "lambda", "invoke", "eu-west-1", Payload({}), 5, None, "role", data=False) == {
        "resourceType": "lambda",
        "resource": "invoke",
        "region": "eu-west-1",
        "timeoutInSeconds": "5",
        "taskCredentials": {"roleArn": "role"},
    }
    assert details("ExecutionFailed", "E", 'a "cause"\n', data=False) == {"error": "E", "cause": 'a "cause"\n'}


def test_details_stand_in_the_order_of_their_names() -> None:
    """So do they in AWS's own lines: `input` before `name`, `cause` before `error`."""
    assert list(details("PassStateEntered", "A", Payload(1))) == ["input", "inputDetails", "name"]
    assert list(details("TaskScheduled", "lambda", "invoke", "r", Payload({}), 5, 6, "role")) == [
        "heartbeatInSeconds",
        "parameters",
        "region",
        "resource",
        "resourceType",
        "taskCredentials",
        "timeoutInSeconds",
    ]
    assert list(details("PassStateExited", "A", Payload(1), {"v": Payload(2)})) == [
        "assignedVariables",
        "assignedVariablesDetails",
        "name",
        "output",
        "outputDetails",
    ]


def test_the_line_as_it_is_written() -> None:
    (line,) = log_lines(LogPolicy("ALL", True), ARN, 0, 1, 5, [(CODE["ExecutionFailed"], 0, "E", "why")])
    assert line == (
        '{"id":"1","type":"ExecutionFailed","details":{"cause":"why","error":"E"},"previous_event_id":"0",'
        f'"event_timestamp":"5","execution_arn":"{ARN}","redrive_count":"0"}}'
    )


def test_variables_are_text_by_name() -> None:
    assert details("PassStateExited", "A", Payload(1), {'v"': Payload({"a": 1})}) == {
        "name": "A",
        "output": "1",
        "outputDetails": {"truncated": False},
        "assignedVariables": {'v"': '{"a":1}'},
        "assignedVariablesDetails": {"truncated": False},
    }


@pytest.mark.parametrize(("size", "cut"), [(248 * 1024 - 4, False), (248 * 1024 + 1, True)])
def test_data_beyond_248_kib_are_cut_and_marked(size: int, cut: bool) -> None:
    shown = details("ExecutionSucceeded", Payload("x" * (size - 2)))
    assert shown["outputDetails"] == {"truncated": cut}
    assert len(json.dumps(shown["output"])) <= 248 * 1024


def test_what_escapes_make_longer_is_cut_too() -> None:
    shown = details("ExecutionSucceeded", Payload('"' * 100_000))
    assert shown["outputDetails"] == {"truncated": True}
    assert len(json.dumps(shown["output"])) <= 248 * 1024


def test_a_stored_page_gives_the_lines_of_the_fresh_turn() -> None:
    payload = Payload({"a": 1})
    events = [(CODE["PassStateEntered"], 1, "A", payload), (CODE["PassStateExited"], 2, "A", payload)]
    page = decode_events(encode_events(events, 1234, PayloadTable()))
    policy = LogPolicy("ALL", True)
    assert log_lines(policy, ARN, 0, 2, 1234, page) == log_lines(policy, ARN, 0, 2, 1234, events)


def test_redelivered_is_our_own_mark() -> None:
    assert records(("TaskStateAborted",), redelivered=True)[0]["redelivered"] == "true"


def names(level: str) -> set[str]:
    return {it["type"] for it in records(*((kind.name,) for kind in BY_CODE.values()), level=level)}


def test_levels() -> None:
    assert names("FATAL") == {"ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"}
    assert names("OFF") == set()
    assert names("ALL") == {kind.name for kind in BY_CODE.values()}
    assert {"FailStateEntered", "LambdaFunctionFailed", "MapIterationAborted", "TaskStateAborted"} < names("ERROR")
    assert not {"TaskScheduled", "ExecutionSucceeded", "PassStateEntered"} & names("ERROR")


def test_a_policy_is_read_from_a_logging_configuration() -> None:
    destinations = [{"cloudWatchLogsLogGroup": {"logGroupArn": GROUP}}]
    given = {"level": "ERROR", "includeExecutionData": True, "destinations": destinations}
    assert policy_of(given, "role") == LogPolicy("ERROR", True, (GROUP,), "role")
    assert policy_of(given | {"level": "OFF"}).off
    assert policy_of(None).off
