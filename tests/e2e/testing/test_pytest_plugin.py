"""The pytest fixture, as a project of somebody else uses it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROJECT = {
    "pytest.ini": "[pytest]\nstepwell_functions = functions.toml\n",
    "functions.toml": '[functions]\ngreet = "handlers.py:greet"\n',
    "handlers.py": "def greet(event, context):\n    return {'hello': event['name']}\n",
    "mocks.json": """{
        "StateMachines": {"hello": {"TestCases": {"Mocked": {"Greet": "answer"}}}},
        "MockedResponses": {"answer": {"0": {"Throw": {"Error": "Busy"}}, "1": {"Return": {"hello": "mock"}}}}
    }""",
    "test_hello.py": """
import json

import pytest

GREET = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:greet", "End": True}
DEFINITION = json.dumps({"StartAt": "Greet", "States": {"Greet": GREET}})
RETRIED = json.dumps({"StartAt": "Greet", "States": {"Greet": {
    **GREET, "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 1}]}}})


def run(server, definition, case=""):
    sfn = server.client()
    role = "arn:aws:iam::000000000000:role/any"
    arn = sfn.create_state_machine(name="hello", definition=definition, roleArn=role)["stateMachineArn"]
    started = sfn.start_execution(stateMachineArn=arn + case, input='{"name": "Ada"}')
    assert started["executionArn"].count(":") == 7
    found = server.wait_for(started["executionArn"])
    assert found["status"] == "SUCCEEDED", found
    return json.loads(found["output"])


def test_a_function_answers(stepwell_server):
    assert run(stepwell_server, DEFINITION) == {"hello": "Ada"}


def test_the_same_server_is_used_again(stepwell_server, stepwell_servers):
    assert stepwell_server.client().list_state_machines()["stateMachines"]
    assert len(stepwell_servers) == 1
    open("folder", "w").write(str(stepwell_server.folder))


@pytest.mark.stepwell(mocks="mocks.json")
def test_a_mock_answers(stepwell_server):
    assert run(stepwell_server, RETRIED, "#Mocked") == {"hello": "mock"}
""",
}


def test_a_project_gets_its_servers_and_they_end_with_its_tests(tmp_path: Path) -> None:
    for name, text in PROJECT.items():
        (tmp_path / name).write_text(text, "utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "services.testing.pytest_plugin", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "3 passed" in ran.stdout
    assert not Path((tmp_path / "folder").read_text()).exists(), "a server left its data behind"


def test_the_plugin_loads_nothing_heavy() -> None:
    loaded = "import sys; import services.testing.pytest_plugin; print(*sorted(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    heavy = {"engine", "botocore", "orjson", "typer", "asyncio.unix_events"} & set(ran.stdout.split())
    assert not heavy
