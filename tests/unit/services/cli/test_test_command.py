"""`stepwell test`: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from services.cli.errors import CommandError
from services.cli.main import app

DEFINITION = """{
  "StartAt": "Work",
  "States": {
    "Work": {
      "Type": "Task",
      "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f",
      "Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 1}],
      "End": true
    }
  }
}"""
MOCKS: dict[str, Any] = {
    "StateMachines": {"order": {"TestCases": {"Good": {"Work": "fine"}, "Bad": {"Work": "broken"}}}},
    "MockedResponses": {
        "fine": {"0": {"Throw": {"Error": "Busy"}}, "1": {"Return": {"ok": True}}},
        "broken": {"0": {"Throw": {"Error": "Broken", "Cause": "why"}}},
    },
}
EXPECTED = [
    {
        "state_machine": "order",
        "definition": "order.asl.json",
        "cases": [
            {"name": "Good", "expect": {"output": {"ok": True}}},
            {"name": "Bad", "expect": {"status": "FAILED", "error": "Broken"}},
        ],
    }
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "order.asl.json").write_text(DEFINITION)
    (tmp_path / "mocks.json").write_text(json.dumps(MOCKS))
    (tmp_path / "cases.json").write_text(json.dumps(EXPECTED))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SFN_MOCK_CONFIG", raising=False)
    return tmp_path


def stepwell(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["test", "order.asl.json", *arguments])


WITH_MOCKS = ("--mocks", "mocks.json")
WITH_BOTH = (*WITH_MOCKS, "--cases", "cases.json")


def test_cases_that_pass_take_a_line_each(folder: Path) -> None:
    done = stepwell(*WITH_BOTH)
    assert done.exit_code == 0, done.output
    assert [line.split()[:3] for line in done.output.splitlines()] == [
        ["order.asl.json", "as", "order"],
        ["ok", "Good", "SUCCEEDED"],
        ["ok", "Bad", "FAILED"],
        ["2", "cases,", "all"],
    ]


def test_a_case_that_fails_is_shown_at_its_place(folder: Path) -> None:
    done = stepwell(*WITH_MOCKS, "--tree")
    assert done.exit_code == 1
    lines = done.output.splitlines()
    at = lines.index("order.asl.json:4:5: error: Bad: status is FAILED, expected SUCCEEDED")
    assert lines[at + 1 : at + 4] == ['      "Work": {', "      ^", "    it failed with Broken: why"]
    assert any("✖ Work" in line for line in lines)
    assert lines[-1] == "2 cases, 1 failed"


def test_a_map_run_that_fails_is_shown_with_its_failed_child(folder: Path) -> None:
    document = json.loads(DEFINITION)
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **document}
    every = {"Type": "Map", "ItemsPath": "$.all", "ItemProcessor": processor, "End": True}
    definition = json.dumps({"StartAt": "Every", "States": {"Every": every}}, indent=1)
    (folder / "order.asl.json").write_text(definition)
    done = stepwell(*WITH_MOCKS, "--case", "Bad", "--input", '{"all": [1]}', "--tree")
    lines = done.output.splitlines()
    written_at = next(at for at, line in enumerate(definition.splitlines(), 1) if '"Work": {' in line)
    assert any(line.startswith(f"order.asl.json:{written_at}:") for line in lines)
    assert "    its first failed child failed with Broken: why" in lines
    assert "✖ Work" in lines[lines.index("the first child execution that failed:") + 2]


def test_a_missing_mock_is_named_with_its_state(folder: Path) -> None:
    (folder / "cases.json").write_text(json.dumps(EXPECTED).replace('"Bad"', '"Unmocked"'))
    done = stepwell(*WITH_BOTH, "--case", "Unmocked")
    assert done.exit_code == 1
    assert "order.asl.json:4:5: error: Unmocked: no mock for state 'Work' in case 'Unmocked'" in done.output


def test_one_case_alone(folder: Path) -> None:
    done = stepwell(*WITH_BOTH, "--case", "Good", "--json")
    document = json.loads(done.stdout)
    assert document["passed"] and [case["case"] for case in document["cases"]] == ["Good"]
    assert document["cases"][0]["virtualSeconds"] == 1.0


def test_the_document_has_the_problem_and_the_coverage(folder: Path) -> None:
    done = stepwell(*WITH_MOCKS, "--json", "--coverage", "json")
    document = json.loads(done.stdout)
    assert not document["passed"] and done.exit_code == 1
    problem = document["cases"][1]["problem"]
    assert (problem["state"], problem["line"], problem["column"]) == ("Work", 4, 5)
    assert document["coverage"]["percent"] == 100.0
    assert [point["place"] for point in document["coverage"]["machines"][0]["points"]] == [
        "order.asl.json:4",
        "order.asl.json:7",
    ]


@pytest.mark.parametrize(("percent", "code"), [("50", 0), ("50.1", 1)])
def test_too_little_coverage_fails(folder: Path, percent: str, code: int) -> None:
    done = stepwell(*WITH_BOTH, "--case", "Bad", "--fail-under", percent)
    assert done.exit_code == code, done.output


@pytest.mark.parametrize(
    ("form", "begins"), [("text", "coverage of order\n"), ("json", '{\n  "covered"'), ("html", "<!doctype html>")]
)
def test_the_coverage_goes_into_a_file(folder: Path, form: str, begins: str) -> None:
    done = stepwell(*WITH_BOTH, "--coverage", form, "--coverage-file", "report")
    assert done.exit_code == 0
    assert (folder / "report").read_text().startswith(begins)
    assert "coverage" not in done.output


def test_an_invalid_definition_is_shown_like_validate_does(folder: Path) -> None:
    (folder / "order.asl.json").write_text(DEFINITION.replace('"Task"', '"Tusk"'))
    done = stepwell(*WITH_MOCKS)
    assert done.exit_code == 1
    assert "order.asl.json:5:7: error:" in done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--mocks", "order.asl.json"), "MockedResponses must be an object"),
        ((*WITH_MOCKS, "--cases", "mocks.json"), "must be an array"),
        ((*WITH_MOCKS, "--case", "Nope"), "no definition has a case 'Nope'"),
        ((), "there are no cases"),
    ],
)
def test_what_cannot_be_run_is_said_in_one_line(folder: Path, arguments: Any, said: str) -> None:
    done = stepwell(*arguments)
    assert isinstance(done.exception, CommandError), done.output
    assert said in str(done.exception)


def test_an_unknown_machine_is_asked_for(folder: Path) -> None:
    mocks = {**MOCKS, "StateMachines": {"a": MOCKS["StateMachines"]["order"], "b": {"TestCases": {}}}}
    (folder / "mocks.json").write_text(json.dumps(mocks))
    done = stepwell(*WITH_MOCKS)
    assert isinstance(done.exception, CommandError)
    assert "say which one it is with --machine: a, b" in str(done.exception)
    assert stepwell(*WITH_MOCKS, "--machine", "a", "--case", "Good").exit_code == 0


def test_functions_answer_for_states_without_a_mock_where_that_is_wanted(folder: Path) -> None:
    (folder / "cases.json").write_text(json.dumps([{**EXPECTED[0], "cases": [{"name": "Real", "input": {"n": 1}}]}]))
    done = stepwell("--cases", "cases.json", "--call-unmocked", "--function", "f=echo:", "--json")
    assert json.loads(done.stdout)["cases"][0]["output"] == {"n": 1}, done.output
