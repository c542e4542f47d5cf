"""`stepwell bulk` and the search of `stepwell list`: many executions, found, stopped and redriven."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from services.cli.client import Client
from tests.fixtures.server import Server

ROLE = "arn:aws:iam::000000000000:role/x"
NAP = '{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": true}}}'
FAIL = '{"StartAt": "F", "States": {"F": {"Type": "Fail", "ErrorPath": "$.error", "Cause": "on purpose"}}}'


def make(client: Client, name: str, definition: str, inputs: dict[str, Any]) -> str:
    """A state machine with one execution per entry; its ARN."""
    arn = str(client.call("CreateStateMachine", name=name, definition=definition, roleArn=ROLE)["stateMachineArn"])
    for execution, given in inputs.items():
        client.call("StartExecution", stateMachineArn=arn, name=execution, input=json.dumps(given))
    return arn


def wait_until_ended(client: Client, arn: str) -> None:
    deadline = time.monotonic() + 60
    while client.call("ListExecutions", stateMachineArn=arn, statusFilter="RUNNING", maxResults=1)["executions"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def statuses(client: Client, arn: str) -> dict[str, str]:
    return {it["name"]: it["status"] for it in client.pages("ListExecutions", "executions", stateMachineArn=arn)}


def test_bulk_stop_stops_what_runs_and_fits(server: Server) -> None:
    client = server.client
    arn = make(client, "bulk-stop", NAP, {f"{kind}-{number}": {} for kind in "ab" for number in range(4)})
    dry = server.run("bulk", "stop", "bulk-stop", "--name-prefix", "a-", "--dry-run")
    assert (dry.returncode, "4 of 4 to be stopped" in dry.stdout) == (0, True), dry.stdout + dry.stderr
    assert set(statuses(client, arn).values()) == {"RUNNING"}
    done = server.run("bulk", "stop", "bulk-stop", "--name-prefix", "a-", "--error", "Cleanup", "--cause", "enough")
    assert (done.returncode, "4 of 4 stopped" in done.stdout) == (0, True), done.stdout + done.stderr
    found = statuses(client, arn)
    assert {name for name, status in found.items() if status == "ABORTED"} == {"a-0", "a-1", "a-2", "a-3"}
    stopped = client.call("DescribeExecution", executionArn=f"{arn.replace('stateMachine', 'execution', 1)}:a-0")
    assert (stopped["error"], stopped["cause"]) == ("Cleanup", "enough")


def test_bulk_redrive_takes_one_error_and_leaves_the_others(server: Server) -> None:
    client = server.client
    arn = make(
        client, "bulk-redrive", FAIL, {"e-1": {"error": "Mine"}, "e-2": {"error": "Mine"}, "e-3": {"error": "X"}}
    )
    wait_until_ended(client, arn)
    done = server.run("bulk", "redrive", "bulk-redrive", "--failed-with", "Mine", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert (told["status"], told["doneCount"], told["totalCount"], told["failures"]) == ("COMPLETED", 2, 2, [])
    counts = {
        it["name"]: it["redriveCount"] for it in client.pages("ListExecutions", "executions", stateMachineArn=arn)
    }
    assert counts == {"e-1": 1, "e-2": 1, "e-3": 0}
    assert told["bulkJobId"] in server.run("bulk", "list").stdout


def test_list_finds_executions_of_all_state_machines(server: Server) -> None:
    client = server.client
    arn = make(client, "search-a", FAIL, {"needle-1": {"error": "Search.Error"}, "hay": {"error": "Search.Error"}})
    make(client, "search-b", NAP, {"needle-2": {}})
    wait_until_ended(client, arn)

    def found(*conditions: str) -> set[str]:
        listed = server.run("list", *conditions, "--json")
        assert listed.returncode == 0, listed.stderr
        return {it["executionArn"].split(":", 6)[6] for it in json.loads(listed.stdout)}

    assert found("--name-prefix", "needle-") == {"search-a:needle-1", "search-b:needle-2"}
    assert found("--error", "Search.Error") == {"search-a:needle-1", "search-a:hay"}
    assert found("search-b", "--status", "running") == {"search-b:needle-2"}
    assert found("--name-prefix", "needle-", "--since", "1h") == {"search-a:needle-1", "search-b:needle-2"}
    assert found("--name-prefix", "needle-", "--until", "2020-01-01") == set()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["redrive", "bulk-nobody"], "there is no state machine named 'bulk-nobody'"),
        (["show", "nonsense"], "ResourceNotFound: Resource not found: 'nonsense'"),
        (["stop", "bulk-nobody", "--since", "yesterday"], "'yesterday' is no time"),
    ],
)
def test_what_cannot_be_is_said(server: Server, arguments: list[str], text: str) -> None:
    done = server.run("bulk", *arguments)
    assert (done.returncode, text in done.stderr) == (2, True), done.stderr


def test_a_job_goes_on_after_kill_9_and_counts_everything_once(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    own = Server(tmp_path)
    own.start()
    try:
        client = own.client
        arn = make(client, "many", NAP, {f"e-{number}": {} for number in range(120)})
        job = own.run("bulk", "stop", "many", "--rate", "30", "--detach").stdout.strip()
        deadline = time.monotonic() + 60
        while not client.call("Stepwell.DescribeBulkJob", bulkJobId=job)["doneCount"]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        own.kill()
        own.start()
        client = own.client
        deadline = time.monotonic() + 60
        while (told := client.call("Stepwell.DescribeBulkJob", bulkJobId=job))["status"] == "RUNNING":
            assert time.monotonic() < deadline, told
            time.sleep(0.2)
        assert (told["totalCount"], told["doneCount"], told["skippedCount"], told["failedCount"]) == (120, 120, 0, 0)
        assert set(statuses(client, arn).values()) == {"ABORTED"}
    finally:
        own.stop()
