"""One mocked case in memory: what answers, what time it is, and what ends the run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from services.integrations.interface import Call, Failed, Outcome, Pending, Submitted, Succeeded
from services.testing.cases import Case
from services.testing.finished import Problem
from tests.unit.services.testing.machines import FUNCTION, PASS, machine, returns, run, task, throws, types

TOKEN = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
ASKS = {"QueueUrl": "q", "MessageBody": {"token.$": "$$.Task.Token"}}


class World:
    """Real integrations that answer at once, a job at its second look."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.looks = 0

    async def call(self, call: Call) -> Outcome:
        self.calls.append(call)
        if call.resource.pattern == "sync":
            return Submitted(b'{"id":1}', {"id": 1})
        return Failed("Real", "why") if call.state == "Fails" else Succeeded(b'{"real":true}')

    async def poll(self, call: Call, job: Mapping[str, Any]) -> Succeeded | Failed | Pending:
        self.looks += 1
        return Pending(0.0) if self.looks == 1 else Succeeded(b'{"done":true}')

    async def cancel(self, call: Call, job: Mapping[str, Any]) -> None:
        return

    async def close(self) -> None:
        return


def test_waits_pass_on_the_virtual_clock(tmp_path: Path) -> None:
    week = machine(A={"Type": "Wait", "Seconds": 7 * 86_400, "Next": "B"}, B=PASS)
    done = run(tmp_path, week)
    assert (done.status, done.virtual_ms) == ("SUCCEEDED", 7 * 86_400_000)


def test_back_offs_pass_on_the_virtual_clock(tmp_path: Path) -> None:
    retry = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 60, "BackoffRate": 2, "MaxAttempts": 3}]
    busy = {"0-2": {"Throw": {"Error": "Busy"}}, "3": {"Return": "done"}}
    done = run(tmp_path, machine(A=task(Retry=retry)), responses={"A": busy})
    assert (done.output, done.virtual_ms) == ("done", (60 + 120 + 240) * 1000)


def test_a_state_without_a_mock_ends_the_run_and_no_catcher_hides_it(tmp_path: Path) -> None:
    definition = machine(A=task(Catch=[{"ErrorEquals": ["States.ALL"], "Next": "B"}]), B=PASS)
    done = run(tmp_path, definition)
    assert done.problem == Problem("no mock for state 'A' in case 'c'", "A")
    assert done.status == "RUNNING"


def test_a_callback_brings_what_the_mock_returns(tmp_path: Path) -> None:
    done = run(tmp_path, machine(A=task(TOKEN, Parameters=ASKS)), responses={"A": returns({"approved": True})})
    assert done.output == {"approved": True}
    assert types(done)[2:6] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]


@pytest.mark.parametrize(
    "resource", ["arn:aws:states:::states:startExecution.sync:2", "arn:aws:states:::batch:submitJob.sync"]
)
def test_a_job_ends_with_what_the_mock_returns(tmp_path: Path, resource: str) -> None:
    parameters = (
        {"StateMachineArn": "s"} if "states:" in resource else {"JobName": "j", "JobQueue": "q", "JobDefinition": "d"}
    )
    done = run(tmp_path, machine(A=task(resource, Parameters=parameters)), responses={"A": returns({"Status": "OK"})})
    assert done.output == {"Status": "OK"}
    assert "TaskSubmitted" in types(done)


def test_an_activity_needs_no_worker(tmp_path: Path) -> None:
    activity = "arn:aws:states:us-east-1:123456789012:activity:a"
    done = run(tmp_path, machine(A=task(activity)), responses={"A": returns(1)})
    assert done.output == 1
    assert types(done)[2:5] == ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded"]


def test_a_thrown_error_can_be_caught(tmp_path: Path) -> None:
    catch = [{"ErrorEquals": ["Broken"], "Next": "B"}]
    done = run(tmp_path, machine(A=task(Catch=catch), B=PASS), responses={"A": throws("Broken", "why")})
    assert done.output == {"Error": "Broken", "Cause": "why"}


LOOP = machine(
    A=task(ResultPath="$.n", Next="B", Retry=[{"ErrorEquals": ["Busy"], "MaxAttempts": 1}]),
    B={
        "Type": "Choice",
        "Choices": [{"Variable": "$.n", "NumericLessThan": 3, "Next": "A"}],
        "Default": "Z",
    },
    Z={"Type": "Pass", "OutputPath": "$.n", "End": True},
)


def test_mocks_by_visit_count_every_call(tmp_path: Path) -> None:
    numbers = {"0": {"Return": 1}, "1": {"Throw": {"Error": "Busy"}}, "2": {"Return": 2}, "3": {"Return": 3}}
    done = run(tmp_path, LOOP, responses={"A": numbers})
    assert (done.output, types(done).count("LambdaFunctionScheduled")) == (3, 4)


def test_mocks_by_retry_begin_anew_at_every_visit(tmp_path: Path) -> None:
    numbers = {"0": {"Throw": {"Error": "Busy"}}, "1": {"Return": 3}}
    definition = machine(First=task(Next="A"), A=task(Retry=[{"ErrorEquals": ["Busy"], "MaxAttempts": 1}]))
    done = run(tmp_path, definition, responses={"First": returns(0), "A": numbers}, mock_index="retry")
    assert done.output == 3
    endless = run(tmp_path, LOOP, responses={"A": {"0": {"Return": 1}, "1": {"Return": 3}}}, mock_index="retry")
    assert (endless.status, endless.error) == ("FAILED", "States.Runtime")


def test_every_child_of_a_distributed_map_counts_for_itself(tmp_path: Path) -> None:
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "A",
        "States": {"A": task(Retry=[{"ErrorEquals": ["Busy"], "MaxAttempts": 1}])},
    }
    definition = machine(M={"Type": "Map", "ItemProcessor": processor, "End": True})
    once_busy = {"0": {"Throw": {"Error": "Busy"}}, "1": {"Return": "done"}, "2": {"Throw": {"Error": "Wrong"}}}
    done = run(tmp_path, definition, Case("c", [1, 2, 3]), responses={"A": once_busy})
    assert (done.output, done.children["M"]) == (["done"] * 3, 3)


def test_two_runs_are_alike_to_the_last_byte(tmp_path: Path) -> None:
    definition = machine(
        A={"Type": "Pass", "Parameters": {"id.$": "States.UUID()", "at.$": "$$.State.EnteredTime"}, "End": True}
    )
    assert run(tmp_path, definition) == run(tmp_path, definition)


def test_an_express_execution_has_five_minutes(tmp_path: Path) -> None:
    done = run(tmp_path, machine(A={"Type": "Wait", "Seconds": 301, "End": True}), express=True)
    assert (done.status, done.virtual_ms) == ("TIMED_OUT", 300_000)


def test_a_failed_run_names_its_last_state(tmp_path: Path) -> None:
    done = run(tmp_path, machine(A={"Type": "Pass", "Next": "No"}, No={"Type": "Fail", "Error": "E"}))
    assert (done.error, done.last_state) == ("E", "No")


# --- real calls -------------------------------------------------------------------------------------------------------


def test_a_state_without_a_mock_is_called_for_real_where_that_is_allowed(tmp_path: Path) -> None:
    world = World()
    definition = machine(A=task(Next="B"), B=task())
    done = run(tmp_path, definition, responses={"B": returns("mocked")}, integrations=world)
    assert done.output == "mocked"
    assert [(call.state, call.test_case, call.resource.arn) for call in world.calls] == [("A", "c", FUNCTION)]


def test_a_real_failure_fails_the_task(tmp_path: Path) -> None:
    done = run(tmp_path, machine(Fails=task()), integrations=World())
    assert (done.error, done.cause) == ("Real", "why")


def test_a_real_job_is_looked_at_until_it_has_ended(tmp_path: Path) -> None:
    world = World()
    parameters = {"JobName": "j", "JobQueue": "q", "JobDefinition": "d"}
    definition = machine(A=task("arn:aws:states:::batch:submitJob.sync", Parameters=parameters))
    assert run(tmp_path, definition, integrations=world).output == {"done": True}
    assert world.looks == 2


def test_nobody_can_answer_a_callback_without_a_mock(tmp_path: Path) -> None:
    done = run(tmp_path, machine(A=task(TOKEN, Parameters=ASKS)), integrations=World())
    assert done.problem is not None and "waits for a worker or a callback" in done.problem.message


def test_branches_that_call_for_real_wait_for_one_another(tmp_path: Path) -> None:
    branches = [{"StartAt": name, "States": {name: task()}} for name in ("A", "B")]
    definition = machine(P={"Type": "Parallel", "Branches": branches, "End": True})
    assert run(tmp_path, definition, integrations=World()).output == [{"real": True}, {"real": True}]
