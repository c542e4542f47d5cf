"""`stepwell up` announces changes of executions' status to what speaks EventBridge, also after it was killed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.fixtures.server import Server

ROLE = "arn:aws:iam::000000000000:role/events"
NAP = json.dumps(
    {
        "StartAt": "N",
        "States": {
            "N": {"Type": "Wait", "SecondsPath": "$.s", "Next": "F"},
            "F": {"Type": "Fail", "Error": "E", "Cause": "why"},
        },
    }
)
PASS = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
SECONDS = 20.0


class Bus:
    """Takes PutEvents over HTTP while it is there."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.away = False
        bus = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert self.headers["X-Amz-Target"] == "AWSEvents.PutEvents"
                status, answer = (
                    (503, {"__type": "InternalException"}) if bus.away else (200, bus.take(body["Entries"]))
                )
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.entries += entries
        return {"FailedEntryCount": 0, "Entries": [{"EventId": str(number)} for number in range(len(entries))]}

    def close(self) -> None:
        self._server.shutdown()

    def told(self, execution: str, number: int) -> list[dict[str, Any]]:
        """The details of an execution's first events, in the order of what happened."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            found = [json.loads(entry["Detail"]) for entry in self.entries if entry["Resources"] == [execution]]
            if len(found) >= number:
                return sorted(found, key=lambda it: (it["redriveCount"], it["stopDate"] or 0))
            time.sleep(0.05)
        raise AssertionError(f"{number} events of {execution} did not come")


@pytest.fixture
def bus() -> Iterator[Bus]:
    running = Bus()
    yield running
    running.close()


@pytest.fixture
def server(tmp_path: Path, bus: Bus) -> Iterator[Server]:
    environment = {"STEPWELL_STATUS_EVENTS": "on", "AWS_ENDPOINT_URL_EVENTBRIDGE": bus.url}
    running = Server(tmp_path, environment=environment)
    running.start()
    yield running
    running.stop()


def client(server: Server) -> Any:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    config = Config(inject_host_prefix=False)
    return boto3.client("stepfunctions", endpoint_url=server.endpoint, region_name="us-east-1", config=config, **keys)


def test_start_end_and_redrive_are_told_and_what_a_kill_cut_off_is_told_later(server: Server, bus: Bus) -> None:
    sfn = client(server)
    nap = sfn.create_state_machine(name="nap", definition=NAP, roleArn=ROLE)["stateMachineArn"]
    express = sfn.create_state_machine(name="fast", definition=PASS, roleArn=ROLE, type="EXPRESS")["stateMachineArn"]
    sfn.start_sync_execution(stateMachineArn=express)
    arn = sfn.start_execution(stateMachineArn=nap, name="one", input='{"s":0}')["executionArn"]
    running, failed = bus.told(arn, 2)
    assert (running["status"], running["input"], running["stopDate"]) == ("RUNNING", '{"s":0}', None)
    assert (failed["status"], failed["error"], failed["cause"]) == ("FAILED", "E", "why")
    assert failed["redriveStatus"] == "REDRIVABLE"

    sfn.redrive_execution(executionArn=arn)
    told = bus.told(arn, 4)
    assert [(it["status"], it["redriveCount"]) for it in told] == [
        ("RUNNING", 0), ("FAILED", 0), ("RUNNING", 1), ("FAILED", 1),
    ]  # fmt: skip
    assert told[2]["redriveDate"] is not None and told[2]["stopDate"] is None
    entry = bus.entries[0]
    assert (entry["Source"], entry["EventBusName"]) == ("aws.states", "default")
    assert entry["DetailType"] == "Step Functions Execution Status Change"

    bus.away = True
    cut_off = sfn.start_execution(stateMachineArn=nap, name="two", input='{"s":0}')["executionArn"]
    while sfn.describe_execution(executionArn=cut_off)["status"] == "RUNNING":
        time.sleep(0.02)
    server.kill()
    bus.away = False
    server.start()
    assert [it["status"] for it in bus.told(cut_off, 2)] == ["RUNNING", "FAILED"]
    assert not any(":express:" in entry["Resources"][0] for entry in bus.entries)


def test_without_the_setting_nothing_is_told(tmp_path: Path, bus: Bus) -> None:
    quiet = Server(tmp_path, environment={"AWS_ENDPOINT_URL_EVENTBRIDGE": bus.url})
    quiet.start()
    try:
        sfn = client(quiet)
        arn = sfn.create_state_machine(name="p", definition=PASS, roleArn=ROLE)["stateMachineArn"]
        execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
        while sfn.describe_execution(executionArn=execution)["status"] == "RUNNING":
            time.sleep(0.02)
    finally:
        assert quiet.stop() == 0
    assert bus.entries == []
