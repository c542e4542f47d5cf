"""A server with SFN_MOCK_CONFIG: `arn#TestCase` runs on mocks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from services.testing.server import Server

ROLE = "arn:aws:iam::000000000000:role/any"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:nobody"
ACTIVITY = "arn:aws:states:us-east-1:000000000000:activity:{}"
_NUMBERS = count(1)


def task(resource: str, **fields: Any) -> str:
    state = {"Type": "Task", "Resource": resource, "End": True, **fields}
    return json.dumps({"StartAt": "Work", "States": {"Work": state}})


def mock_file(*machines: str, **responses: dict[str, Any]) -> str:
    cases = {name: {"Work": name} for name in responses}
    return json.dumps({"StateMachines": {it: {"TestCases": cases} for it in machines}, "MockedResponses": responses})


MOCKS = mock_file(
    "mocked",
    "quick",
    Good={"0": {"Return": {"n": 1}}},
    Late={"0-1": {"Throw": {"Error": "Busy"}}, "2": {"Return": "done"}},
)


@pytest.fixture(scope="module")
def mocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("mocks") / "mocks.json"
    file.write_text(MOCKS)
    return file


@pytest.fixture(scope="module")
def server(mocks: Path) -> Iterator[Server]:
    with Server(mocks=mocks) as running:
        yield running


@pytest.fixture
def sfn(server: Server) -> Any:
    """An account of its own for each test, so that all may use the names of the mock file."""
    return server.client(key=f"{next(_NUMBERS):012d}")


def run(server: Server, sfn: Any, definition: str, case: str) -> dict[str, Any]:
    arn = sfn.create_state_machine(name="mocked", definition=definition, roleArn=ROLE)["stateMachineArn"]
    started = sfn.start_execution(stateMachineArn=f"{arn}#{case}")
    return server.wait_for(started["executionArn"])


def test_the_case_answers_instead_of_the_service(server: Server, sfn: Any) -> None:
    found = run(server, sfn, task(FUNCTION), "Good")
    assert (found["status"], found["output"]) == ("SUCCEEDED", '{"n":1}')
    assert "#" not in found["executionArn"] + found["stateMachineArn"]


def test_retries_count(server: Server, sfn: Any) -> None:
    retry = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "BackoffRate": 1}]
    assert run(server, sfn, task(FUNCTION, Retry=retry), "Late")["output"] == '"done"'


@pytest.mark.parametrize(
    "resource",
    ["arn:aws:states:::sqs:sendMessage.waitForTaskToken", "arn:aws:states:::states:startExecution.sync:2"],
)
def test_callbacks_and_jobs_end_with_what_the_case_returns(server: Server, sfn: Any, resource: str) -> None:
    parameters = (
        {"QueueUrl": "q", "MessageBody": {"token.$": "$$.Task.Token"}}
        if "sqs" in resource
        else {"StateMachineArn": "m"}
    )
    assert run(server, sfn, task(resource, Parameters=parameters), "Good")["output"] == '{"n":1}'


def test_an_activity_needs_no_worker(server: Server, sfn: Any) -> None:
    arn = sfn.create_activity(name="manual")["activityArn"]
    assert run(server, sfn, task(arn), "Good")["output"] == '{"n":1}'


def test_an_express_execution_runs_on_mocks_too(sfn: Any) -> None:
    machine = sfn.create_state_machine(name="quick", definition=task(FUNCTION), roleArn=ROLE, type="EXPRESS")
    answer = sfn.start_sync_execution(stateMachineArn=f"{machine['stateMachineArn']}#Good")
    assert (answer["status"], answer["output"]) == ("SUCCEEDED", '{"n":1}')
    assert "#" not in answer["executionArn"] + answer["stateMachineArn"]


def test_a_case_that_nobody_wrote_is_named(server: Server, sfn: Any) -> None:
    found = run(server, sfn, task(FUNCTION), "Nope")
    assert found["status"] == "FAILED"
    assert "no test case 'Nope'" in found["cause"]


def test_one_name_runs_one_case(sfn: Any) -> None:
    nap = json.dumps({"StartAt": "Nap", "States": {"Nap": {"Type": "Wait", "Seconds": 3600, "End": True}}})
    arn = sfn.create_state_machine(name="mocked", definition=nap, roleArn=ROLE)["stateMachineArn"]
    first = sfn.start_execution(stateMachineArn=f"{arn}#Late", name="same")
    assert sfn.start_execution(stateMachineArn=f"{arn}#Late", name="same")["executionArn"] == first["executionArn"]
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        sfn.start_execution(stateMachineArn=f"{arn}#Good", name="same")


def test_the_file_is_read_again_when_it_changes(server: Server, sfn: Any, mocks: Path) -> None:
    mocks.write_text(mock_file("mocked", "quick", Good={"0": {"Return": {"n": 2, "changed": True}}}))
    assert json.loads(run(server, sfn, task(FUNCTION), "Good")["output"]) == {"n": 2, "changed": True}
    mocks.write_text(MOCKS)


def test_without_mocks_such_an_arn_is_refused() -> None:
    with Server() as plain:
        sfn = plain.client()
        arn = sfn.create_state_machine(name="mocked", definition=task(FUNCTION), roleArn=ROLE)["stateMachineArn"]
        with pytest.raises(ClientError, match="InvalidArn"):
            sfn.start_execution(stateMachineArn=f"{arn}#Good")


def test_a_file_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(Exception, match=r"SFN_MOCK_CONFIG=.*broken\.json"), Server(mocks=tmp_path / "broken.json"):
        pass
