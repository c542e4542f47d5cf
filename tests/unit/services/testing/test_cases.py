"""Cases files: what can be written in them, and what is refused with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.testing.cases import CaseFileError, matches, read_case_file

CASE = {"name": "c"}


def written(folder: Path, document: Any) -> Path:
    file = folder / "cases.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return file


def test_a_case_is_read_with_everything_it_may_have(tmp_path: Path) -> None:
    case = {
        **CASE,
        "input": [1],
        "expect": {"status": "FAILED", "cause": "<any>"},
        "mock_index": "retry",
        "s3": {"b": {"k": "text"}},
        "children": {"M": 2},
    }
    document = [{"state_machine": "m", "definition": "m.asl.json", "cases": [case, CASE]}]
    (machine,) = read_case_file(written(tmp_path, document))
    full, bare = machine.cases
    assert (machine.state_machine, machine.definition) == ("m", "m.asl.json")
    assert (full.input, full.expected, full.mock_index) == ([1], case["expect"], "retry")
    assert (full.objects.buckets["b"]["k"], full.children) == (b"text", {"M": 2})
    assert (bare.input, bare.expected, bare.mock_index) == ({}, {}, None)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "cases.json: "),
        ({}, "must be an array"),
        ([{}], r"\[0\] needs state_machine"),
        ([{"state_machine": "m"}], r"\[0\].cases must be an array"),
        ([{"state_machine": "m", "cases": [{}]}], r"\[0\].cases\[0\] needs a name"),
        ([{"state_machine": "m", "cases": [{**CASE, "expect": {"result": 1}}]}], r"expect\.result: only status"),
        ([{"state_machine": "m", "cases": [{**CASE, "expect": {"status": "OK"}}]}], r"status must be one of"),
        ([{"state_machine": "m", "cases": [{**CASE, "mock_index": "both"}]}], "mock_index must be one of"),
        ([{"state_machine": "m", "cases": [{**CASE, "s3": {"b": {"k": 1}}}]}], r"\.s3\.b\.k must be a text"),
        ([{"state_machine": "m", "cases": [{**CASE, "children": {"M": "2"}}]}], "children must map"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path: Path, document: Any, said: str) -> None:
    with pytest.raises(CaseFileError, match=said):
        read_case_file(written(tmp_path, document))


@pytest.mark.parametrize(
    ("expected", "found", "equal"),
    [
        ("<any>", None, True),
        ({"a": "<any>", "b": [1]}, {"a": {"x": 1}, "b": [1]}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": 1, "b": 2}, {"a": 1}, False),
        ([1, 2], [1], False),
        (1, 1.0, True),
        (True, 1, False),
        (0, False, False),
        (None, None, True),
        ("x", "y", False),
    ],
)
def test_values_match_exactly_but_for_any(expected: Any, found: Any, equal: bool) -> None:
    assert matches(expected, found) is equal
