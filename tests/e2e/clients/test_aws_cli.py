"""The AWS CLI, version 1, with the environment of `stepwell env` and with the profile of `stepwell profile`."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.clients.conftest import ROLE
from tests.fixtures.server import Server

AWS = str(Path(sys.executable).parent / "aws")
PASS = '{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}'
NAP = '{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":600,"End":true}}}'


class Cli:
    """Runs `aws stepfunctions`."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment | {"AWS_PAGER": "", "PYTHONWARNINGS": "ignore"}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [AWS, "stepfunctions", *arguments, "--output", "json"],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def __call__(self, *arguments: str) -> Any:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else {}


@pytest.fixture
def aws(client_environment: dict[str, str]) -> Cli:
    return Cli(client_environment)


def test_a_workflow_from_creation_to_deletion(aws: Cli) -> None:
    made = aws(
        "create-state-machine", "--name", "cli", "--definition", PASS, "--role-arn", ROLE, "--tags", "key=a,value=b"
    )
    arn = made["stateMachineArn"]
    started = aws("start-execution", "--state-machine-arn", arn, "--name", "one", "--input", '{"x": 1}')
    deadline = time.monotonic() + 60
    while (told := aws("describe-execution", "--execution-arn", started["executionArn"]))["status"] == "RUNNING":
        assert time.monotonic() < deadline
    assert json.loads(told["output"]) == {"x": 1}
    events = aws("get-execution-history", "--execution-arn", started["executionArn"], "--page-size", "1")["events"]
    assert [event["type"] for event in events][-1] == "ExecutionSucceeded"
    assert aws("list-tags-for-resource", "--resource-arn", arn)["tags"] == [{"key": "a", "value": "b"}]
    aws("delete-state-machine", "--state-machine-arn", arn)


def test_synchronous_executions_and_test_state(aws: Cli) -> None:
    made = aws(
        "create-state-machine", "--name", "cli-sync", "--type", "EXPRESS", "--definition", PASS, "--role-arn", ROLE
    )
    told = aws("start-sync-execution", "--state-machine-arn", made["stateMachineArn"], "--input", "7")
    assert (told["status"], told["output"]) == ("SUCCEEDED", "7")
    told = aws(
        "test-state", "--definition", '{"Type":"Pass","Result":3,"End":true}', "--role-arn", ROLE, "--input", "{}"
    )
    assert (told["status"], told["output"]) == ("SUCCEEDED", "3")


def test_stop_and_redrive(aws: Cli) -> None:
    arn = aws("create-state-machine", "--name", "cli-nap", "--definition", NAP, "--role-arn", ROLE)["stateMachineArn"]
    execution = aws("start-execution", "--state-machine-arn", arn)["executionArn"]
    aws("stop-execution", "--execution-arn", execution, "--error", "E", "--cause", "c")
    aws("redrive-execution", "--execution-arn", execution)
    listed = aws("list-executions", "--state-machine-arn", arn, "--status-filter", "RUNNING")["executions"]
    assert [item["redriveCount"] for item in listed] == [1]
    aws("stop-execution", "--execution-arn", execution)


def test_a_refusal_has_the_code_that_scripts_look_for(aws: Cli) -> None:
    done = aws.run("describe-activity", "--activity-arn", "arn:aws:states:us-east-1:000000000000:activity:nobody")
    assert done.returncode != 0
    assert "(ActivityDoesNotExist) when calling the DescribeActivity operation" in done.stderr


def test_the_profile_is_all_that_the_cli_needs(
    server: Server, client_environment: dict[str, str], tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text(server.run("profile", "local").stdout)
    environment = {name: value for name, value in client_environment.items() if not name.startswith("AWS_")}
    aws = Cli(environment | {"AWS_CONFIG_FILE": str(config), "AWS_PROFILE": "local"})
    made = aws(
        "create-state-machine", "--name", "cli-profile", "--type", "EXPRESS", "--definition", PASS, "--role-arn", ROLE
    )
    told = aws("start-sync-execution", "--state-machine-arn", made["stateMachineArn"])
    assert told["status"] == "SUCCEEDED"
