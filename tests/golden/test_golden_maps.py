"""Distributed Maps of real workflows through a real server: items and results in S3, tasks mocked."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from services.testing.cases import matches, read_case_file
from services.testing.server import Server
from tests.fixtures.shared import WORKFLOWS

GOLDEN = WORKFLOWS / "golden"
ROLE = "arn:aws:iam::000000000000:role/any"
MACHINES = ("g08-s3-list-import", "g09-json-reader", "g10-inventory-manifest", "g11-csv-reader")
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not GOLDEN.is_dir(), reason="the collected workflows are not here"),
]


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    """Where a stand-in for S3 answers."""
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture(scope="module")
def server(s3_url: str) -> Iterator[Server]:
    """A server whose tasks are mocked and whose S3 is the stand-in."""
    variables = {"AWS_ENDPOINT_URL_S3": s3_url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    with Server(mocks=GOLDEN / "MockConfigFile.json", environment=variables) as running:
        yield running


def put_objects(s3: Any, buckets: dict[str, dict[str, Any]]) -> None:
    for bucket, objects in buckets.items():
        s3.create_bucket(Bucket=bucket)
        for key, content in objects.items():
            body = base64.b64decode(content["base64"]) if isinstance(content, dict) else content.encode()
            s3.put_object(Bucket=bucket, Key=key, Body=body)


def described_runs(server: Server, execution: str) -> list[dict[str, Any]]:
    """The map runs of an execution, each with its children."""
    sfn = server.client()
    found = []
    for run in sfn.list_map_runs(executionArn=execution)["mapRuns"]:
        children = sfn.list_executions(mapRunArn=run["mapRunArn"])["executions"]
        found.append(sfn.describe_map_run(mapRunArn=run["mapRunArn"]) | {"children": children})
    return found


@pytest.mark.parametrize("name", MACHINES)
def test_a_distributed_map_ends_as_expected(server: Server, s3_url: str, name: str) -> None:
    raw = json.loads((GOLDEN / "cases.json").read_text("utf-8"))
    objects = {one["state_machine"]: one["cases"][0].get("s3", {}) for one in raw}[name]
    s3 = boto3.client("s3", endpoint_url=s3_url, **KEYS)
    put_objects(s3, objects)
    machine = next(one for one in read_case_file(GOLDEN / "cases.json") if one.state_machine == name)
    case, definition = machine.cases[0], (WORKFLOWS / machine.definition).read_text("utf-8")
    sfn = server.client()
    arn = sfn.create_state_machine(name=name, definition=definition, roleArn=ROLE)["stateMachineArn"]
    started = sfn.start_execution(stateMachineArn=f"{arn}#{case.name}", input=json.dumps(case.input))
    ended = server.wait_for(started["executionArn"])
    found = {**ended, "output": json.loads(ended.get("output", "null"))}
    wrong = {member for member, value in case.expected.items() if not matches(value, found.get(member))}
    assert not wrong, found
    (run,) = described_runs(server, started["executionArn"])
    assert run["status"] == "SUCCEEDED"
    assert [len(run["children"])] == list(case.children.values())
    if name == "g10-inventory-manifest":
        details = found["output"][0]["ResultWriterDetails"]
        manifest = json.loads(s3.get_object(Bucket=details["Bucket"], Key=details["Key"])["Body"].read())
        (file,) = manifest["ResultFiles"]["SUCCEEDED"]
        entries = json.loads(s3.get_object(Bucket=details["Bucket"], Key=file["Key"])["Body"].read())
        assert [entry["Status"] for entry in entries] == ["SUCCEEDED"]
