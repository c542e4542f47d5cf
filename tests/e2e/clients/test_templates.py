"""`stepwell deploy` of templates: one that the CDK synthesised, and one as the SAM CLI lays it out."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from services.cli.client import Client
from tests.e2e.clients.conftest import CDK, SAM
from tests.fixtures.server import Server

PLACE = "arn:aws:states:us-east-1:000000000000"
MAP = str(SAM / "map.yaml")


def described(client: Client, name: str) -> dict[str, Any]:
    return client.call("DescribeStateMachine", stateMachineArn=f"{PLACE}:stateMachine:{name}")


def verbs(output: str) -> dict[str, str]:
    """What was done, by the end of the ARN."""
    lines = (line.split(" ", 1) for line in output.splitlines())
    return {arn.removeprefix(f"{PLACE}:"): verb for verb, arn in lines}


def run_to_end(client: Client, arn: str, given: Any) -> dict[str, Any]:
    execution = client.call("StartExecution", stateMachineArn=arn, input=json.dumps(given))["executionArn"]
    deadline = time.monotonic() + 60
    while (told := client.call("DescribeExecution", executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return told


def test_a_template_of_the_cdk_is_deployed_as_it_is(server: Server) -> None:
    done = server.run("deploy", str(CDK))
    assert done.returncode == 0, done.stderr
    assert verbs(done.stdout) == {
        "activity:approve-order": "created",
        "stateMachine:cdk-order": "created",
        "stateMachine:ShipC2EE6D16": "created",
        "stateMachine:cdk-order:1": "created",
        "stateMachine:cdk-order:live": "created",
    }
    order = described(server.client, "cdk-order")
    states = json.loads(order["definition"])["States"]
    assert states["PriceIt"]["Resource"] == "arn:aws:lambda:us-east-1:000000000000:function:Price89D349F1"
    assert states["Ask"]["Resource"] == f"{PLACE}:activity:approve-order"
    assert (order["loggingConfiguration"]["level"], order["tracingConfiguration"]) == ("ALL", {"enabled": True})
    ship = described(server.client, "ShipC2EE6D16")
    assert ship["type"] == "EXPRESS"
    assert json.loads(ship["definition"])["States"]["Ship"]["Parameters"]["QueueUrl"].endswith("/Shipments6E8A22F1")
    tags = server.client.call("ListTagsForResource", resourceArn=order["stateMachineArn"])["tags"]
    assert tags == [{"key": "team", "value": "shop"}]
    assert "Price89D349F1.Arn = arn:aws:lambda" in done.stderr


def test_deploying_again_changes_nothing(server: Server) -> None:
    server.run("deploy", str(CDK))
    assert set(verbs(server.run("deploy", str(CDK)).stdout).values()) == {"unchanged"}


def test_what_is_missing_is_listed_and_nothing_is_deployed(server: Server) -> None:
    done = server.run("deploy", str(SAM / "template.yaml"), "--stack-name", "half")
    assert done.returncode == 2
    assert 'dev-AuditQueueUrl  (in StockTrading.DefinitionSubstitutions; give "dev-AuditQueueUrl":' in done.stderr
    assert "half-trading-dev" not in server.run("list").stdout


def test_a_template_of_sam_is_deployed_and_runs(server: Server, tmp_path: Path) -> None:
    functions = tmp_path / "functions.json"
    template = str(SAM / "template.yaml")
    done = server.run("deploy", template, "--stack-name", "app", "--map", MAP, "--functions-out", str(functions))
    assert done.returncode == 0, done.stderr
    assert verbs(done.stdout) == {
        "stateMachine:app-trading-dev": "created",
        "stateMachine:app-trading-dev:1": "created",
        "stateMachine:app-trading-dev:live": "created",
        "stateMachine:Settlement": "created",
    }
    trading = described(server.client, "app-trading-dev")
    assert json.loads(trading["definition"])["TimeoutSeconds"] == 60
    assert trading["tracingConfiguration"] == {"enabled": True}
    told = run_to_end(server.client, f"{trading['stateMachineArn']}:live", {})
    assert json.loads(told["output"]) == {
        "table": "Transactions",
        "audit": "http://localhost:9324/queue/audit",
        "price": 30,
    }
    settlement = described(server.client, "Settlement")
    assert settlement["roleArn"] == "arn:aws:iam::111122223333:role/settlement"
    child = json.loads(settlement["definition"])["States"]["Trade again"]["Parameters"]["StateMachineArn"]
    assert child == trading["stateMachineArn"]
    (target,) = json.loads(functions.read_text())["functions"].values()
    assert (tmp_path / target.partition(":")[0]).resolve() == (SAM / "handlers.py").resolve()
    for note in ("its events start nothing here", "its policies are not needed here"):
        assert note in done.stderr


def test_a_changed_parameter_is_a_new_version_behind_the_alias(server: Server) -> None:
    template = [str(SAM / "template.yaml"), "--stack-name", "changing", "--map", MAP]
    server.run("deploy", *template)
    done = server.run("deploy", *template, "--parameter", "Symbols=ZZZZ")
    changed = {name: verb for name, verb in verbs(done.stdout).items() if "changing" in name}
    assert changed == {
        "stateMachine:changing-trading-dev": "updated",
        "stateMachine:changing-trading-dev:2": "created",
        "stateMachine:changing-trading-dev:live": "updated",
    }
    alias = server.client.call(
        "DescribeStateMachineAlias", stateMachineAliasArn=f"{PLACE}:stateMachine:changing-trading-dev:live"
    )
    assert [route["stateMachineVersionArn"][-2:] for route in alias["routingConfiguration"]] == [":2"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        pytest.param(["--parameter", "Stage=test"], "must be one of dev, prod, not test", id="not-allowed"),
        pytest.param(["--parameter", "Colour=red"], "has no parameter Colour", id="no-such-parameter"),
        pytest.param(["--parameter", "Stage"], "'Stage' is not NAME=VALUE", id="no-value"),
        pytest.param(["--parameter", "Stage=prod"], "there is no definition at", id="missing-file"),
    ],
)
def test_what_cannot_be_deployed_is_said(server: Server, arguments: list[str], text: str) -> None:
    done = server.run("deploy", str(SAM / "template.yaml"), "--map", MAP, *arguments)
    assert (done.returncode, text in done.stderr) == (2, True), done.stderr


def test_a_definition_in_s3_is_refused_and_the_asset_beside_the_template_is_not(server: Server, tmp_path: Path) -> None:
    alone = tmp_path / CDK.name
    shutil.copy(CDK, alone)
    done = server.run("deploy", str(alone))
    assert (done.returncode, "its definition is in S3" in done.stderr) == (2, True), done.stderr
