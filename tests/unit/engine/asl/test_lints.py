"""Our own warnings: what is allowed but hardly meant."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.asl.diagnostics import OWN_PREFIX
from engine.asl.validate import validate
from tests.unit.engine.asl.definitions import alone, task


def lints(definition: dict[str, Any]) -> set[tuple[str, str | None]]:
    found = validate(json.dumps(definition), lints=True)
    assert all(finding.severity == "WARNING" for finding in found)
    return {(finding.code.removeprefix(OWN_PREFIX), finding.location) for finding in found}


def test_they_are_silent_unless_asked_for() -> None:
    assert validate(json.dumps(alone(task()))) == []


@pytest.mark.parametrize("timeout", [{"TimeoutSeconds": 5}, {"TimeoutSecondsPath": "$.t"}])
def test_a_task_without_timeout(timeout: dict[str, Any]) -> None:
    assert ("NO_TIMEOUT", "/States/S") in lints(alone(task()))
    assert ("NO_TIMEOUT", "/States/S") not in lints(alone(task(**timeout)))


@pytest.mark.parametrize(
    ("names", "is_shadowed"),
    [
        ([["A"], ["A"]], True),
        ([["A", "B"], ["B"]], True),
        ([["States.TaskFailed"], ["A"]], True),
        ([["States.TaskFailed"], ["States.Timeout"]], False),
        ([["States.TaskFailed"], ["States.ALL"]], False),
        ([["A"], ["A", "B"]], False),
    ],
)
@pytest.mark.parametrize("field", ["Retry", "Catch"])
def test_an_entry_that_never_acts(field: str, names: list[list[str]], is_shadowed: bool) -> None:
    more = {"Next": "Z"} if field == "Catch" else {}
    definition = alone(task(**{field: [{"ErrorEquals": each, **more} for each in names]}))
    assert ((f"SHADOWED_{field.upper()}", f"/States/S/{field}[1]") in lints(definition)) is is_shadowed


@pytest.mark.parametrize(
    ("resource", "given", "is_warned"),
    [
        ("arn:aws:states:::sqs:sendMessage.waitForTaskToken", {}, True),
        ("arn:aws:states:::sqs:sendMessage.waitForTaskToken", {"HeartbeatSeconds": 60}, False),
        ("arn:aws:states:us-east-1:123456789012:activity:a", {}, True),
        ("arn:aws:states:::glue:startJobRun.sync", {}, True),
        ("arn:aws:states:::glue:startJobRun.sync", {"HeartbeatSeconds": 60}, True),
        ("arn:aws:states:::sqs:sendMessage", {}, False),
        ("arn:aws:states:::aws-sdk:s3:getObject", {}, False),
    ],
)
def test_a_timeout_is_missed_where_somebody_else_decides_how_long(
    resource: str, given: dict[str, Any], is_warned: bool
) -> None:
    parameters = {"QueueUrl": "q", "MessageBody": "b", "JobName": "j"}
    state = {"Type": "Task", "Resource": resource, "End": True, **given}
    if ":activity:" not in resource:
        state["Parameters"] = parameters
    assert (("NO_TIMEOUT", "/States/S") in lints(alone(state))) is is_warned


def test_a_limit_of_the_whole_machine_is_a_timeout() -> None:
    definition = alone(task()) | {"TimeoutSeconds": 60}
    assert ("NO_TIMEOUT", "/States/S") not in lints(definition)
    express = validate(json.dumps(alone(task())), "EXPRESS", lints=True)
    assert "STEPWELL_NO_TIMEOUT" not in {finding.code for finding in express}


@pytest.mark.parametrize("field", ["Retry", "Catch"])
def test_nothing_catches_a_runtime_error(field: str) -> None:
    more = {"Next": "Z"} if field == "Catch" else {}
    definition = alone(task(**{field: [{"ErrorEquals": ["States.Runtime"], **more}]}))
    assert ("UNCATCHABLE_ERROR", f"/States/S/{field}[0]") in lints(definition)


@pytest.mark.parametrize(
    ("around", "is_warned"),
    [({}, True), ({"Retry": [{"ErrorEquals": ["E"]}]}, False), ({"ToleratedFailureCount": 1}, False)],
)
def test_errors_that_the_state_around_handles_are_handled(around: dict[str, Any], is_warned: bool) -> None:
    inner = {"StartAt": "T", "States": {"T": task()}}
    definition = alone({"Type": "Map", "ItemProcessor": inner, "End": True, **around})
    assert (("UNHANDLED_ERRORS", "/States/S/ItemProcessor/States/T") in lints(definition)) is is_warned


def test_a_task_that_handles_no_error() -> None:
    assert ("UNHANDLED_ERRORS", "/States/S") in lints(alone(task()))
    assert ("UNHANDLED_ERRORS", "/States/S") not in lints(alone(task(Retry=[{"ErrorEquals": ["E"]}])))


def test_a_heartbeat_that_is_never_missed() -> None:
    definition = alone(task(TimeoutSeconds=5, HeartbeatSeconds=5))
    assert ("USELESS_HEARTBEAT", "/States/S/HeartbeatSeconds") in lints(definition)
