"""The commands that talk to a server, as one types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.server import Server

PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
FAIL = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Nope", "Cause": "because"}}}
NAP = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": True}}}


@pytest.fixture
def definition(tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    """Writes a definition under the test's own name; returns the path."""

    def write(value: Any) -> Path:
        path = tmp_path / f"{request.node.name}.asl.json"
        path.write_text(json.dumps(value))
        return path

    return write


def test_run_deploys_starts_follows_and_prints_the_output(server: Server, definition: Any) -> None:
    done = server.run("run", str(definition(PASS)), "--input", '{"x": 1}')
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["created", "started"]
    assert lines[-2:] == ["SUCCEEDED", '{"x":1}']


def test_run_exits_with_1_when_the_execution_fails(server: Server, definition: Any) -> None:
    done = server.run("run", str(definition(FAIL)))
    assert (done.returncode, done.stderr) == (1, "stepwell: FAILED: Nope: because\n")


def test_run_exits_with_2_when_it_cannot_be_run(server: Server, definition: Any) -> None:
    file = definition({"StartAt": "Nowhere", "States": {"A": {"Type": "Pass", "End": True}}})
    done = server.run("run", str(file))
    assert (done.returncode, done.stderr) == (2, f"stepwell: {file} was refused, nothing is changed\n")
    assert done.stdout.startswith(f"{file}:1:2: error: Missing 'Next' target: Nowhere")
    assert server.run("run", str(definition(PASS)), "--input", "{").returncode == 2


def test_input_comes_from_a_file_or_from_standard_input(server: Server, definition: Any, tmp_path: Path) -> None:
    (tmp_path / "input.json").write_text('{"from": "file"}')
    file = str(definition(PASS))
    assert server.run("run", file, "-i", f"@{tmp_path / 'input.json'}").stdout.endswith('{"from":"file"}\n')
    assert server.run("run", file, "-i", "-", text='"stdin"').stdout.endswith('"stdin"\n')


def test_the_order_example_runs_to_its_end(server: Server) -> None:
    done = server.run("run", "examples/order/order.asl.json", "--input", "@examples/order/input.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "↷ Reserve the goods" in done.stdout
    assert "Order 4711 is ready, 125.00 charged." in done.stdout


def test_deploy_twice_updates(server: Server, definition: Any) -> None:
    assert server.run("deploy", str(definition(PASS))).stdout.startswith("created arn:")
    assert server.run("deploy", str(definition(NAP))).stdout.startswith("updated arn:")


def test_stop_start_list_and_history_agree(server: Server, definition: Any) -> None:
    server.run("deploy", str(definition(NAP)), "--name", "nap")
    arn = server.run("start", "nap", "--execution-name", "one").stdout.strip()
    assert arn.endswith(":execution:nap:one")
    assert server.run("stop", "nap/one", "--error", "Enough").returncode == 0
    (listed,) = json.loads(server.run("list", "nap", "--json").stdout)
    assert (listed["executionArn"], listed["status"]) == (arn, "ABORTED")
    events = json.loads(server.run("history", "nap/one", "--json").stdout)
    assert [event["type"] for event in events] == ["ExecutionStarted", "WaitStateEntered", "ExecutionAborted"]
    table = server.run("history", arn).stdout
    assert "ExecutionAborted" in table
    assert "Enough" in table


def test_list_shows_machines(server: Server, definition: Any) -> None:
    server.run("deploy", str(definition(PASS)), "--name", "listed")
    machines = json.loads(server.run("list", "--json").stdout)
    assert "listed" in [machine["name"] for machine in machines]
    assert "listed" in server.run("list").stdout


def test_doctor_finds_the_server(server: Server) -> None:
    done = server.run("doctor", "--json")
    levels = {finding["check"]: finding["level"] for finding in json.loads(done.stdout)}
    assert done.returncode == 0
    assert (levels["server"], levels["readiness"]) == ("ok", "ok")


def test_env_is_what_a_shell_can_evaluate(server: Server) -> None:
    lines = server.run("env").stdout.splitlines()
    assert f"export AWS_ENDPOINT_URL_SFN={server.endpoint}" in lines
    assert all(line.startswith("export AWS_") for line in lines)


def test_a_name_that_does_not_exist_is_said(server: Server) -> None:
    done = server.run("start", "nobody")
    assert done.returncode == 2
    assert "no state machine named 'nobody'" in done.stderr
