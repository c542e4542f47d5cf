"""Nested executions start in our own engine and show what AWS shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from services.integrations.interface import Call, Failed, Pending, Submitted, Succeeded
from services.integrations.nested_executions import NestedRefused, NestedStart, StartExecution
from services.runtime.ids import SystemIds
from tests.unit.services.integrations.calls import task

MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:child"
CHILD = "arn:aws:states:us-east-1:000000000000:execution:child:n"
START = "arn:aws:states:::states:startExecution"


class FixedClock:
    """A clock that stands still."""

    def now_ms(self) -> int:
        return 1_713_421_621_000

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        return


class Engine:
    """Our own API, as far as a parent execution uses it."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str, bytes, str | None]] = []
        self.stopped: list[str] = []
        self.status = "RUNNING"
        self.refusal: NestedRefused | None = None

    async def start(self, call: Call, machine_arn: str, name: str, input_text: bytes, trace: str | None) -> NestedStart:
        if self.refusal is not None:
            raise self.refusal
        self.started.append((machine_arn, name, input_text, trace))
        return NestedStart(CHILD, 1_713_421_621_000)

    async def describe(self, call: Call, execution_arn: str) -> Mapping[str, Any]:
        described = {
            "executionArn": execution_arn,
            "stateMachineArn": MACHINE,
            "name": "n",
            "status": self.status,
            "startDate": 1_713_421_621_000,
            "input": '{"a":1}',
            "inputDetails": {"included": True},
            "redriveCount": 0,
            "redriveStatus": "NOT_REDRIVABLE",
            "redriveDate": None,
        }
        if self.status == "SUCCEEDED":
            described |= {"output": '{"b":2}', "outputDetails": {"included": True}, "stopDate": 1_713_421_622_000}
        if self.status == "FAILED":
            described |= {"error": "E", "cause": "C", "stopDate": 1_713_421_622_000}
        return described

    async def stop(self, call: Call, execution_arn: str) -> None:
        self.stopped.append(execution_arn)


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def handler(engine: Engine) -> StartExecution:
    return StartExecution(engine, FixedClock(), SystemIds())


@pytest.mark.parametrize(("given", "text"), [({"a": 1}, b'{"a":1}'), (None, b"{}"), ('{"a": 1}', b'{"a": 1}')])
async def test_the_input_is_sent_as_json_text(engine: Engine, handler: StartExecution, given: Any, text: bytes) -> None:
    await handler.call(task(START, {"StateMachineArn": MACHINE, "Name": "n", "Input": given}))
    assert engine.started == [(MACHINE, "n", text, None)]


async def test_request_response_shows_the_start(handler: StartExecution) -> None:
    done = await handler.call(task(START, {"StateMachineArn": MACHINE, "Name": "n"}))
    assert isinstance(done, Succeeded)
    shown = json.loads(done.output)
    assert list(shown) == ["ExecutionArn", "SdkHttpMetadata", "SdkResponseMetadata", "StartDate"]
    assert shown["ExecutionArn"] == CHILD
    assert list(shown["SdkHttpMetadata"]["HttpHeaders"]) == [
        "connection",
        "Content-Length",
        "Content-Type",
        "Date",
        "x-amzn-RequestId",
    ]


async def test_a_child_without_a_name_is_named_by_the_attempt(engine: Engine, handler: StartExecution) -> None:
    for key in ("a", "a", "b"):
        await handler.call(task(START, {"StateMachineArn": MACHINE}, key=key))
    first, again, other = [name for _, name, _, _ in engine.started]
    assert first == again != other
    assert len(first) == 36 and first[14] == "4"


@pytest.mark.parametrize(
    ("pattern", "shown_input", "output"),
    [
        (".sync", '{"a":1}', '{"b":2}'),
        (".sync:2", {"a": 1}, {"b": 2}),
    ],
)
async def test_sync_ends_with_the_description(
    engine: Engine, handler: StartExecution, pattern: str, shown_input: Any, output: Any
) -> None:
    call = task(START + pattern, {"StateMachineArn": MACHINE, "Name": "n"})
    submitted = await handler.call(call)
    assert isinstance(submitted, Submitted) and submitted.job is not None
    assert await handler.poll(call, submitted.job) == Pending(1.0)
    engine.status = "SUCCEEDED"
    ended = await handler.poll(call, submitted.job)
    assert isinstance(ended, Succeeded)
    assert json.loads(ended.output) == {
        "ExecutionArn": CHILD,
        "Input": shown_input,
        "InputDetails": {"Included": True},
        "Name": "n",
        "Output": output,
        "OutputDetails": {"Included": True},
        "RedriveCount": 0,
        "RedriveStatus": "NOT_REDRIVABLE",
        "StartDate": 1_713_421_621_000,
        "StateMachineArn": MACHINE,
        "Status": "SUCCEEDED",
        "StopDate": 1_713_421_622_000,
    }
    assert list(json.loads(ended.output)) == sorted(json.loads(ended.output))


async def test_a_failed_child_fails_the_task_with_its_description(engine: Engine, handler: StartExecution) -> None:
    call = task(START + ".sync:2", {"StateMachineArn": MACHINE, "Name": "n"})
    submitted = await handler.call(call)
    assert isinstance(submitted, Submitted) and submitted.job is not None
    engine.status = "FAILED"
    failed = await handler.poll(call, submitted.job)
    assert isinstance(failed, Failed) and failed.error == "States.TaskFailed"
    cause = json.loads(failed.cause)
    assert (cause["Status"], cause["Error"], cause["Cause"], "Output" in cause) == ("FAILED", "E", "C", False)


async def test_waiting_for_a_token_polls_nothing(handler: StartExecution) -> None:
    submitted = await handler.call(task(START + ".waitForTaskToken", {"StateMachineArn": MACHINE}))
    assert isinstance(submitted, Submitted) and submitted.job is None


async def test_stopping_the_parent_stops_the_child(engine: Engine, handler: StartExecution) -> None:
    call = task(START + ".sync", {"StateMachineArn": MACHINE})
    submitted = await handler.call(call)
    assert isinstance(submitted, Submitted) and submitted.job is not None
    await handler.cancel(call, submitted.job)
    assert engine.stopped == [CHILD]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ExecutionLimitExceeded", "StepFunctions.ExecutionLimitExceededException"),
        ("ValidationException", "StepFunctions.ValidationException"),
        ("ThrottlingException", "StepFunctions.AWSStepFunctionsException"),
    ],
)
async def test_what_no_model_names_is_the_sdks_own_exception(
    engine: Engine, handler: StartExecution, code: str, error: str
) -> None:
    engine.refusal = NestedRefused(code, "no")
    failed = await handler.call(task(START, {"StateMachineArn": MACHINE}))
    assert isinstance(failed, Failed)
    assert failed.error == error and f"Error Code: {code};" in failed.cause


async def test_a_refusal_reads_as_in_sdk_1(engine: Engine, handler: StartExecution) -> None:
    engine.refusal = NestedRefused("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{MACHINE}'")
    failed = await handler.call(task(START, {"StateMachineArn": MACHINE, "Name": "n"}))
    assert isinstance(failed, Failed) and failed.error == "StepFunctions.StateMachineDoesNotExistException"
    assert failed.cause.startswith(
        f"State Machine Does Not Exist: '{MACHINE}' (Service: AWSStepFunctions; Status Code: 400; Error Code: "
        "StateMachineDoesNotExist; Request ID: "
    )
    assert failed.cause.endswith("; Proxy: null)")


async def test_the_machine_must_be_named(handler: StartExecution) -> None:
    failed = await handler.call(task(START, {"Name": "n"}))
    assert isinstance(failed, Failed) and failed.error == "States.Runtime"
    assert failed.cause.endswith("[The field 'StateMachineArn' is required but was missing]")
