"""`.sync` survives its workers: a job is submitted once, whoever is killed, and any worker sees its end."""

from __future__ import annotations

import json
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from services.cli.client import Client
from tests.e2e.crash.cluster import Cluster, cluster
from tests.e2e.integrations.conftest import Answer, Seen, StandIn, nothing
from tests.fixtures.redis import RedisServer

ROLE = "arn:aws:iam::000000000000:role/any"
KILLS = 20
END_SECONDS = 90.0
TASK = {
    "Type": "Task",
    "Resource": "arn:aws:states:::batch:submitJob.sync",
    "Parameters": {"JobName.$": "$$.Execution.Name", "JobQueue": "q", "JobDefinition": "d"},
    "End": True,
}


class Batch:
    """The jobs API: counts what is submitted, and lets jobs run until they are released."""

    def __init__(self) -> None:
        self.submitted: Counter[str] = Counter()
        self.terminated: list[str] = []
        self.released = False

    def __call__(self, seen: Seen) -> Answer:
        given = json.loads(seen.body or b"{}")
        answer: dict[str, Any] = {}
        if seen.path == "/v1/submitjob":
            self.submitted[given["jobName"]] += 1
            answer = {"jobId": given["jobName"], "jobName": given["jobName"]}
        elif seen.path == "/v1/terminatejob":
            self.terminated.append(given["jobId"])
        elif seen.path == "/v1/describejobs":
            status = "SUCCEEDED" if self.released else "RUNNING"
            answer = {"jobs": [{"jobId": name, "jobName": name, "status": status} for name in given["jobs"]]}
        return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()


@pytest.fixture
def batch(stand_in_server: StandIn) -> Iterator[Batch]:
    """The stand-in as AWS Batch."""
    made = Batch()
    stand_in_server.answer = made
    yield made
    stand_in_server.answer = nothing


@pytest.fixture
def running(tmp_path: Path, redis_server: RedisServer, stand_in_server: StandIn, batch: Batch) -> Iterator[Cluster]:
    """An API, a scheduler and a worker."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    tmp_path.chmod(0o755)
    broker = f"{redis_server.url.rpartition('/')[0]}/7"
    environment = {
        "AWS_ENDPOINT_URL": stand_in_server.url,
        # A killed worker is given up soon, so that a grant that went to it delays the test no longer than needed.
        "STEPWELL_WORKER_LEASE_SECONDS": "3",
        "STEPWELL_SUSPICION_SECONDS": "1",
        "STEPWELL_BEAT_SECONDS": "0.5",
    }
    with cluster(tmp_path, port, broker, None, ["scheduler", "worker-0", "api"], environment) as made:
        yield made


def until(condition: Callable[[], bool]) -> None:
    """Look often until it is so; another process gives no signal."""
    deadline = time.monotonic() + END_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def event_types(client: Client, arn: str) -> list[str]:
    events = client.call("GetExecutionHistory", executionArn=arn, maxResults=100)["events"]
    return [event["type"] for event in events]


@pytest.mark.slow
def test_no_job_is_submitted_twice_however_often_workers_are_killed(running: Cluster, batch: Batch) -> None:
    client = running.client
    definition = json.dumps({"StartAt": "Job", "States": {"Job": TASK}})
    machine = client.call("CreateStateMachine", name="jobs", definition=definition, roleArn=ROLE)["stateMachineArn"]
    arns: dict[str, str] = {}
    for number in range(KILLS):
        tried = start_until_one_is_submitted(client, machine, batch, number)
        arns |= tried
        if number % 2:  # kill as soon as the request has arrived, or after its answer was committed
            until(lambda tried=tried: any("TaskSubmitted" in event_types(client, arn) for arn in tried.values()))
        running.kill(f"worker-{number}")
        running.start(f"worker-{number + 1}")
    batch.released = True
    until(lambda: not client.call("ListExecutions", stateMachineArn=machine, statusFilter="RUNNING")["executions"])
    assert set(batch.submitted.values()) == {1}
    survived = 0
    for name, arn in arns.items():
        found = client.call("DescribeExecution", executionArn=arn)
        types = event_types(client, arn)
        if found["status"] == "SUCCEEDED":
            assert (batch.submitted[name], types.count("TaskSubmitted"), types.count("TaskSucceeded")) == (1, 1, 1)
            survived += 1
        else:  # granted to a worker that was killed before it answered: nobody knows, so nobody tries again
            assert found["error"] == "Batch.SdkClientException", found
            assert "TaskSubmitted" not in types
    assert survived >= KILLS // 2


def start_until_one_is_submitted(client: Client, machine: str, batch: Batch, number: int) -> dict[str, str]:
    """Executions by name; the first ones may be granted to the worker that was killed last."""
    started: dict[str, str] = {}
    while not any(batch.submitted[name] for name in started):
        name = f"job-{number}-{len(started)}"
        started[name] = client.call("StartExecution", stateMachineArn=machine, name=name)["executionArn"]
        pause = time.monotonic() + 0.2
        while time.monotonic() < pause and not batch.submitted[name]:
            time.sleep(0.001)
    return started


def test_a_stopped_execution_terminates_its_job(running: Cluster, batch: Batch) -> None:
    client = running.client
    definition = json.dumps({"StartAt": "Job", "States": {"Job": TASK}})
    machine = client.call("CreateStateMachine", name="stopped", definition=definition, roleArn=ROLE)["stateMachineArn"]
    arn = client.call("StartExecution", stateMachineArn=machine, name="to-stop")["executionArn"]
    until(lambda: "TaskSubmitted" in event_types(client, arn))
    client.call("StopExecution", executionArn=arn)
    until(lambda: batch.terminated == ["to-stop"])
