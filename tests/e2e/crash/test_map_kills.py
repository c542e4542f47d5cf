"""kill -9 in the middle of a map run of 100 items, and of its redrive: nothing is lost, no item has two executions."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from services.cli.client import Client
from tests.e2e.crash.cluster import cluster
from tests.fixtures.redis import RedisServer
from tests.fixtures.server import Server

COUNT = 100
END_SECONDS = 120.0
ROLE = "arn:aws:iam::000000000000:role/any"

pytestmark = pytest.mark.slow


def definition(tolerated: int) -> str:
    """Every tenth child fails, the others wait a moment."""
    states = {
        "Which": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.last", "StringEquals": "0", "Next": "Bad"}],
            "Default": "Wait",
        },
        "Bad": {"Type": "Fail", "Error": "Bad", "Cause": "a zero"},
        "Wait": {"Type": "Wait", "Seconds": 1, "OutputPath": "$.n", "End": True},
    }
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Which",
        "States": states,
    }
    run = {
        "Type": "Map",
        "Label": "All",
        "MaxConcurrency": 20,
        "ToleratedFailureCount": tolerated,
        "ItemProcessor": processor,
        "End": True,
    }
    return json.dumps({"StartAt": "Run", "States": {"Run": run}})


def failing_once(kind: str) -> str:
    """Every tenth child fails at its first try, and goes on when it is redriven."""
    first = "$states.context.Execution.RedriveCount = 0"
    bad = f"{{% $states.input.last = '0' and {first} ? $error('a zero') : $states.input %}}"
    states = {
        "Wait": {"Type": "Wait", "Seconds": 1, "Next": "Check"},
        "Check": {"Type": "Pass", "QueryLanguage": "JSONata", "Output": bad, "Next": "Again"},
        "Again": {"Type": "Wait", "Seconds": 1, "OutputPath": "$.n", "End": True},
    }
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind},
        "StartAt": "Wait",
        "States": states,
    }
    run = {
        "Type": "Map",
        "Label": "All",
        "MaxConcurrency": 20,
        "ToleratedFailureCount": 4,
        "ItemProcessor": processor,
        "End": True,
    }
    return json.dumps({"StartAt": "Run", "States": {"Run": run}})


def started(client: Client, name: str, what: str) -> str:
    """Start an execution over the items; its ARN."""
    machine = client.call("CreateStateMachine", name=name, definition=what, roleArn=ROLE)
    items = [{"n": number, "last": str(number % 10)} for number in range(COUNT)]
    answer = client.call("StartExecution", stateMachineArn=machine["stateMachineArn"], input=json.dumps(items))
    return str(answer["executionArn"])


def the_run(client: Client, execution: str) -> dict[str, Any]:
    """The only map run of an execution, described; empty as long as there is none."""
    runs = client.call("ListMapRuns", executionArn=execution)["mapRuns"]
    return client.call("DescribeMapRun", mapRunArn=runs[0]["mapRunArn"]) if runs else {}


def ended(client: Client, execution: str) -> dict[str, Any]:
    """The execution at its end."""
    deadline = time.monotonic() + END_SECONDS
    while (described := client.call("DescribeExecution", executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return dict(described)


def test_a_run_goes_on_after_kill_nine(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    server = Server(tmp_path, [])
    server.start()
    try:
        execution = started(server.client, "tolerant", definition(10))
        deadline = time.monotonic() + END_SECONDS
        while the_run(server.client, execution).get("itemCounts", {}).get("succeeded", 0) < 10:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        server.kill()
        server.start()
        client = server.client
        described = ended(client, execution)
        assert described["status"] == "SUCCEEDED"
        assert json.loads(described["output"]) == [number for number in range(COUNT) if number % 10]
        run = the_run(client, execution)
        counts = {"total": 100, "succeeded": 90, "failed": 10, "pending": 0, "running": 0, "resultsWritten": 100}
        assert counts.items() <= run["itemCounts"].items()
        assert run["status"] == "SUCCEEDED"
        listed = client.call("ListExecutions", mapRunArn=run["mapRunArn"], maxResults=1000)["executions"]
        assert len({child["executionArn"] for child in listed}) == COUNT
        assert sum(child["itemCount"] for child in listed) == COUNT
        child = client.call("DescribeExecution", executionArn=listed[0]["executionArn"])
        assert child["mapRunArn"] == run["mapRunArn"]
        history = client.call("GetExecutionHistory", executionArn=listed[0]["executionArn"])["events"]
        assert history[0]["type"] == "ExecutionStarted"
        machine = described["stateMachineArn"]
        assert len(client.call("ListExecutions", stateMachineArn=machine)["executions"]) == 1
    finally:
        server.stop()


def test_too_many_failures_fail_the_run_and_leave_items_pending(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    server = Server(tmp_path, [])
    server.start()
    try:
        client = server.client
        execution = started(client, "strict", definition(3))
        described = ended(client, execution)
        assert (described["status"], described["error"]) == ("FAILED", "States.ExceedToleratedFailureThreshold")
        run = the_run(client, execution)
        assert run["status"] == "FAILED"
        assert run["itemCounts"]["failed"] >= 4
        assert run["itemCounts"]["pending"] > 0
        assert run["itemCounts"]["running"] == 0
    finally:
        server.stop()


def test_a_run_changes_hands_between_schedulers(tmp_path: Path, redis_server: RedisServer) -> None:
    tmp_path.chmod(0o755)
    functions = tmp_path / "functions.json"
    functions.write_text('{"functions": {}}')
    names = ["api", "scheduler-1", "scheduler-2", "worker-1"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    broker = f"{redis_server.url.rpartition('/')[0]}/5"
    with cluster(tmp_path, port, broker, functions, names) as running:
        execution = started(running.client, "handed-on", definition(10))
        deadline = time.monotonic() + END_SECONDS
        while the_run(running.client, execution).get("itemCounts", {}).get("succeeded", 0) < 10:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        running.kill("scheduler-1")
        time.sleep(1)
        running.start("scheduler-3")
        running.kill("scheduler-2")
        described = ended(running.client, execution)
        assert described["status"] == "SUCCEEDED"
        assert json.loads(described["output"]) == [number for number in range(COUNT) if number % 10]
        assert the_run(running.client, execution)["itemCounts"]["failed"] == 10


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_a_redrive_goes_on_after_kill_nine(tmp_path: Path, kind: str) -> None:
    tmp_path.chmod(0o755)
    server = Server(tmp_path, [])
    server.start()
    try:
        client = server.client
        execution = started(client, "redriven", failing_once(kind))
        described = ended(client, execution)
        assert (described["status"], described["error"]) == ("FAILED", "States.ExceedToleratedFailureThreshold")
        before = the_run(client, execution)
        assert before["itemCounts"]["failed"] >= 5
        redriven = client.call("RedriveExecution", executionArn=execution, clientToken="once")["redriveDate"]
        server.kill()
        server.start()
        client = server.client
        deadline = time.monotonic() + END_SECONDS
        while (counts := the_run(client, execution)["itemCounts"])["succeeded"] < before["itemCounts"]["succeeded"] + 5:
            assert time.monotonic() < deadline
            assert counts["total"] == COUNT
            time.sleep(0.05)
        server.kill()
        server.start()
        client = server.client
        assert client.call("RedriveExecution", executionArn=execution, clientToken="once")["redriveDate"] == redriven
        attempts = 1
        while (described := ended(client, execution))["status"] == "FAILED" and attempts < 4:
            client.call(
                "RedriveExecution", executionArn=execution
            )  # zeros that had not started fail at their first try
            attempts += 1
        assert described["status"] == "SUCCEEDED"
        assert len(json.loads(described["output"])) >= COUNT - 4
        run = the_run(client, execution)
        assert (run["mapRunArn"], run["redriveCount"], run["status"]) == (before["mapRunArn"], attempts, "SUCCEEDED")
        assert (run["startDate"], run["itemCounts"]["pendingRedrive"]) == (before["startDate"], 0)
        listed = client.call("ListExecutions", mapRunArn=run["mapRunArn"], maxResults=1000)["executions"]
        assert len({child["executionArn"] for child in listed}) == COUNT
        assert max(child["redriveCount"] for child in listed) == 1 or attempts > 1
        events = client.call("GetExecutionHistory", executionArn=execution)["events"]
        assert [event["type"] for event in events].count("MapRunRedriven") == attempts
    finally:
        server.stop()
