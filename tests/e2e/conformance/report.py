"""The score as a part of `docs/compatibility.md`: file by file, and every case that fails with the reason.

The reasons are data, in `docs/compatibility/explanations.toml`; a case that they do not cover is listed as unexplained.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from tests.fixtures.shared import CONFORMANCE, ROOT

PAGE = ROOT / "docs" / "compatibility.md"
EXPLANATIONS = ROOT / "docs" / "compatibility" / "explanations.toml"
HEADING = "## Score\n"
UNEXPLAINED = "Not explained."
_INTRODUCTION = """
`tests/e2e/conformance/` plays recordings of the real AWS where they are at hand and compares the score with
`docs/compatibility/floor.json`; it may rise, never fall. This part of the page is written by
`python -m tests.e2e.conformance.recordings`, the reasons come from `docs/compatibility/explanations.toml`.
"""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why some differences are as they are."""

    reason: str
    where: re.Pattern[str]
    cases: re.Pattern[str]
    recorded_before: date

    def covers(self, case: str, recorded: date, where: str) -> bool:
        """Whether it speaks of this difference of this case."""
        return bool(self.where.search(where) and self.cases.search(case)) and recorded < self.recorded_before


def explanations() -> list[Explanation]:
    """All that is known."""
    rows = tomllib.loads(EXPLANATIONS.read_text("utf-8"))["explanation"]
    return [
        Explanation(
            row["reason"],
            re.compile(row["where"]),
            re.compile(row.get("cases", "")),
            row.get("recorded_before", date.max),
        )
        for row in rows
    ]


def recording_dates(folder: Path = CONFORMANCE / "cases") -> dict[str, date]:
    """When each case was recorded, by its id."""
    cases = (case for path in folder.rglob("*.json") for case in json.loads(path.read_text("utf-8"))["cases"])
    return {case["id"]: _day(case["recorded"]) for case in cases}


def _day(text: str | None) -> date:
    """The first ten characters of `24-10-2023, 10:00:00`; unknown counts as recorded today."""
    return datetime.strptime(text[:10], "%d-%m-%Y").date() if text else date.max


def reasons(case: str, outcome: Mapping[str, Any], recorded: date, known: Iterable[Explanation]) -> list[str]:
    """Why a case fails; nothing unless every one of its differences is explained."""
    known = list(known)
    found = []
    for difference in outcome["differences"]:
        covering = [it.reason for it in known if it.covers(case, recorded, difference["where"] or "the whole case")]
        if not covering:
            return []
        found.append(covering[0])
    return list(dict.fromkeys(found))


def section(outcomes: Mapping[str, Any], score: Mapping[str, list[int]], recorded: Mapping[str, date]) -> str:
    """The text of the page from its heading on."""
    known = explanations()
    why: dict[str, list[str]] = defaultdict(list)
    for case, outcome in sorted(outcomes.items()):
        if not outcome["passed"]:
            text = " ".join(reasons(case, outcome, recorded.get(case, date.max), known)) or UNEXPLAINED
            why[text].append(case)
    return HEADING + _INTRODUCTION + "\n".join(["", total_line(score), "", *_table(score), "", *_failing(why)])


def total_line(score: Mapping[str, list[int]]) -> str:
    """The sum of all files."""
    return f"**{sum(it[0] for it in score.values())} of {sum(it[1] for it in score.values())} cases pass.**"


def _table(score: Mapping[str, list[int]]) -> Iterator[str]:
    yield "| file of recordings | passes | of |"
    yield "| --- | --- | --- |"
    for file, (passed, played) in score.items():
        yield f"| `{file}` | {passed} | {played} |"


def _failing(why: Mapping[str, list[str]]) -> Iterator[str]:
    yield "### Cases that fail, and why"
    yield ""
    if not why:
        yield "None does."
    for reason, cases in sorted(why.items(), key=lambda item: (item[0] == UNEXPLAINED, -len(item[1]))):
        yield f"**{reason}** ({len(cases)})"
        yield ""
        for case in cases:
            file, _, name = case.removeprefix("v2/").partition("::")
            yield f"- `{file}` `{name}`"
        yield ""


def write(outcomes: Mapping[str, Any], score: Mapping[str, list[int]]) -> None:
    """Put the section into the page; what stands before its heading is written by hand."""
    head = PAGE.read_text("utf-8").partition(HEADING)[0]
    PAGE.write_text(head + section(outcomes, score, recording_dates()).rstrip() + "\n", "utf-8")
