"""Templates are read as CloudFormation reads them, and hostile ones end early."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.cli.errors import CommandError
from services.cli.templates.reading import is_template, parse_document, read_document


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a: !Ref X", {"a": {"Ref": "X"}}, id="ref"),
        pytest.param("a: !GetAtt X.Y.Z", {"a": {"Fn::GetAtt": ["X", "Y.Z"]}}, id="get-att"),
        pytest.param("a: !GetAtt [X, Y]", {"a": {"Fn::GetAtt": ["X", "Y"]}}, id="get-att-list"),
        pytest.param("a: !Sub '${X}'", {"a": {"Fn::Sub": "${X}"}}, id="sub"),
        pytest.param("a: !Join ['', [a, !Ref X]]", {"a": {"Fn::Join": ["", ["a", {"Ref": "X"}]]}}, id="nested"),
        pytest.param("a: !If [C, {b: !Ref X}, 1]", {"a": {"Fn::If": ["C", {"b": {"Ref": "X"}}, 1]}}, id="object"),
        pytest.param("a: !Condition C", {"a": {"Condition": "C"}}, id="condition"),
        pytest.param("a: !Transform {Name: X}", {"a": {"Fn::Transform": {"Name": "X"}}}, id="transform"),
        pytest.param("V: 2010-09-09", {"V": "2010-09-09"}, id="dates-are-text"),
        pytest.param("a: &x [1]\nb: *x", {"a": [1], "b": [1]}, id="aliases"),
        pytest.param('{"a": {"Ref": "X"}}', {"a": {"Ref": "X"}}, id="json"),
        pytest.param("{a: !Ref X}", {"a": {"Ref": "X"}}, id="yaml-in-flow-style"),
    ],
)
def test_short_tags_become_functions(text: str, expected: Any) -> None:
    assert parse_document(text, "t") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a: [", "t is not YAML", id="yaml"),
        pytest.param('{"a": ', "t is not JSON", id="json"),
        pytest.param("a: !!python/object/apply:os.system [ls]", "t is not YAML", id="python-objects"),
        pytest.param("[" * 100_000, "t is nested too deeply", id="deep-json"),
        pytest.param("a: " + "[" * 50_000, "t is nested too deeply", id="deep-yaml"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        parse_document(text, "t")


def test_aliases_of_aliases_end_early() -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(CommandError, match="more than 500000 values"):
        parse_document("\n".join(["l0: &l0 [x]", *levels]), "t")


def test_a_file_that_is_not_there_or_no_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot read"):
        read_document(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(CommandError, match="is not UTF-8"):
        read_document(tmp_path / "binary.yaml")


def test_a_template_has_resources_and_a_definition_has_states() -> None:
    assert is_template({"Resources": {}})
    assert not is_template({"StartAt": "A", "States": {}})
    assert not is_template({"States": {}, "Resources": {}})
    assert not is_template(json.loads("[]"))
