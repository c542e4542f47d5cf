"""The operations of map runs through boto3."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.clients.conftest import ROLE
from tests.e2e.clients.test_boto3 import make
from tests.fixtures.server import Server
from tests.fixtures.service_model import answer_faults

COUNTS = {
    "pending", "running", "succeeded", "failed", "timedOut", "aborted", "total", "resultsWritten",
    "failuresNotRedrivable", "pendingRedrive",
}  # fmt: skip


@pytest.fixture
def sfn(server: Server) -> Any:
    client = make(server, "127.0.0.1", key="555566667777", inject_host_prefix=False, parameter_validation=False)

    def check(response_dict: dict[str, Any], event_name: str, **_: Any) -> None:
        found = answer_faults(event_name.rpartition(".")[2], response_dict["status_code"], response_dict["body"])
        assert not found, found

    client.meta.events.register("response-received.sfn", check)
    return client


def started(sfn: Any, inner: dict[str, Any], execution_type: str = "STANDARD", **fields: Any) -> str:
    """The ARN of an execution with a distributed Map over three items."""
    state = {"Type": "Map", "ItemProcessor": processor(inner, execution_type), "End": True, "Label": "items", **fields}
    state = {name: value for name, value in state.items() if value is not None}
    definition = json.dumps({"StartAt": "M", "States": {"M": state}})
    name = f"map-{time.time_ns()}"
    machine = sfn.create_state_machine(name=name, definition=definition, roleArn=ROLE)["stateMachineArn"]
    return str(sfn.start_execution(stateMachineArn=machine, input="[1,2,3]")["executionArn"])


def processor(inner: dict[str, Any], execution_type: str = "STANDARD") -> dict[str, Any]:
    config = {"Mode": "DISTRIBUTED", "ExecutionType": execution_type}
    return {"ProcessorConfig": config, "StartAt": "Item", "States": {"Item": inner}}


def until(ask: Callable[[], Any], seconds: float = 20.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := ask()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)
    return found


def run_of(sfn: Any, execution: str) -> dict[str, Any]:
    found: dict[str, Any] = until(lambda: sfn.list_map_runs(executionArn=execution)["mapRuns"])[0]
    return found


def test_a_map_run_is_listed_described_changed_and_ended(sfn: Any) -> None:
    execution = started(sfn, {"Type": "Wait", "Seconds": 3600, "End": True}, MaxConcurrency=1)
    machine = execution.replace(":execution:", ":stateMachine:").rpartition(":")[0]
    item = run_of(sfn, execution)
    assert item.keys() == {"executionArn", "mapRunArn", "stateMachineArn", "startDate"}
    assert (item["executionArn"], item["stateMachineArn"]) == (execution, f"{machine}/items")
    run = item["mapRunArn"]
    until(lambda: sfn.describe_map_run(mapRunArn=run)["executionCounts"]["running"] == 1)
    shown = sfn.describe_map_run(mapRunArn=run)
    assert (shown["status"], shown["maxConcurrency"], shown["redriveCount"]) == ("RUNNING", 1, 0)
    assert shown["itemCounts"].keys() == shown["executionCounts"].keys() == COUNTS
    assert (shown["executionCounts"]["total"], shown["executionCounts"]["pending"]) == (3, 2)

    sfn.update_map_run(mapRunArn=run, toleratedFailureCount=2**63 - 1)
    assert sfn.describe_map_run(mapRunArn=run)["toleratedFailureCount"] == 2**63 - 1
    assert sfn.update_map_run(mapRunArn=run, maxConcurrency=3, toleratedFailureCount=2).keys() == {"ResponseMetadata"}
    until(lambda: sfn.describe_map_run(mapRunArn=run)["executionCounts"]["running"] == 3)
    shown = sfn.describe_map_run(mapRunArn=run)
    assert (shown["maxConcurrency"], shown["toleratedFailureCount"]) == (3, 2)
    children = sfn.list_executions(mapRunArn=run, statusFilter="RUNNING")["executions"]
    assert {child["mapRunArn"] for child in children} == {run}
    assert len(children) == 3

    sfn.stop_execution(executionArn=execution)
    until(lambda: sfn.describe_map_run(mapRunArn=run)["status"] == "ABORTED")
    with pytest.raises(sfn.exceptions.ValidationException) as refused:
        sfn.update_map_run(mapRunArn=run, maxConcurrency=1)
    assert refused.value.response["reason"] == "CANNOT_UPDATE_COMPLETED_MAP_RUN"
    assert "stopDate" in run_of(sfn, execution)


def test_the_children_of_a_map_run_come_in_pages(sfn: Any) -> None:
    execution = started(sfn, {"Type": "Pass", "End": True})
    until(lambda: sfn.describe_execution(executionArn=execution)["status"] == "SUCCEEDED")
    run = run_of(sfn, execution)["mapRunArn"]
    pages = sfn.get_paginator("list_executions").paginate(mapRunArn=run, PaginationConfig={"PageSize": 2})
    names = [[child["name"] for child in page["executions"]] for page in pages]
    assert [len(page) for page in names] == [2, 1]
    assert len({name for page in names for name in page}) == 3
    for child in sfn.list_executions(mapRunArn=run)["executions"]:
        described = sfn.describe_execution(executionArn=child["executionArn"])
        assert (described["status"], described["mapRunArn"]) == ("SUCCEEDED", run)


def test_a_map_run_that_is_not_there(sfn: Any) -> None:
    arn = "arn:aws:states:us-east-1:555566667777:mapRun:m/items:7e7e952a-1dc7-4080-ab15-0f5248050000"
    for call in (sfn.describe_map_run, sfn.update_map_run, sfn.list_executions):
        with pytest.raises(sfn.exceptions.ResourceNotFound) as refused:
            call(mapRunArn=arn, **({"maxConcurrency": 1} if call == sfn.update_map_run else {}))
        error = refused.value.response
        assert (error["Error"]["Message"], error["resourceName"]) == (f"Resource not found: '{arn}'", arn)


@pytest.mark.parametrize("execution_type", ["STANDARD", "EXPRESS"])
@pytest.mark.parametrize("label", ["items", None])
def test_the_map_of_a_run_is_described_like_a_state_machine(sfn: Any, label: str | None, execution_type: str) -> None:
    inner = {"Type": "Pass", "End": True}
    execution = started(sfn, inner, execution_type, Label=label)
    until(lambda: sfn.describe_execution(executionArn=execution)["status"] == "SUCCEEDED")
    item = run_of(sfn, execution)
    machine, _, shown_label = item["stateMachineArn"].partition("/")
    assert label in (shown_label, None)
    described = sfn.describe_state_machine(stateMachineArn=item["stateMachineArn"], includedData="METADATA_ONLY")
    assert (described["name"], described["label"]) == (machine.rpartition(":")[2], shown_label)
    assert json.loads(described["definition"]) == processor(inner, execution_type)

    child = sfn.list_executions(mapRunArn=item["mapRunArn"])["executions"][0]["executionArn"]
    pinned = sfn.describe_state_machine_for_execution(executionArn=child)
    assert (pinned["stateMachineArn"], pinned["label"]) == (item["stateMachineArn"], shown_label)
    assert (pinned["mapRunArn"], pinned["name"]) == (item["mapRunArn"], described["name"])
    assert pinned["definition"] == described["definition"]
