"""`stepwell import`: from AWS, which a second server stands in for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from services.cli.importing.source import NotReading, Source
from tests.e2e.clients.conftest import ROLE
from tests.fixtures.server import Server

ACCOUNT = "444455556666"
PLACE = f"arn:aws:states:us-east-1:{ACCOUNT}"
HERE = "arn:aws:states:us-east-1:000000000000"


def definition(number: int, child: str = "") -> str:
    state: dict[str, Any] = {"Type": "Pass", "Result": {"number": number, "child": child}, "End": True}
    return json.dumps({"StartAt": "A", "States": {"A": state}})


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server that stands in for AWS."""
    folder = tmp_path_factory.mktemp("aws")
    running = Server(folder)
    running.start()
    try:
        _fill(running)
        yield running
    finally:
        running.stop()


def _fill(running: Server) -> None:
    sfn = boto3.client(
        "stepfunctions",
        endpoint_url=running.endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="x",
        config=Config(inject_host_prefix=False),
    )
    sfn.create_activity(name="imp-activity", tags=[{"key": "k", "value": "v"}])
    sfn.create_state_machine(name="other", definition=definition(0), roleArn=ROLE)
    made = sfn.create_state_machine(
        name="imp-order",
        definition=definition(1),
        roleArn=ROLE,
        publish=True,
        versionDescription="one",
        tracingConfiguration={"enabled": True},
        tags=[{"key": "team", "value": "shop"}],
    )
    arn = made["stateMachineArn"]
    for number in (2, 3, 4):
        sfn.update_state_machine(stateMachineArn=arn, definition=definition(number), publish=True)
    sfn.delete_state_machine_version(stateMachineVersionArn=f"{arn}:2")
    sfn.update_state_machine(stateMachineArn=arn, definition=definition(5, child=f"{PLACE}:stateMachine:imp-fast"))
    sfn.create_state_machine_alias(
        name="live",
        description="callers",
        routingConfiguration=[
            {"stateMachineVersionArn": f"{arn}:1", "weight": 25},
            {"stateMachineVersionArn": f"{arn}:4", "weight": 75},
        ],
    )
    sfn.create_state_machine(name="imp-fast", definition=definition(0), roleArn=ROLE, type="EXPRESS")


@pytest.fixture
def profile(aws: Server, tmp_path: Path) -> dict[str, str]:
    """An AWS config file with a profile `prod` that leads to the stand-in."""
    config = tmp_path / "config"
    text = aws.run("profile", "prod").stdout.replace("aws_access_key_id = stepwell", f"aws_access_key_id = {ACCOUNT}")
    config.write_text(text)
    return {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}


def test_a_dry_run_changes_nothing(server: Server, profile: dict[str, str]) -> None:
    done = server.run("import", "--from-aws", "prod", "--name-prefix", "imp-", "--dry-run", environment=profile)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.splitlines()) == {
        f"would copy {PLACE}:stateMachine:imp-fast",
        f"would copy {PLACE}:stateMachine:imp-order",
        "would copy activity imp-activity",
    }
    assert "imp-" not in server.run("list").stdout


def test_machines_versions_aliases_and_tags_arrive(server: Server, profile: dict[str, str]) -> None:
    done = server.run("import", "--from-aws", "prod", "--name-prefix", "imp-", environment=profile)
    assert done.returncode == 0, done.stderr
    client = server.client
    arn = f"{HERE}:stateMachine:imp-order"
    order = client.call("DescribeStateMachine", stateMachineArn=arn)
    assert order["tracingConfiguration"] == {"enabled": True}
    result = json.loads(order["definition"])["States"]["A"]["Result"]
    assert result == {"number": 5, "child": f"{HERE}:stateMachine:imp-fast"}
    versions = client.pages("ListStateMachineVersions", "stateMachineVersions", stateMachineArn=arn)
    assert [item["stateMachineVersionArn"] for item in versions] == [f"{arn}:4", f"{arn}:3", f"{arn}:1"]
    first = client.call("DescribeStateMachine", stateMachineArn=f"{arn}:1")
    assert (first["description"], first["definition"]) == ("one", definition(1))
    alias = client.call("DescribeStateMachineAlias", stateMachineAliasArn=f"{arn}:live")
    assert alias["routingConfiguration"] == [
        {"stateMachineVersionArn": f"{arn}:1", "weight": 25},
        {"stateMachineVersionArn": f"{arn}:4", "weight": 75},
    ]
    assert client.call("ListTagsForResource", resourceArn=arn)["tags"] == [{"key": "team", "value": "shop"}]
    tags = client.call("ListTagsForResource", resourceArn=f"{HERE}:activity:imp-activity")["tags"]
    assert tags == [{"key": "k", "value": "v"}]
    assert client.call("DescribeStateMachine", stateMachineArn=f"{HERE}:stateMachine:imp-fast")["type"] == "EXPRESS"
    names = {item["name"] for item in client.pages("ListStateMachines", "stateMachines")}
    assert "other" not in names

    again = server.run("import", "--from-aws", "prod", "--name-prefix", "imp-", environment=profile)
    assert {line.split()[0] for line in again.stdout.splitlines()} == {"unchanged"}, again.stdout + again.stderr


def test_the_account_can_be_kept(server: Server, profile: dict[str, str]) -> None:
    done = server.run(
        "import", "--from-aws", "prod", "--name-prefix", "imp-fast", "--keep-account", environment=profile
    )
    assert done.stdout.splitlines() == [f"created {PLACE}:stateMachine:imp-fast"], done.stderr


def test_an_unknown_profile_is_said(server: Server, profile: dict[str, str]) -> None:
    done = server.run("import", "--from-aws", "nobody", environment=profile)
    assert (done.returncode, "the profile 'nobody' cannot be used" in done.stderr) == (2, True)


def test_nothing_but_reading_ever_leaves(aws: Server, profile: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in profile.items():
        monkeypatch.setenv(name, value)
    source = Source("prod", None)
    assert [item["name"] for item in source.machines("imp-")] == ["imp-fast", "imp-order"]
    with pytest.raises(NotReading):
        source._call("delete_state_machine", stateMachineArn=f"{PLACE}:stateMachine:other")
    assert "other" in {item["name"] for item in source.machines("")}
