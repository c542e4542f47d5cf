"""All cases of one state machine: which there are, how they ran, and what does not fit the expectations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.asl.model import MachineType, Program
from engine.payload import encode_json
from services.integrations.interface import Integrations
from services.integrations.mocks import MockFile
from services.testing.answers import Answers
from services.testing.case_run import CaseRun
from services.testing.cases import Case, MockIndex, matches, named
from services.testing.coverage import Coverage
from services.testing.finished import Finished, Problem

_SHOWN_CHARACTERS_MAX = 2000


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A member of DescribeExecution, or the children of a Map, that is not as expected."""

    member: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said about one case."""

    case: Case
    run: Finished
    mismatches: tuple[Mismatch, ...]

    @property
    def passed(self) -> bool:
        """Whether it ran to its end, and the end is the expected one."""
        return self.run.problem is None and not self.mismatches


class Suite:
    """The cases of one machine, run one after the other; their coverage adds up."""

    def __init__(
        self,
        machine: str,
        program: Program,
        mocks: MockFile,
        *,
        machine_type: MachineType = "STANDARD",
        mock_index: MockIndex = "visit",
    ) -> None:
        """Prepare. `mock_index` is for cases that do not say."""
        self.machine = machine
        self.coverage = Coverage(machine, program)
        self._program = program
        self._mocks = mocks
        self._express = machine_type == "EXPRESS"
        self._mock_index = mock_index

    def cases(self, expected: Sequence[Case], input: Any = None) -> list[Case]:
        """Every case of the mock file, with its expectations if it has any, then those that need no mocks.

        `input` is for cases without expectations.
        """
        mocked = self._mocks.cases(self.machine)
        plain = [named(expected, name) or Case(name, {} if input is None else input) for name in mocked]
        return plain + [case for case in expected if case.name not in mocked]

    async def run(self, case: Case, integrations: Integrations | None = None) -> Verdict:
        """Run one case and compare; `integrations` are what states without a mock call, None refuses them."""
        answers = Answers(self._mocks, self.machine, case.name, case.mock_index or self._mock_index)
        run = await CaseRun(
            self.machine,
            self._program,
            case,
            answers,
            self.coverage,
            express=self._express,
            integrations=integrations,
        ).finish()
        return Verdict(case, run, () if run.problem is not None else tuple(_compare(case, run)))


def problem_of(verdict: Verdict) -> Problem | None:
    """The problem of a case, or its first mismatch as one; None when it passed."""
    if verdict.run.problem is not None:
        return verdict.run.problem
    if not verdict.mismatches:
        return None
    first = verdict.mismatches[0]
    state = verdict.run.last_state if verdict.run.status != "SUCCEEDED" else ""
    return Problem(f"{first.member} is {first.found}, expected {first.expected}", state)


def _compare(case: Case, run: Finished) -> list[Mismatch]:
    """Without expectations a case must succeed."""
    found = {"status": run.status, "output": run.output, "error": run.error, "cause": run.cause}
    expected = case.expected or {"status": "SUCCEEDED"}
    wrong = [
        Mismatch(member, _shown(value), _shown(found[member]))
        for member, value in expected.items()
        if not matches(value, found[member])
    ]
    for name, number in case.children.items():
        if run.children[name] != number:
            wrong.append(Mismatch(f"children of '{name}'", str(number), str(run.children[name])))
    return wrong


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) and value.isupper() else encode_json(value).decode()
    return text if len(text) <= _SHOWN_CHARACTERS_MAX else f"{text[:_SHOWN_CHARACTERS_MAX]}..."
