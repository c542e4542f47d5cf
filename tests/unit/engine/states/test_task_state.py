"""Fields of a Task that are computed: what does not fit ends the state with an error, never with an exception."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixtures.memory_host import MemoryHost, TaskError

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
PREFIX = "An error occurred while executing the state 'T' (entered at the event id #2). "


def ran(input: Any = None, language: str = "JSONPath", answer: Any = None, **fields: Any) -> MemoryHost:
    state = {"Type": "Task", "Resource": FUNCTION, "End": True, "QueryLanguage": language, **fields}
    return MemoryHost({"StartAt": "T", "States": {"T": state}}, input, answer).run()


@pytest.mark.parametrize("value", [None, 1, {}, ["arn"]])
def test_a_role_that_is_no_text_is_a_runtime_error(value: Any) -> None:
    host = ran({"role": value}, Credentials={"RoleArn.$": "$.role"})
    cause = f"{PREFIX}The field 'RoleArn' of the field 'Credentials' must be a string"
    assert (host.execution.error, host.execution.cause) == ("States.Runtime", cause)


def test_a_jsonata_role_that_is_no_text_is_an_evaluation_error() -> None:
    host = ran(language="JSONata", Credentials={"RoleArn": "{% 1 %}"})
    cause = (
        f"{PREFIX}The JSONata expression '1' specified for the field 'Credentials/RoleArn' returned an unexpected "
        "result type. Expected 'string', but was 'number' for value: 1"
    )
    assert (host.execution.error, host.execution.cause) == ("States.QueryEvaluationError", cause)


@pytest.mark.parametrize("credentials", ["{% {'RoleArn': 'arn'} %}", {"RoleArn": "arn"}, {"RoleArn": "{% 'arn' %}"}])
def test_the_role_is_shown_where_the_task_is_scheduled(credentials: Any) -> None:
    host = ran(language="JSONata", Credentials=credentials)
    assert host.events[2]["lambdaFunctionScheduledEventDetails"]["taskCredentials"] == {"roleArn": "arn"}


def test_computed_fields_see_the_input_after_inputpath() -> None:
    host = ran(
        {"in": {"seconds": 7, "role": "arn"}},
        InputPath="$.in",
        TimeoutSecondsPath="$.seconds",
        Credentials={"RoleArn.$": "$.role"},
    )
    scheduled = host.events[2]["lambdaFunctionScheduledEventDetails"]
    assert (scheduled["timeoutInSeconds"], scheduled["taskCredentials"]) == (7, {"roleArn": "arn"})


def test_a_cause_is_cut_where_the_api_ends() -> None:
    def answer(offer: Any) -> Any:
        raise TaskError("E", "x" * 40_000)

    assert len(ran(answer=answer).events[-1]["executionFailedEventDetails"]["cause"]) == 32_768
    missing = ran("y" * 40_000, Parameters={"a.$": "$.nope"}).events[-1]["executionFailedEventDetails"]["cause"]
    assert (len(missing), missing.startswith(PREFIX)) == (32_768, True)


@pytest.mark.parametrize("field", ["TimeoutSeconds", "HeartbeatSeconds"])
@pytest.mark.parametrize(
    ("value", "cause"),
    [
        ("5", 'The {0}Path field refers to value "5" which is not a valid integer: $.s'),
        (1.5, 'The {0}Path field refers to value "1.5" which is not a valid integer: $.s'),
        ({}, 'The {0}Path field refers to value "{{}}" which is not a valid integer: $.s'),
        (0, "The {0} field must be a positive integer but was: 0"),
        (10**9, "The {0} field must be a positive integer but was: 1000000000"),
    ],
)
def test_a_path_to_no_number_of_seconds_is_a_runtime_error(field: str, value: Any, cause: str) -> None:
    host = ran({"s": value}, **{f"{field}Path": "$.s"})
    assert (host.execution.error, host.execution.cause) == ("States.Runtime", PREFIX + cause.format(field))
    assert [event["type"] for event in host.events[1:]] == ["TaskStateEntered", "ExecutionFailed"]
