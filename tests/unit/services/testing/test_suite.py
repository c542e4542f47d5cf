"""The cases of one machine: which they are, and what is said about them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from engine.asl.parse import compile_definition
from services.testing.cases import Case
from services.testing.suite import Suite, Verdict, problem_of
from tests.unit.services.testing.machines import PASS, machine, mock_file, returns, task, throws


def suite(folder: Path, **responses: dict[str, Any]) -> Suite:
    return Suite("m", compile_definition(machine(A=task())), mock_file(folder, **responses))


def run(one: Suite, case: Case) -> Verdict:
    return asyncio.run(one.run(case))


def test_cases_of_the_mock_file_take_their_expectations_from_the_cases_file(tmp_path: Path) -> None:
    expected = [Case("c", 1, {"output": 2}), Case("plain", 3)]
    found = suite(tmp_path, A=returns(0)).cases(expected, input=4)
    assert [(case.name, case.input) for case in found] == [("c", 1), ("plain", 3)]
    assert [case.input for case in suite(tmp_path, A=returns(0)).cases([], input=4)] == [4]


def test_without_expectations_a_case_must_succeed(tmp_path: Path) -> None:
    assert run(suite(tmp_path, A=returns(0)), Case("c")).passed
    failed = run(suite(tmp_path, A=throws("Broken")), Case("c"))
    problem = problem_of(failed)
    assert problem is not None
    assert (problem.message, problem.state) == ("status is FAILED, expected SUCCEEDED", "A")


def test_what_is_not_expected_is_not_compared(tmp_path: Path) -> None:
    assert run(suite(tmp_path, A=throws("Broken", "why")), Case("c", expected={"error": "Broken"})).passed


def test_every_member_that_differs_is_named(tmp_path: Path) -> None:
    verdict = run(suite(tmp_path, A=returns({"n": 1})), Case("c", expected={"status": "FAILED", "output": {"n": 2}}))
    assert [(it.member, it.expected, it.found) for it in verdict.mismatches] == [
        ("status", "FAILED", "SUCCEEDED"),
        ("output", '{"n":2}', '{"n":1}'),
    ]


def test_the_children_of_a_map_are_counted(tmp_path: Path) -> None:
    definition = machine(M={"Type": "Map", "End": True, "Iterator": {"StartAt": "P", "States": {"P": PASS}}})
    one = Suite("m", compile_definition(definition), mock_file(tmp_path))
    assert run(one, Case("c", [1, 2], children={"M": 2})).passed
    wrong = run(one, Case("c", [1], children={"M": 2})).mismatches
    assert [(it.member, it.expected, it.found) for it in wrong] == [("children of 'M'", "2", "1")]
