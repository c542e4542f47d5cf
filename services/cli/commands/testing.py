"""`test`: run workflows against mocked services, without a server and without waiting.

Exit codes: 0 every case passed, 1 one did not (or the coverage is too low, or a definition is invalid), 2 it could not
be run.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.options import FunctionEntries, FunctionFiles, Json, Kind, MachineKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.cli.case_plan import Plan
    from services.integrations.interface import Integrations
    from services.testing.coverage import Coverage
    from services.testing.suite import Suite, Verdict


class CoverageFormat(StrEnum):
    """How the coverage is reported."""

    text = "text"
    json = "json"
    html = "html"


class MockIndex(StrEnum):
    """What the numbers in a mock file count."""

    visit = "visit"
    retry = "retry"


Mocks = Annotated[
    Path | None,
    typer.Option(
        envvar="SFN_MOCK_CONFIG",
        exists=True,
        dir_okay=False,
        help="Mock file in the format of Step Functions Local; else SFN_MOCK_CONFIG.",
    ),
]


Only = Annotated[list[str] | None, typer.Option("--case", metavar="NAME", help="Only this case; may be repeated.")]
Expectations = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="What the cases are given, and what must come out of them."),
]
Machine = Annotated[str | None, typer.Option(help="Name of the state machine in the mock file; else the definition's.")]
CaseInput = Annotated[
    str | None,
    typer.Option("--input", "-i", help="Input of cases without one, as JSON, @FILE or -.", show_default=False),
]
Index = Annotated[
    MockIndex, typer.Option(help="Whether mocks count all calls of a state, or the attempts of one visit.")
]


def test(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Definitions to test.")],
    mocks: Mocks = None,
    case: Only = None,
    cases: Expectations = None,
    machine: Machine = None,
    input: CaseInput = None,
    type: MachineKind = Kind.STANDARD,
    mock_index: Index = MockIndex.visit,
    call_unmocked: Annotated[
        bool, typer.Option("--call-unmocked", help="Call states without a mock for real instead of failing.")
    ] = False,
    functions: FunctionFiles = None,
    function: FunctionEntries = None,
    coverage: Annotated[CoverageFormat | None, typer.Option(help="Report what the cases reached.")] = None,
    coverage_file: Annotated[Path | None, typer.Option(dir_okay=False, help="Where to; else standard output.")] = None,
    fail_under: Annotated[
        float | None, typer.Option(min=0, max=100, metavar="PERCENT", help="Fail when the coverage is lower.")
    ] = None,
    tree: Annotated[bool, typer.Option("--tree", help="Show the states that failed cases went through.")] = False,
    json: Json = False,
) -> None:
    """Run the test cases of definitions on a virtual clock, with mocked services."""
    import asyncio

    from services.cli.case_plan import Wanted, plans, read_expectations, read_mocks

    wanted = Wanted(files, read_mocks(mocks), read_expectations(cases), machine)
    suites = [(plan, _suite(plan, wanted.mocks, type, mock_index)) for plan in plans(wanted)]
    if any(suite is None for _, suite in suites):
        raise SystemExit(1)
    session = _Session([(plan, suite) for plan, suite in suites if suite is not None], case, _value(input), tree, json)
    opener = (lambda: _real_calls(functions, function)) if call_unmocked else None
    verdicts = asyncio.run(session.run(opener))
    if not verdicts:
        raise _nothing_to_run(case)
    session.report(verdicts, coverage, coverage_file)
    passed = all(verdict.passed for _, verdict in verdicts)
    if not _high_enough(session.coverages, fail_under) or not passed:
        raise SystemExit(1)


class _Session:
    """The suites of one command, in the order of the files."""

    def __init__(
        self,
        suites: Sequence[tuple[Plan, Suite]],
        only: list[str] | None,
        input: Any,
        tree: bool,
        quiet: bool,
    ) -> None:
        self.suites = suites
        self._only = only
        self._input = input
        self._tree = tree
        self._quiet = quiet

    async def run(self, opener: Any) -> list[tuple[Plan, Verdict]]:
        """Run every case that is wanted and show it."""
        integrations: Integrations | None = None if opener is None else opener()
        try:
            return [pair for plan, suite in self.suites for pair in await self._run(plan, suite, integrations)]
        finally:
            if integrations is not None:
                await integrations.close()

    async def _run(self, plan: Plan, suite: Suite, integrations: Integrations | None) -> list[tuple[Plan, Verdict]]:
        from rich.text import Text

        from services.cli.case_report import show_verdict
        from services.cli.screen import console

        chosen = [it for it in suite.cases(plan.expected, self._input) if not self._only or it.name in self._only]
        screen = console()
        if chosen and not self._quiet:
            screen.print(Text.assemble((str(plan.file), "bold"), f" as {plan.machine}"))
        verdicts = []
        for case in chosen:
            verdict = await suite.run(case, integrations)
            if not self._quiet:
                show_verdict(screen, plan, verdict, self._tree)
            verdicts.append((plan, verdict))
        return verdicts

    @property
    def coverages(self) -> list[Coverage]:
        """What the cases reached, machine by machine."""
        return [suite.coverage for _, suite in self.suites]

    def report(self, verdicts: Sequence[tuple[Plan, Verdict]], form: CoverageFormat | None, file: Path | None) -> None:
        """Say how it went, and what was reached: the report goes into the file, into the document, or on the screen."""
        from services.cli.case_report import summary, verdict_json
        from services.cli.screen import console, print_json

        if self._quiet:
            document: dict[str, Any] = {"passed": all(verdict.passed for _, verdict in verdicts)}
            document["cases"] = [verdict_json(plan, verdict) for plan, verdict in verdicts]
            if form is not None:
                document["coverage"] = self._coverage_json()
            print_json(document)
        else:
            console().print(summary([verdict for _, verdict in verdicts]))
        if form is not None and file is not None:
            file.write_text(self._coverage_text(form), "utf-8")
        elif form is not None and not self._quiet:
            print(self._coverage_text(form), end="")

    def _coverage_text(self, form: CoverageFormat) -> str:
        import json

        from services.testing.coverage_page import as_html
        from services.testing.coverage_report import as_text

        if form is CoverageFormat.html:
            return as_html(self.coverages, self._place)
        if form is CoverageFormat.json:
            return json.dumps(self._coverage_json(), indent=2, ensure_ascii=False) + "\n"
        return as_text(self.coverages, self._place)

    def _coverage_json(self) -> dict[str, Any]:
        from services.testing.coverage_report import as_json

        return as_json(self.coverages, self._place)

    def _place(self, coverage: Coverage, point: Any) -> str:
        plan = next(plan for plan, suite in self.suites if suite.coverage is coverage)
        return f"{plan.file}:{plan.place(point.state, point.pointer)[0]}"


def _suite(plan: Plan, mocks: Any, kind: Kind, mock_index: MockIndex) -> Suite | None:
    """The suite of a definition; None after its mistakes have been shown."""
    from engine.asl.diagnostics import InvalidDefinition
    from engine.asl.parse import compile_definition
    from services.cli.diagnostics import examine_written, show
    from services.testing.suite import Suite

    try:
        program = compile_definition(plan.written.text, kind.value)
    except InvalidDefinition:
        show(examine_written(plan.written, kind.value))
        return None
    return Suite(plan.machine, program, mocks, machine_type=kind.value, mock_index=mock_index.value)


def _real_calls(files: FunctionFiles, entries: FunctionEntries) -> Integrations:
    """What states without a mock call."""
    import os

    from services.cli.errors import CommandError
    from services.cli.function_map import gather_targets
    from services.integrations.assembly import make_integrations, read_permissions
    from services.integrations.functions.functions import Functions
    from services.runtime.clock import SystemClock
    from services.runtime.ids import SystemIds
    from services.runtime.settings import SettingError

    clock, ids = SystemClock(), SystemIds()
    functions = Functions(gather_targets(files, entries, os.environ), clock, ids)
    try:
        permissions = read_permissions(os.environ, clock, ids)
    except SettingError as error:
        raise CommandError(str(error)) from None
    return make_integrations(os.environ, permissions, clock=clock, ids=ids, functions=functions)


def _value(text: str | None) -> Any:
    from engine.payload import decode_json
    from services.cli.resolve import input_text

    return None if text is None else decode_json(input_text(text))


def _nothing_to_run(only: list[str] | None) -> Exception:
    from services.cli.errors import CommandError

    if only:
        return CommandError(f"no definition has a case {' or '.join(map(repr, only))}")
    return CommandError("there are no cases; name them in the mock file or in a cases file")


def _high_enough(coverages: list[Coverage], fail_under: float | None) -> bool:
    import sys

    from services.testing.coverage import total_share

    percent = total_share(coverages).percent
    if fail_under is None or percent >= fail_under:
        return True
    print(f"stepwell: the coverage is {percent:g} %, less than {fail_under:g} %", file=sys.stderr)
    return False
