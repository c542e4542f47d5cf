"""Express workflows as a user has them: boto3 against `stepwell up`."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.fixtures.redis import RedisServer
from tests.fixtures.server import Server

ROLE = "arn:aws:iam::000000000000:role/any"
LAMBDA = "arn:aws:lambda:us-east-1:000000000000:function:{}"
PASS: dict[str, Any] = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
LOGGED = {
    "level": "ALL",
    "includeExecutionData": True,
    "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:g:*"}}],
}
HANDLERS = Path(__file__).parent / "handlers.py"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two functions, which logs to a file, keeps express executions, and shows them."""
    folder = tmp_path_factory.mktemp("express")
    arguments = [word for name in ("work", "nap") for word in ("--function", f"{name}={HANDLERS}:{name}")]
    environment = {
        "STEPWELL_EXECUTION_LOG": str(folder / "execution.log"),
        "STEPWELL_EXPRESS_RETENTION_DAYS": "7",
        "STEPWELL_DESCRIBE_EXPRESS": "true",
    }
    server = Server(folder, arguments, environment)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def client_of(server: Server) -> Any:
    return boto3.client(
        "stepfunctions",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1, "mode": "standard"}),
    )


@pytest.fixture(scope="module")
def client(running: Server) -> Any:
    return client_of(running)


def create(client: Any, definition: dict[str, Any], **more: Any) -> str:
    arn: str = client.create_state_machine(
        name=f"m-{time.time_ns()}", definition=json.dumps(definition), roleArn=ROLE, type="EXPRESS", **more
    )["stateMachineArn"]
    return arn


def run(client: Any, machine: str, given: Any = None) -> dict[str, Any]:
    answer: dict[str, Any] = client.start_sync_execution(stateMachineArn=machine, input=json.dumps(given))
    return answer


def task(resource: str, **fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": resource, "End": True, **fields}


def machine(**states: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def until(condition: Callable[[], Any], seconds: float = 15.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)
    return found


def records(server: Server, execution_arn: str) -> list[dict[str, Any]]:
    path = server.folder / "execution.log"
    lines = path.read_text().splitlines() if path.exists() else []
    return [it for it in map(json.loads, lines) if it["execution_arn"] == execution_arn]


def ended(server: Server, execution_arn: str) -> list[dict[str, Any]]:
    found = records(server, execution_arn)
    return found if found and found[-1]["type"] in ("ExecutionSucceeded", "ExecutionFailed") else []


def test_map_and_parallel_run_their_tasks_side_by_side(client: Any) -> None:
    branch = machine(N=task(LAMBDA.format("nap")))
    item = machine(I=task(LAMBDA.format("nap")))
    definition = machine(
        P={"Type": "Parallel", "Branches": [branch, machine(O=task(LAMBDA.format("nap")))], "Next": "M"},
        M={"Type": "Map", "ItemsPath": "$", "ItemProcessor": item, "End": True},
    )
    answer = run(client, create(client, definition), {})
    spans = json.loads(answer["output"])
    assert len(spans) == 2
    latest_begin, first_end = max(begun for begun, _ in spans), min(end for _, end in spans)
    assert latest_begin < first_end


def test_metadata_only_hides_data_of_encrypted_machines_and_only_theirs(client: Any) -> None:
    key = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "1234abcd-12ab-34cd-56ef-1234567890ab"}
    fail = machine(F={"Type": "Fail", "Error": "Broken", "Cause": "why"})
    hidden = {"input", "inputDetails", "output", "outputDetails", "error", "cause"}
    for definition in (PASS, fail):
        plain = create(client, definition)
        shown = client.start_sync_execution(stateMachineArn=plain, includedData="METADATA_ONLY")
        full = client.start_sync_execution(stateMachineArn=plain)
        assert shown.keys() == full.keys()
        encrypted = create(client, definition, encryptionConfiguration=key)
        bare = client.start_sync_execution(stateMachineArn=encrypted, includedData="METADATA_ONLY")
        assert bare.keys() == full.keys() - hidden
        assert bare["billingDetails"].keys() == {"billedDurationInMilliseconds", "billedMemoryUsedInMB"}
        assert client.start_sync_execution(stateMachineArn=encrypted).keys() == full.keys()


def test_a_function_is_killed_when_its_task_times_out(client: Any, tmp_path: Path) -> None:
    arn = create(client, machine(T=task(LAMBDA.format("work"), TimeoutSeconds=1)))
    answer = run(client, arn, {"path": str(tmp_path / "done"), "seconds": 4})
    assert (answer["status"], answer["error"]) == ("FAILED", "States.Timeout")
    process = int((tmp_path / "done.begun").read_text())
    until(lambda: not Path(f"/proc/{process}").exists(), 3)
    assert not (tmp_path / "done").exists()


def test_a_client_that_hangs_up_does_not_stop_its_execution(running: Server, client: Any, tmp_path: Path) -> None:
    arn = create(client, machine(T=task(LAMBDA.format("work"))))
    body = json.dumps({"stateMachineArn": arn, "input": json.dumps({"path": str(tmp_path / "done"), "seconds": 1})})
    with socket.create_connection(("127.0.0.1", running.port)) as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AWSStepFunctions.StartSyncExecution\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body.encode())
        )
        until((tmp_path / "done.begun").exists)
    until((tmp_path / "done").exists)


def test_an_express_execution_starts_others(running: Server, client: Any) -> None:
    child = create(client, PASS, loggingConfiguration=LOGGED)
    start = {"StateMachineArn": child, "Input": {"from": "parent"}}
    definition = machine(
        Fire=task("arn:aws:states:::states:startExecution", Parameters=start, ResultPath="$.fired")
        | {"Next": "Wait", "End": False},
        Wait=task("arn:aws:states:::aws-sdk:sfn:startSyncExecution", Parameters=start),
    )
    del definition["States"]["Fire"]["End"]
    answer = run(client, create(client, definition), {})
    assert answer["status"] == "SUCCEEDED", answer
    waited = json.loads(answer["output"])
    assert json.loads(waited["Output"]) == {"from": "parent"}
    until(lambda: ended(running, waited["ExecutionArn"]))


def test_a_standard_execution_starts_an_express_one(running: Server, client: Any) -> None:
    child = create(client, PASS, loggingConfiguration=LOGGED)
    definition = machine(
        S=task("arn:aws:states:::states:startExecution", Parameters={"StateMachineArn": child, "Input": {"a": 1}})
    )
    parent = client.create_state_machine(name=f"p-{time.time_ns()}", definition=json.dumps(definition), roleArn=ROLE)
    execution = client.start_execution(stateMachineArn=parent["stateMachineArn"])["executionArn"]

    def output() -> Any:
        return client.describe_execution(executionArn=execution).get("output")

    started = json.loads(until(output))["ExecutionArn"]
    log = until(lambda: ended(running, started))
    assert [it["type"] for it in log] == [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]
    assert log[-1]["details"]["output"] == '{"a":1}'


def test_kept_executions_are_listed_and_described_where_that_is_switched_on(running: Server, client: Any) -> None:
    arn = create(client, machine(A={"Type": "Pass", "Next": "F"}, F={"Type": "Fail", "Error": "E", "Cause": "C"}))
    execution = run(client, arn, {"a": 1})["executionArn"]
    started = client.start_execution(stateMachineArn=arn, input="{}")["executionArn"]
    until(lambda: len(client.list_executions(stateMachineArn=arn)["executions"]) == 2)
    listed = client.list_executions(stateMachineArn=arn, statusFilter="FAILED", maxResults=1)
    assert [it["executionArn"] for it in listed["executions"]] == [started]
    rest = client.list_executions(
        stateMachineArn=arn, statusFilter="FAILED", maxResults=1, nextToken=listed["nextToken"]
    )
    assert [it["executionArn"] for it in rest["executions"]] == [execution]
    described = client.describe_execution(executionArn=execution)
    assert (described["status"], described["error"], described["cause"], described["input"]) == (
        "FAILED",
        "E",
        "C",
        '{"a": 1}',
    )
    assert described["redriveStatus"] == "NOT_REDRIVABLE"
    events = client.get_execution_history(executionArn=execution)["events"]
    assert [it["type"] for it in events] == [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "FailStateEntered",
        "ExecutionFailed",
    ]
    reverse = client.get_execution_history(executionArn=execution, reverseOrder=True, maxResults=2)
    assert [it["id"] for it in reverse["events"]] == [5, 4]
    more = client.get_execution_history(executionArn=execution, reverseOrder=True, nextToken=reverse["nextToken"])
    assert [it["id"] for it in more["events"]] == [3, 2, 1]
    for wrong in (execution[:-1] + ("0" if execution[-1] != "0" else "1"), execution.replace(":m-", ":x-")):
        with pytest.raises(client.exceptions.ExecutionDoesNotExist):
            client.describe_execution(executionArn=wrong)
    assert started in running.run("express", "list", arn).stdout
    assert "FailStateEntered" in running.run("express", "show", execution, "--json").stdout


def test_they_are_refused_as_by_aws_where_it_is_not(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    server = Server(tmp_path)
    server.start()
    try:
        client = client_of(server)
        arn = create(client, PASS)
        execution = run(client, arn)["executionArn"]
        with pytest.raises(client.exceptions.StateMachineTypeNotSupported):
            client.list_executions(stateMachineArn=arn)
        with pytest.raises(client.exceptions.InvalidArn):
            client.describe_execution(executionArn=execution)
        with pytest.raises(client.exceptions.InvalidArn):
            client.get_execution_history(executionArn=execution)
    finally:
        server.stop()


def test_the_same_name_twice_is_two_executions(running: Server, client: Any) -> None:
    arn = create(client, PASS, loggingConfiguration=LOGGED)
    first, second = (client.start_execution(stateMachineArn=arn, name="same")["executionArn"] for _ in range(2))
    assert first != second
    for execution in (first, second):
        until(lambda wanted=execution: ended(running, wanted))


def test_what_express_does_not_have_is_refused_at_creation(client: Any) -> None:
    for resource in (
        "arn:aws:states:::states:startExecution.sync",
        "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "arn:aws:states:us-east-1:000000000000:activity:a",
    ):
        with pytest.raises(client.exceptions.InvalidDefinition):
            create(client, machine(T=task(resource, Parameters={})))


def test_more_than_may_run_at_once_is_throttled(tmp_path: Path) -> None:
    server = Server(tmp_path, environment={"STEPWELL_EXPRESS_CONCURRENCY_MAX": "2"})
    tmp_path.chmod(0o755)
    server.start()
    try:
        client = client_of(server)
        arn = create(client, machine(W={"Type": "Wait", "Seconds": 2, "End": True}))
        body = json.dumps({"stateMachineArn": arn}).encode()
        request = (
            b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AWSStepFunctions.StartSyncExecution\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        connections = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
        for connection in connections:
            connection.sendall(request)
        answers = sorted(connection.recv(65536).split(b"\r\n\r\n", 1)[1] for connection in connections)
        assert sum(b"ThrottlingException" in answer for answer in answers) == 1
        assert sum(b'"status":"SUCCEEDED"' in answer for answer in answers) == 2
    finally:
        server.stop()


def test_a_lane_that_stops_hands_back_at_once_and_redis_away_is_a_503(
    tmp_path: Path, redis_server: RedisServer, redis_url: str
) -> None:
    tmp_path.chmod(0o755)
    log = {"STEPWELL_EXECUTION_LOG": str(tmp_path / "execution.log")}
    server = Server(tmp_path, ["--broker-url", redis_url], log)
    server.start()
    try:
        client = client_of(server)
        arn = create(client, machine(W={"Type": "Wait", "Seconds": 3, "End": True}), loggingConfiguration=LOGGED)
        execution = client.start_execution(stateMachineArn=arn)["executionArn"]
        until(lambda: records(server, execution))
        assert server.stop() == 0
        server.start()
        found = until(lambda: ended(server, execution))
        assert [it.get("redelivered") for it in found if it["type"] == "ExecutionStarted"] == [None, "true"]
        client = client_of(server)
        redis_server.stop()
        with pytest.raises(client.exceptions.ClientError) as refused:
            client.start_execution(stateMachineArn=arn)
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        redis_server.start()
        execution = until(lambda: _started(client, arn))
        until(lambda: ended(server, execution))
    finally:
        assert server.process is not None
        if server.process.poll() is None:
            os.kill(server.process.pid, signal.SIGTERM)
            server.stop()
        if not redis_server._answers():
            redis_server.start()


def _started(client: Any, machine_arn: str) -> str | None:
    try:
        found: str = client.start_execution(stateMachineArn=machine_arn)["executionArn"]
    except client.exceptions.ClientError:
        return None
    return found
