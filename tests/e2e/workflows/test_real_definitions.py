"""Definitions that people published, unchanged, run by boto3 and the AWS CLI with mapped functions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from services.cli.commands.setup import client_variables
from tests.fixtures.server import Server
from tests.fixtures.shared import WORKFLOWS

pytestmark = pytest.mark.skipif(not WORKFLOWS.exists(), reason="the real definitions are not beside this checkout")

ORDER = "sp-lambda-step-functions-sam-java-sfn-definition"
CENSUS = "census-explorer"
POWER_TUNING = "aws-lambda-power-tuning"
ENSEMBLE = "ec2ensemble-backend"
IMAGES = "wc-image-processing-app"
ROLE = "arn:aws:iam::000000000000:role/any"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the functions of all five."""
    server = Server(
        tmp_path_factory.mktemp("workflows"), ["--functions", str(Path(__file__).parent / "functions.toml")]
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def client(running: Server) -> Any:
    """boto3, unchanged."""
    return boto3.client(
        "stepfunctions",
        endpoint_url=running.endpoint,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )


def run(client: Any, definition: str, given: Any) -> dict[str, Any]:
    """Create the machine, run it once, and describe the execution at its end."""
    text = (WORKFLOWS / f"{definition}.asl.json").read_text("utf-8")
    arn = client.create_state_machine(name=definition[:80], definition=text, roleArn=ROLE)["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=arn, input=json.dumps(given))["executionArn"]
    return described(client, execution)


def described(client: Any, execution: str) -> dict[str, Any]:
    """The execution's description once it has ended."""
    deadline = time.monotonic() + 60
    while True:
        found: dict[str, Any] = client.describe_execution(executionArn=execution)
        if found["status"] != "RUNNING":
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("definition", "given", "expected"),
    [
        pytest.param(
            ORDER,
            {"amount": 20},
            {"amount": 20, "trail": ["ProcessOrder", "ProcessPayment", "ReserveInventory"]},
            id="order",
        ),
        pytest.param(
            CENSUS, {}, {"joined": ["T1ToDBArn", "CensusToDBArn"], "trail": ["CleanUpS3Arn"]}, id="parallel-in-parallel"
        ),
        pytest.param(
            POWER_TUNING, {"powerValues": [128, 512, 256]}, {"value": 512, "cost": 1000 / 512}, id="loop-then-map"
        ),
        pytest.param(
            ENSEMBLE,
            {"action": "create", "waitTime": 1},
            {"told": "HandleSuccessFunctionArn", "error": None},
            id="choice-loop-with-wait",
        ),
        pytest.param(
            ENSEMBLE,
            {"action": "create", "waitTime": 1, "broken": True},
            {"told": "HandleFailFunctionArn", "error": "RuntimeError"},
            id="caught-failure",
        ),
    ],
)
def test_it_ends_with_what_its_functions_make(client: Any, definition: str, given: Any, expected: Any) -> None:
    found = run(client, definition, given)
    assert found["status"] == "SUCCEEDED", found
    assert json.loads(found["output"]) == expected


def test_a_declined_payment_cancels_the_order(client: Any) -> None:
    found = run(client, ORDER, {"amount": 200})
    output = json.loads(found["output"])
    assert (found["status"], output["Error"], output["trail"]) == ("SUCCEEDED", "PaymentDeclined", ["CancelOrder"])


def test_a_map_retries_its_iterations_on_their_own(client: Any) -> None:
    found = run(client, IMAGES, {})
    assert found["status"] == "SUCCEEDED", found
    assert json.loads(found["output"])["ZipFile"]["Payload"] == [f"cheque-{number}.png" for number in range(7)]


def test_a_map_whose_iteration_fails_for_good_cleans_up(client: Any) -> None:
    found = run(client, POWER_TUNING, {"powerValues": [128, -1]})
    assert (found["status"], found["output"]) == ("SUCCEEDED", "{}")
    history = client.get_execution_history(executionArn=found["executionArn"], maxResults=1000)["events"]
    kinds = [event["type"] for event in history]
    assert kinds.count("MapIterationFailed") == 1
    assert kinds.count("LambdaFunctionFailed") == 3


def test_the_aws_cli_runs_the_order(running: Server, tmp_path: Path) -> None:
    environment = os.environ | client_variables(running.endpoint, "eu-west-1") | {"AWS_PAGER": ""}

    def aws(*arguments: str) -> Any:
        line = [str(Path(sys.executable).parent / "aws"), "stepfunctions", *arguments, "--output", "json"]
        done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "{}")

    file = (WORKFLOWS / f"{ORDER}.asl.json").as_uri()
    arn = aws("create-state-machine", "--name", "order", "--definition", file, "--role-arn", ROLE)["stateMachineArn"]
    assert ":eu-west-1:" in arn
    execution = aws("start-execution", "--state-machine-arn", arn, "--input", '{"amount": 1}')["executionArn"]
    deadline = time.monotonic() + 60
    while (found := aws("describe-execution", "--execution-arn", execution))["status"] == "RUNNING":
        assert time.monotonic() < deadline
    assert found["status"] == "SUCCEEDED"
    events = aws("get-execution-history", "--execution-arn", execution)["events"]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
