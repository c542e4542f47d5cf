"""A file's diagnostics: what is pointed at, what is suggested, JSON and YAML."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.cli.definition_file import definition_text
from services.cli.diagnostics import Finding, examine, show
from services.cli.errors import CommandError
from tests.fixtures.work import lines_run

YAML = """# an order
StartAt: A
States:
  A:
    Type: Pass
    Nxt: B
    End: true
  "b/c":
    Type: Choice
    Choices:
      - Variable: $.x
        IsNull: true
        Next: Bb/c
"""


def written(folder: Path, text: str, name: str = "f.json") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def first(folder: Path, text: str, name: str = "f.json") -> Finding:
    return examine(written(folder, text, name), "STANDARD").findings[0]


def test_a_field_that_does_not_belong_is_pointed_at_itself(tmp_path: Path) -> None:
    found = first(tmp_path, '{"StartAt": "A", "States": {"A": {"Type": "Pass",\n "End": true,\n  "Foo": 1}}}')
    assert (found.location, found.line, found.column, found.length) == ("/States/A", 3, 3, 8)


def test_names_with_slashes_and_brackets_are_found(tmp_path: Path) -> None:
    found = first(tmp_path, '{"StartAt": "a[0]/b", "States": {\n"a[0]/b": {"Type": "Pass"}}}')
    assert (found.location, found.line) == ("/States/a[0]/b", 2)


@pytest.mark.parametrize(
    ("field", "meant"), [("Nxt", "Next"), ("next", "Next"), ("Resuorce", "Resource"), ("Zebra", None)]
)
def test_the_field_that_was_meant_is_named(tmp_path: Path, field: str, meant: str | None) -> None:
    text = f'{{"StartAt": "A", "States": {{"A": {{"Type": "Pass", "{field}": "B", "End": true}}}}}}'
    assert first(tmp_path, text).hint == ("" if meant is None else f"did you mean '{meant}'?")


def test_the_state_that_was_meant_is_named(tmp_path: Path) -> None:
    text = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "sendmail"}, "SendMail": {"Type": "Succeed"}}}'
    assert first(tmp_path, text).hint == "did you mean 'SendMail'?"


def test_yaml_is_checked_where_it_was_written(tmp_path: Path) -> None:
    report = examine(written(tmp_path, YAML, "f.yaml"), "STANDARD")
    places = [(found.code, found.line, found.column) for found in report.findings if found.severity == "ERROR"]
    assert places == [
        ("SCHEMA_VALIDATION_FAILED", 6, 5),
        ("MISSING_TRANSITION_TARGET", 13, 9),
        ("MISSING_TRANSITION_TARGET", 8, 3),
    ]
    assert report.findings[1].hint == "did you mean 'b/c'?"


def test_what_is_no_yaml_is_pointed_at(tmp_path: Path) -> None:
    found = first(tmp_path, "StartAt: A\nStates: [1,\nB: {", "f.yml")
    assert (found.severity, found.line) == ("ERROR", 3)
    with pytest.raises(CommandError, match=r"f\.yml:3:\d+: not YAML"):
        definition_text(tmp_path / "f.yml")


@pytest.mark.parametrize(("name", "text"), [("t.yaml", "Resources: {A: {}}"), ("t.json", '{"Resources": {"A": {}}}')])
def test_a_template_is_no_definition(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(CommandError, match="is a template, not a definition; `stepwell deploy"):
        examine(written(tmp_path, text, name), "STANDARD")


def test_a_json_error_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(examine(written(tmp_path, '{"StartAt": tru}'), "STANDARD"))
    head, source, caret, summary = capsys.readouterr().out.splitlines()
    assert head.endswith("or token 'null', 'true' or 'false') INVALID_JSON_DESCRIPTION")
    assert (source, caret) == ('  {"StartAt": tru}', "              ^")
    assert summary.endswith(": 1 error")


def test_warnings_are_counted_and_can_be_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "Parameters": {"x.$": "$v"}, "End": true}}}'
    show(examine(written(tmp_path, text), "STANDARD"), warnings=False)
    assert capsys.readouterr().out.endswith("f.json: valid, 1 warning\n")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("f.json", '{"StartAt": "A", "States": {"A": {"Type": "Fail"},\n  "A": {"Type": "Succeed"}}}'),
        ("f.yaml", 'StartAt: A\nStates: {A: {Type: Fail},\n  A: {Type: Succeed}}\n'),
    ],
)  # fmt: skip
def test_a_name_that_is_written_twice_is_warned_of(tmp_path: Path, name: str, text: str) -> None:
    (found,) = examine(written(tmp_path, text, name), "STANDARD").findings
    assert (found.code, found.location) == ("STEPWELL_WRITTEN_TWICE", "/States/A")
    assert found.column == 3


def test_the_work_for_placing_findings_grows_with_their_number(tmp_path: Path) -> None:
    def work(count: int) -> int:
        states = {f"S{at}": {"Type": "Pass", "Next": f"S{at + 1}", "Foo": 1} for at in range(count)}
        text = json.dumps({"StartAt": "S0", "States": {**states, f"S{count}": {"Type": "Succeed"}}}, indent=1)
        file = written(tmp_path, text)
        assert len(examine(file, "STANDARD").findings) == count
        return lines_run(lambda: examine(file, "STANDARD"))

    assert work(1_000) < 6 * work(200)
