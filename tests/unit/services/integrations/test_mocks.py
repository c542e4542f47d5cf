"""Mocked integrations answer by test case, state and number of the call."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from services.integrations.interface import Call, Failed, Outcome, Pending, Submitted, Succeeded
from services.integrations.mocks import MockedIntegrations, MockFileError, machine_name, read_mock_file
from tests.fixtures.shared import WORKFLOWS
from tests.unit.services.integrations.calls import task

GOLDEN = WORKFLOWS / "golden" / "MockConfigFile.json"
REAL = Succeeded(b'"real"')
FILE: dict[str, Any] = {
    "StateMachines": {"m": {"TestCases": {"Good": {"A": "fine"}, "Retried": {"A": "late"}, "Bad": {"A": "thrown"}}}},
    "MockedResponses": {
        "fine": {"0": {"Return": {"StatusCode": 200}}},
        "late": {"0-1": {"Throw": {"Error": "Busy", "Cause": "later"}}, "2": {"Return": "done"}},
        "thrown": {"0": {"Throw": {"Error": "Broken", "Cause": ""}}},
    },
}


class Inner:
    """The real integrations, which answer that they were reached."""

    async def call(self, call: Call) -> Outcome:
        return REAL

    async def poll(self, call: Call, job: Mapping[str, Any]) -> Succeeded | Failed | Pending:
        return REAL

    async def cancel(self, call: Call, job: Mapping[str, Any]) -> None:
        return

    async def close(self) -> None:
        return


def mocked(path: Path, document: Any = FILE) -> MockedIntegrations:
    file = path / "mocks.json"
    file.write_text(json.dumps(document))
    return MockedIntegrations(file, Inner())


def at(case: str, key: str = "k0", state: str = "A", arn: str = "arn:aws:states:::lambda:invoke", **more: Any) -> Call:
    return task(arn, {}, test_case=case, key=key, state=state, **more)


async def test_a_mocked_state_returns_what_the_case_says(tmp_path: Path) -> None:
    assert await mocked(tmp_path).call(at("Good")) == Succeeded(b'{"StatusCode":200}')


async def test_without_a_case_or_a_mock_the_real_call_is_made(tmp_path: Path) -> None:
    integrations = mocked(tmp_path)
    assert await integrations.call(at("")) == REAL
    assert await integrations.call(at("Good", state="B")) == REAL


async def test_calls_are_counted_per_execution_and_state(tmp_path: Path) -> None:
    integrations = mocked(tmp_path)
    busy = Failed("Busy", "later")
    other = "arn:aws:states:us-east-1:000000000000:execution:m:other"
    assert [await integrations.call(at("Retried", key)) for key in ("a", "b", "c", "d")] == [
        busy,
        busy,
        Succeeded(b'"done"'),
        Succeeded(b'"done"'),
    ]
    assert await integrations.call(at("Retried", "a2", execution_arn=other)) == busy


async def test_a_call_that_comes_again_keeps_its_number(tmp_path: Path) -> None:
    integrations = mocked(tmp_path)
    await integrations.call(at("Retried", "a"))
    await integrations.call(at("Retried", "b"))
    assert await integrations.call(at("Retried", "a")) == Failed("Busy", "later")


async def test_a_thrown_error_fails_the_task(tmp_path: Path) -> None:
    assert await mocked(tmp_path).call(at("Bad")) == Failed("Broken", "")


@pytest.mark.parametrize(
    "arn", ["arn:aws:states:::sqs:sendMessage.waitForTaskToken", "arn:aws:states:::states:startExecution.sync:2"]
)
async def test_callbacks_and_jobs_are_submitted_and_end_at_the_first_look(tmp_path: Path, arn: str) -> None:
    integrations = mocked(tmp_path)
    call = at("Good", arn=arn)
    submitted = await integrations.call(call)
    assert isinstance(submitted, Submitted) and submitted.job is not None
    assert await integrations.poll(call, submitted.job) == Succeeded(b'{"StatusCode":200}')


async def test_the_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    integrations = mocked(tmp_path)
    await integrations.call(at("Good"))
    changed = {**FILE, "MockedResponses": {**FILE["MockedResponses"], "fine": {"0": {"Return": [1, 2]}}}}
    (tmp_path / "mocks.json").write_text(json.dumps(changed))
    os.utime(tmp_path / "mocks.json", ns=(1, 1))
    assert await integrations.call(at("Good", "next")) == Succeeded(b"[1,2]")


async def test_an_unknown_case_is_named(tmp_path: Path) -> None:
    failed = await mocked(tmp_path).call(at("Nope"))
    assert isinstance(failed, Failed) and "no test case 'Nope'" in failed.cause


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"MockedResponses": {}}, "MockedResponses has no 'fine'"),
        ({"MockedResponses": {"fine": {"x": {"Return": 1}}}}, "'x' is neither a number nor a range"),
        ({"MockedResponses": {"fine": {"0": {}}}}, "needs either Return or Throw"),
        ({"MockedResponses": {"fine": {"0": {"Throw": {}}}}}, "Throw needs Error"),
        ({"StateMachines": []}, "StateMachines must be an object"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, change: Any, said: str) -> None:
    file = tmp_path / "mocks.json"
    file.write_text(json.dumps({**FILE, **change}))
    with pytest.raises(MockFileError, match=said):
        read_mock_file(file)


def test_states_without_a_mock_are_listed(tmp_path: Path) -> None:
    file = tmp_path / "mocks.json"
    file.write_text(json.dumps(FILE))
    assert read_mock_file(file).missing("m", "Good", ["A", "B"]) == ["B"]


@pytest.mark.parametrize("tail", ["m", "m:7", "m:PROD", "m/Label"])
def test_the_machines_name_is_found_in_every_form_of_its_arn(tail: str) -> None:
    assert machine_name(f"arn:aws:states:us-east-1:000000000000:stateMachine:{tail}") == "m"


@pytest.mark.skipif(not GOLDEN.exists(), reason="the published workflows are not at hand")
def test_the_mocks_of_the_published_workflows_are_read() -> None:
    file = read_mock_file(GOLDEN)
    assert len(file.machines) == 30
    assert sum(len(file.cases(machine)) for machine in file.machines) == 78


async def test_a_retry_counts_the_calls_that_an_earlier_process_answered(tmp_path: Path) -> None:
    assert await mocked(tmp_path).call(at("Retried", "c", attempt=2)) == Succeeded(b'"done"')


def test_activities_are_answered_without_a_call(tmp_path: Path) -> None:
    integrations = mocked(tmp_path)
    activity = "arn:aws:states:us-east-1:000000000000:activity:a"
    assert integrations.answer_activity(at("Good", arn=activity)) == Succeeded(b'{"StatusCode":200}')
    assert integrations.answer_activity(at("Bad", arn=activity)) == Failed("Broken", "")
    assert integrations.answer_activity(at("Good", state="B", arn=activity)) is None
