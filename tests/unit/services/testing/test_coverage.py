"""What cases reached, and how it is reported."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from engine.asl.parse import compile_definition
from services.testing.cases import Case
from services.testing.coverage import Coverage, Point, Share, total_share
from services.testing.coverage_page import as_html
from services.testing.coverage_report import as_json, as_text
from tests.unit.services.testing.machines import machine, run, task, throws

RULES = [
    {"Variable": "$.n", "NumericEquals": 1, "Next": "Work"},
    {"Variable": "$.n", "NumericEquals": 2, "Next": "Work"},
]
DEFINITION = machine(
    Choose={"Type": "Choice", "Choices": RULES, "Default": "End <it>"},
    Work=task(
        Retry=[{"ErrorEquals": ["Busy"], "MaxAttempts": 1}, {"ErrorEquals": ["Lost"]}],
        Catch=[{"ErrorEquals": ["Busy", "Lost"], "Next": "End <it>"}],
        Next="Split",
    ),
    Split={
        "Type": "Parallel",
        "Branches": [{"StartAt": "Inner", "States": {"Inner": {"Type": "Pass", "End": True}}}],
        "End": True,
    },
    **{"End <it>": {"Type": "Succeed"}},
)


def covered(folder: Path, *inputs: Any) -> Coverage:
    coverage = Coverage("m", compile_definition(DEFINITION))
    for given in inputs:
        run(folder, DEFINITION, Case("c", given), coverage=coverage, responses={"Work": throws("Busy")})
    return coverage


def reached(coverage: Coverage) -> dict[str, int]:
    return {f"{point.kind} {point.state} {point.text}": coverage.hits(point) for point in coverage.points}


def test_every_kind_of_point_is_counted(tmp_path: Path) -> None:
    expected = {
        "state Choose Choose": 2,
        "transition Choose → Work": 1,
        "transition Choose → End <it>": 1,
        "rule Choose Choices[0] → Work": 0,
        "rule Choose Choices[1] → Work": 1,
        "rule Choose Default → End <it>": 1,
        "state Work Work": 1,
        "transition Work → Split": 0,
        "transition Work → End <it>": 1,
        "catcher Work Catch[0] Busy, Lost → End <it>": 1,
        "retrier Work Retry[0] Busy": 1,
        "retrier Work Retry[1] Lost": 0,
        "state Split Split": 0,
        "state Inner Inner": 0,
        "state End <it> End <it>": 2,
    }
    assert list(reached(covered(tmp_path, {"n": 2}, {"n": 3})).items()) == list(expected.items())


def test_a_state_inside_a_branch_is_a_state_like_any_other(tmp_path: Path) -> None:
    coverage = Coverage("m", compile_definition(DEFINITION))
    run(tmp_path, DEFINITION, Case("c", {"n": 1}), coverage=coverage, responses={"Work": {"0": {"Return": {}}}})
    assert coverage.hits(Point("state", "Inner")) == 1


@pytest.mark.parametrize(
    ("share", "percent"),
    [(Share(0, 0), 100.0), (Share(1, 3), 33.3), (Share(1999, 2000), 99.9), (Share(2, 2), 100.0)],
)
def test_a_share_is_rounded_down_so_that_only_all_is_everything(share: Share, percent: float) -> None:
    assert share.percent == percent


def test_machines_add_up(tmp_path: Path) -> None:
    both = [covered(tmp_path), covered(tmp_path, {"n": 1})]
    assert total_share(both).total == 2 * len(both[0].points)
    assert total_share(both).covered == both[1].share().covered


def place(coverage: Coverage, point: Point) -> str:
    return f"m.asl.json:{len(point.state)}"


def test_the_text_says_what_is_missing_and_where(tmp_path: Path) -> None:
    lines = as_text([covered(tmp_path, {"n": 2})], place).splitlines()
    assert lines[0] == "coverage of m"
    assert any(re.fullmatch(r"  Choice rules +1 of 3 +33\.3 %", line) for line in lines)
    assert "m.asl.json:4: not reached: retrier Work: Retry[1] Lost" in lines
    assert "m.asl.json:5: not reached: state Split" in lines


def test_the_document_holds_every_point(tmp_path: Path) -> None:
    coverage = covered(tmp_path, {"n": 2})
    document = as_json([coverage], place)
    (only,) = document["machines"]
    assert only["kinds"]["retrier"] == {"covered": 1, "total": 2, "percent": 50.0}
    assert len(only["points"]) == len(coverage.points)
    assert document["percent"] == coverage.share().percent


def test_the_page_needs_nothing_else_and_shows_names_as_they_are(tmp_path: Path) -> None:
    page = as_html([covered(tmp_path, {"n": 2})], place)
    assert "End &lt;it&gt;" in page and "<it>" not in page
    assert page.count("not reached") == len(covered(tmp_path, {"n": 2}).missing)
    assert not re.search(r"https?://|<script|<link", page)
