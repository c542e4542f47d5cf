"""Definitions as people publish them, run on random inputs and answers: declared errors alone, sound histories."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from pathlib import Path
from random import Random

import pytest

from engine.asl.diagnostics import InvalidDefinition
from engine.asl.model import Program, TaskState
from engine.asl.parse import compile_definition
from services.integrations.known_api import known_api
from services.integrations.preparation import equip_now
from services.integrations.registry import unresolved
from services.testing.case_run import CaseRun
from services.testing.cases import Case
from services.testing.coverage import Coverage
from tests.conftest import EXAMPLES, ROOT
from tests.fixtures.history_form import check_history
from tests.golden.asl.shared_material import collected_definitions
from tests.properties.workflows.objects import AnyObjects
from tests.properties.workflows.plausible import PlausibleAnswers, document
from tests.properties.workflows.vocabulary import Vocabulary

DEFINITIONS = [*collected_definitions(), ROOT / "examples" / "order" / "order.asl.json"]
RUNS = max(1, EXAMPLES // 20)
CALLS_MAX = 40
BROKEN = frozenset({"step-functions-agent-step-functions-dynamic-sql-agent-template.asl.json"})


@cache
def program_of(path: Path) -> Program | None:
    """The compiled definition; None for one that is refused."""
    try:
        return equip_now(compile_definition(path.read_text("utf-8"), known_api=known_api))
    except InvalidDefinition:
        return None


@cache
def runs_of(path: Path) -> Coverage | None:
    """What some runs of a definition reach, each checked on the way; None for one that is refused."""
    program = program_of(path)
    if program is None:
        return None
    coverage = Coverage(path.name, program)
    for seed in range(RUNS):
        run(path, program, seed, coverage)
    return coverage


def run(path: Path, program: Program, seed: int, coverage: Coverage) -> None:
    """Run a definition once and check what came of it; one that goes on for ever is let go."""
    random = Random(f"{path.name} {seed}")
    words = Vocabulary(json.loads(path.read_text("utf-8")))
    case = Case(f"run-{seed}", document(words, random), objects=AnyObjects(program, document(words, random)))
    answers = PlausibleAnswers(program, words, random, CALLS_MAX)
    finished = asyncio.run(CaseRun("machine", program, case, answers, coverage).finish())
    if finished.problem is not None:
        assert answers.exhausted, finished.problem
        return
    check_history(finished.events, finished.status)
    if finished.status == "SUCCEEDED":
        assert finished.error is None
        json.dumps(finished.output, allow_nan=False)


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.name.removesuffix(".asl.json"))
def test_whatever_its_tasks_answer_a_run_ends_in_a_sound_history(path: Path) -> None:
    assert runs_of(path) is not None or path.name in BROKEN


@pytest.mark.skipif(len(DEFINITIONS) < 100, reason="the collected definitions are not here")
def test_the_runs_together_reach_most_states() -> None:
    shares = [coverage.share("state") for path in DEFINITIONS if (coverage := runs_of(path)) is not None]
    reached = sum(share.covered for share in shares) / sum(share.total for share in shares)
    assert reached > 0.65


def test_every_task_of_a_published_definition_is_run_by_something() -> None:
    missing = {}
    for path in DEFINITIONS:
        program = program_of(path)
        for state in () if program is None else program.all_states.values():
            problem = unresolved(state.resource) if isinstance(state, TaskState) else None
            if problem is not None and state.resource.kind != "activity":
                missing[path.name, state.name] = problem
    assert missing == {}
