"""How test cases went: lines for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from services.testing.suite import Verdict, problem_of

if TYPE_CHECKING:
    from rich.console import Console

    from services.cli.case_plan import Plan
    from services.testing.finished import Finished

_NAME_CHARACTERS = 24


def show_verdict(screen: Console, plan: Plan, verdict: Verdict, tree: bool) -> None:
    """One line for what passed; what did not is shown with its place in the definition, like a compiler's error."""
    from rich.text import Text

    from services.cli.diagnostics import window
    from services.cli.screen import STYLES

    run, passed = verdict.run, verdict.passed
    mark = ("  ok    ", "green") if passed else ("  FAIL  ", "red")
    name = verdict.case.name.ljust(_NAME_CHARACTERS)
    status = run.status if run.problem is None else "did not end"
    facts = f"  {len(run.events)} events, {_seconds(run.virtual_ms)} on the virtual clock"
    screen.print(Text.assemble(mark, f"{name} ", (status, STYLES.get(status, "red")), (facts, "dim")))
    if passed:
        return
    problem = problem_of(verdict)
    assert problem is not None
    line, column = plan.place(problem.state)
    place = f"{plan.file}:{line}:{column}: "
    screen.print(Text.assemble((place, "bold"), ("error: ", "red"), f"{verdict.case.name}: {problem.message}"))
    if problem.state:
        shown, column = window(plan.written.places.line(line), column)
        screen.print(Text(f"  {shown}"))
        screen.print(Text(f"  {' ' * (column - 1)}^", style="red"))
    for mismatch in verdict.mismatches[1:]:
        screen.print(Text(f"    {mismatch.member} is {mismatch.found}, expected {mismatch.expected}"))
    _show_errors(screen, run)
    if tree:
        _show_tree(screen, run)


def _show_errors(screen: Console, run: Finished) -> None:
    """What it failed with, and within it the child execution that is to blame."""
    from rich.text import Text

    who, failed = "it", run
    while True:
        said = ": ".join(part for part in (failed.error, failed.cause) if part)
        if said:
            screen.print(Text(f"    {who} failed with {said}", style="dim"))
        if failed.failed_child is None:
            return
        who, failed = "its first failed child", failed.failed_child


def _show_tree(screen: Console, run: Finished) -> None:
    from services.cli.follow import tree
    from services.cli.timeline import Timeline

    timeline = Timeline()
    timeline.add_all(list(run.events))
    screen.print(tree(timeline))
    if run.failed_child is not None:
        screen.print("the first child execution that failed:")
        _show_tree(screen, run.failed_child)


def summary(verdicts: Sequence[Verdict]) -> str:
    """The last line."""
    failed = sum(not verdict.passed for verdict in verdicts)
    cases = f"{len(verdicts)} case{'s' if len(verdicts) != 1 else ''}"
    return f"{cases}, all passed" if not failed else f"{cases}, {failed} failed"


def verdict_json(plan: Plan, verdict: Verdict) -> dict[str, Any]:
    """One case for programs."""
    run, problem = verdict.run, problem_of(verdict)
    found: dict[str, Any] = {
        "file": str(plan.file),
        "stateMachine": plan.machine,
        "case": verdict.case.name,
        "passed": verdict.passed,
        "status": run.status,
        "output": run.output,
        "error": run.error,
        "cause": run.cause,
        "events": len(run.events),
        "virtualSeconds": run.virtual_ms / 1000,
    }
    if problem is not None:
        line, column = plan.place(problem.state)
        found["problem"] = {"message": problem.message, "state": problem.state, "line": line, "column": column}
    return found


def _seconds(ms: int) -> str:
    if ms < 60_000:
        return f"{ms / 1000:g} s"
    seconds = ms // 1000
    return f"{seconds // 60} min {seconds % 60} s" if seconds < 7200 else f"{seconds / 3600:.1f} h"
