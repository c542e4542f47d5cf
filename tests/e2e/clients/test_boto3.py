"""boto3 with nothing but the environment that `stepwell env` prints, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.config import Config

from services.api.stepwell_model import SERVICE
from services.cli.client import Client, Target
from services.cli.errors import ServerError
from services.runtime.clock import SystemClock
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


def make(server: Server, host: str, key: str = "x", **config: Any) -> Any:
    return boto3.client(
        "stepfunctions",
        endpoint_url=f"http://{host}:{server.port}",
        region_name="us-east-1",
        aws_access_key_id=key,
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


def test_stepwells_own_operations_are_one_model_away(server: Server, tmp_path: Path) -> None:
    """Whoever gives botocore the model calls them like any service: same errors, same times, same pages."""
    folder = tmp_path / "stepwell" / SERVICE["metadata"]["apiVersion"]
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text(json.dumps(SERVICE))
    session = botocore.session.Session()
    session.get_component("data_loader").search_paths.append(str(tmp_path))
    own = session.create_client(
        "stepwell",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id="333344445555",
        aws_secret_access_key="x",
    )
    sfn = make(server, "127.0.0.1", inject_host_prefix=False, key="333344445555")
    definition = '{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":600,"End":true}}}'
    arn = sfn.create_state_machine(name="own", definition=definition, roleArn=ROLE)["stateMachineArn"]
    for number in range(3):
        sfn.start_execution(stateMachineArn=arn, name=f"own-{number}")
    since = datetime.now(UTC) - timedelta(minutes=5)
    page = own.search_executions(namePrefix="own-", statuses=["RUNNING"], startedAfter=since, maxResults=2)
    assert [item["name"] for item in page["executions"]] == ["own-2", "own-1"]
    rest = own.search_executions(
        namePrefix="own-", statuses=["RUNNING"], startedAfter=since, maxResults=2, nextToken=page["nextToken"]
    )
    assert [item["name"] for item in rest["executions"]] == ["own-0"]
    job = own.start_bulk_job(stateMachineArn=arn, action="STOP", dryRun=True)["bulkJobId"]
    assert own.describe_bulk_job(bulkJobId=job)["statuses"] == ["RUNNING"]
    assert [item["bulkJobId"] for item in own.list_bulk_jobs()["bulkJobs"]] == [job]
    own.cancel_bulk_job(bulkJobId=job)
    assert own.describe_bulk_job(bulkJobId=job)["status"] in ("CANCELLED", "COMPLETED")
    with pytest.raises(own.exceptions.ResourceNotFound):
        own.describe_bulk_job(bulkJobId="00000000-0000-4000-8000-000000000000")
    with pytest.raises(own.exceptions.ValidationException):
        own.start_bulk_job(stateMachineArn=arn, action="REDRIVE", statuses=["RUNNING"])


def test_a_job_of_somebody_else_is_not_there(server: Server) -> None:
    client = server.client
    machine = client.call(
        "CreateStateMachine",
        name="theirs",
        definition='{"StartAt":"S","States":{"S":{"Type":"Succeed"}}}',
        roleArn=ROLE,
    )
    job = client.call("Stepwell.StartBulkJob", stateMachineArn=machine["stateMachineArn"], action="STOP")["bulkJobId"]
    stranger = Client(Target(server.endpoint, "us-east-1", "121212121212", "x"), SystemClock())
    for operation in ("DescribeBulkJob", "CancelBulkJob", "ListBulkJobFailures"):
        with pytest.raises(ServerError, match="ResourceNotFound"):
            stranger.call(f"Stepwell.{operation}", bulkJobId=job)
    assert stranger.call("Stepwell.ListBulkJobs")["bulkJobs"] == []
    assert stranger.call("Stepwell.SearchExecutions")["executions"] == []
    with pytest.raises(ServerError, match="StateMachineDoesNotExist"):
        stranger.call("Stepwell.StartBulkJob", stateMachineArn=machine["stateMachineArn"], action="STOP")
