"""boto3 with nothing but the environment that `stepwell env` prints, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import boto3
from botocore.config import Config

from tests.e2e.clients.conftest import ROLE
from tests.fixtures.server import ROOT, Server

PROGRAM = """
import boto3, json
sfn = boto3.client("stepfunctions")
definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
role = "arn:aws:iam::000000000000:role/any"
arn = sfn.create_state_machine(name="boto3-env", definition=definition, roleArn=role, type="EXPRESS")["stateMachineArn"]
print(sfn.start_sync_execution(stateMachineArn=arn, input='{"x": 1}')["output"])
print(sfn.test_state(definition='{"Type": "Pass", "End": true}', roleArn=role, input="7")["output"])
print([page["stateMachines"][0]["name"] for page in sfn.get_paginator("list_state_machines").paginate(
    PaginationConfig={"PageSize": 1}) if page["stateMachines"][0]["name"] == "boto3-env"])
"""


def test_the_environment_is_all_that_boto3_needs(client_environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=client_environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout.split()) == (0, ['{"x":1}', "7", "['boto3-env']"]), done.stderr


def make(server: Server, host: str, **config: Any) -> Any:
    return boto3.client(
        "stepfunctions",
        endpoint_url=f"http://{host}:{server.port}",
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(**config),
    )


def test_the_switch_of_boto3_leaves_out_the_host_prefix(server: Server) -> None:
    sfn = make(server, "127.0.0.1", inject_host_prefix=False)
    assert sfn.test_state(definition='{"Type": "Succeed"}', roleArn=ROLE, input="{}")["status"] == "SUCCEEDED"


def test_any_host_header_is_answered(server: Server) -> None:
    """Where `sync-` names resolve, nothing needs to be switched off: the server does not look at the name."""
    sfn = make(server, "127.0.0.1", inject_host_prefix=False)

    def as_if_prefixed(request: Any, **_: Any) -> None:
        request.headers["Host"] = f"sync-states.us-east-1.amazonaws.com:{server.port}"

    sfn.meta.events.register("before-send.sfn", as_if_prefixed)
    assert sfn.list_state_machines(maxResults=1)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert sfn.test_state(definition='{"Type": "Succeed"}', roleArn=ROLE, input="{}")["status"] == "SUCCEEDED"


def test_a_12_digit_access_key_names_the_account(server: Server) -> None:
    sfn = boto3.client(
        "stepfunctions",
        endpoint_url=server.endpoint,
        region_name="eu-central-1",
        aws_access_key_id="111122223333",
        aws_secret_access_key="x",
    )
    arn = sfn.create_activity(name="a")["activityArn"]
    assert arn == "arn:aws:states:eu-central-1:111122223333:activity:a"
    assert not os.environ.get("AWS_PROFILE")
