"""Map runs and their redrive through boto3: what is described, listed, changed and refused."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.api.conftest import NAP, ended
from tests.e2e.api.refusal import refused

# Items of 0 fail at the first try.
CHECK = "{% $states.input = 0 and $states.context.Execution.RedriveCount = 0 ? $error('a zero') : $states.input %}"
NAPPING = json.loads(NAP)["States"]["Nap"]


def over(child: dict[str, Any], kind: str = "STANDARD", **fields: Any) -> str:
    """A machine whose Map runs that state for every item."""
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind},
        "StartAt": "Child",
        "States": {"Child": child},
    }
    state = {"Type": "Map", "Label": "L", "ItemProcessor": processor, "End": True, **fields}
    return json.dumps({"StartAt": "M", "States": {"M": state}})


def checking(kind: str = "STANDARD", **fields: Any) -> str:
    return over({"Type": "Pass", "QueryLanguage": "JSONata", "Output": CHECK, "End": True}, kind, **fields)


def only_run(sfn: Any, execution: str) -> dict[str, Any]:
    """The only map run of an execution, described."""
    for _ in range(500):
        runs = sfn.list_map_runs(executionArn=execution)["mapRuns"]
        if runs:
            described = sfn.describe_map_run(mapRunArn=runs[0]["mapRunArn"])
            if described["executionCounts"]["total"]:
                return dict(described)
        time.sleep(0.01)
    raise AssertionError("no map run")


def children(sfn: Any, run: dict[str, Any], **wanted: Any) -> list[dict[str, Any]]:
    return list(sfn.list_executions(mapRunArn=run["mapRunArn"], **wanted)["executions"])


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_a_failed_run_and_its_redrive_are_described_with_aws_members(
    sfn: Any, machine: Callable[..., str], kind: str
) -> None:
    arn = machine(checking(kind, MaxConcurrency=1))
    execution = sfn.start_execution(stateMachineArn=arn, input="[1,0,2]")["executionArn"]
    assert ended(sfn, execution)["error"] == "States.ExceedToleratedFailureThreshold"
    run = only_run(sfn, execution)
    assert set(run) - {"ResponseMetadata"} == {
        "mapRunArn", "executionArn", "status", "startDate", "stopDate", "maxConcurrency", "toleratedFailurePercentage",
        "toleratedFailureCount", "itemCounts", "executionCounts", "redriveCount",
    }  # fmt: skip
    numbers = {"pending": 1, "running": 0, "succeeded": 1, "failed": 1, "timedOut": 0, "aborted": 0, "total": 3}
    numbers |= {"resultsWritten": 3, "failuresNotRedrivable": 0, "pendingRedrive": 0}
    assert (run["itemCounts"], run["executionCounts"], run["redriveCount"]) == (numbers, numbers, 0)
    (failed,) = children(sfn, run, statusFilter="FAILED")
    described = sfn.describe_execution(executionArn=failed["executionArn"])
    assert (described["redriveStatus"], "redriveStatusReason" in described) == ("REDRIVABLE_BY_MAP_RUN", False)
    assert failed["stateMachineArn"] == described["stateMachineArn"] == f"{arn}/L"

    redriven = sfn.redrive_execution(executionArn=execution)["redriveDate"]
    assert json.loads(ended(sfn, execution)["output"]) == [1, 0, 2]
    again = sfn.describe_map_run(mapRunArn=run["mapRunArn"])
    assert (again["status"], again["redriveCount"], again["startDate"]) == ("SUCCEEDED", 1, run["startDate"])
    assert abs((again["redriveDate"] - redriven).total_seconds()) < 5
    assert again["itemCounts"] == numbers | {"pending": 0, "failed": 0, "succeeded": 3}
    (child,) = children(sfn, run, redriveFilter="REDRIVEN")
    assert (child["executionArn"], child["redriveCount"]) == (failed["executionArn"], 1)
    assert ("redriveDate" in child, child["startDate"] == failed["startDate"]) == (kind == "STANDARD",) * 2
    assert len(children(sfn, run, redriveFilter="NOT_REDRIVEN")) == 2
    assert children(sfn, run, statusFilter="PENDING_REDRIVE") == []
    types = [event["type"] for event in sfn.get_execution_history(executionArn=execution)["events"]]
    assert types[6:9] == ["ExecutionFailed", "ExecutionRedriven", "MapRunRedriven"]


def test_children_that_wait_for_a_place_are_pending_redrive(sfn: Any, machine: Callable[..., str]) -> None:
    execution = sfn.start_execution(stateMachineArn=machine(over(NAPPING, MaxConcurrency=3)), input="[1,2,3]")
    execution = execution["executionArn"]
    run = only_run(sfn, execution)
    for _ in range(500):
        if len(children(sfn, run, statusFilter="RUNNING")) == 3:
            break
        time.sleep(0.01)
    sfn.stop_execution(executionArn=execution)
    for _ in range(1_000):
        run = only_run(sfn, execution)
        if run["status"] == "ABORTED":
            break
        time.sleep(0.01)
    assert (run["itemCounts"]["aborted"], run["itemCounts"]["pendingRedrive"]) == (3, 0)
    assert children(sfn, run, statusFilter="PENDING_REDRIVE") == []
    sfn.redrive_execution(executionArn=execution)
    for _ in range(500):
        if only_run(sfn, execution)["status"] == "RUNNING":
            break
        time.sleep(0.01)
    sfn.update_map_run(mapRunArn=run["mapRunArn"], maxConcurrency=1)
    described = sfn.describe_map_run(mapRunArn=run["mapRunArn"])
    assert (described["status"], described["redriveCount"], "stopDate" in described) == ("RUNNING", 1, False)
    counts = described["executionCounts"]
    assert counts["running"] + counts["pendingRedrive"] + counts["aborted"] == 3
    assert counts["aborted"] == 0


@pytest.mark.parametrize("status", ["FAILED", "SUCCEEDED"])
def test_a_child_is_not_redriven_by_itself(sfn: Any, machine: Callable[..., str], status: str) -> None:
    execution = sfn.start_execution(stateMachineArn=machine(checking(MaxConcurrency=1)), input="[1,0]")["executionArn"]
    ended(sfn, execution)
    (child,) = children(sfn, only_run(sfn, execution), statusFilter=status)
    assert refused(sfn.redrive_execution, executionArn=child["executionArn"]) == (
        "ValidationException",
        "Labeled Execution ARNs are not supported for this API",
    )


def test_an_express_child_has_neither_redrive_nor_history(sfn: Any, machine: Callable[..., str]) -> None:
    execution = sfn.start_execution(stateMachineArn=machine(checking("EXPRESS")), input="[0]")["executionArn"]
    ended(sfn, execution)
    (child,) = children(sfn, only_run(sfn, execution))
    text = "Invalid Arn: 'Resource type not valid in this context: express'"
    for call in (sfn.redrive_execution, sfn.get_execution_history):
        assert refused(call, executionArn=child["executionArn"]) == ("InvalidArn", text)


def test_redrive_filters_need_a_map_run(sfn: Any, machine: Callable[..., str]) -> None:
    arn = machine(checking())
    for wanted in ({"redriveFilter": "REDRIVEN"}, {"statusFilter": "PENDING_REDRIVE"}):
        assert refused(sfn.list_executions, stateMachineArn=arn, **wanted)[0] == "ValidationException"


def test_a_run_that_has_ended_cannot_be_changed_until_it_is_redriven(sfn: Any, machine: Callable[..., str]) -> None:
    execution = sfn.start_execution(stateMachineArn=machine(checking()), input="[0]")["executionArn"]
    ended(sfn, execution)
    run = only_run(sfn, execution)
    assert refused(sfn.update_map_run, mapRunArn=run["mapRunArn"], maxConcurrency=1)[0] == "ValidationException"
