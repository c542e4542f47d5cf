"""Real workflows, end to end on mocks: every case in memory on a virtual clock, some through a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from engine.asl.parse import compile_definition
from services.integrations.mocks import MockFile, read_mock_file
from services.testing.cases import Case, MachineCases, matches, read_case_file
from services.testing.server import Server
from services.testing.suite import Suite, problem_of
from tests.fixtures.shared import WORKFLOWS

GOLDEN = WORKFLOWS / "golden"
MOCKS = GOLDEN / "MockConfigFile.json"
ROLE = "arn:aws:iam::000000000000:role/any"

pytestmark = pytest.mark.skipif(not GOLDEN.is_dir(), reason="the collected workflows are not here")

KNOWN_FAILURES: frozenset[tuple[str, str]] = frozenset()
"""Cases that do not pass yet, in memory; the list may only shrink."""

THROUGH_A_SERVER = {
    "g01-sales-lead": ("HappyPath", "NegativeSentiment", "OtherError"),
    "g02-saga": ("PaymentFails",),
    "g03-semaphore": ("FirstUse",),
    "g05-batch-jsonata": ("HappyPath", "Invalid"),
    "g07-event-emitter": ("Stopped",),
    "g12-http-bedrock-hitl": ("HappyPath",),
    "g13-activity": ("Done", "WorkerFails"),
    "g15-curbside-callbacks": ("HappyPath", "OutOfStock"),
    "g16-nested-parent": ("HappyPath", "ChildFails"),
    "g21-batch-spot": ("SpotReclaimed",),
    "g26-filter-unquoted": ("HappyPath",),
    "g22-power-tuning": ("PublisherLoops",),
}
"""Cases of every integration pattern that take no time on a real clock."""


@cache
def machines() -> tuple[MachineCases, ...]:
    return tuple(read_case_file(GOLDEN / "cases.json")) if GOLDEN.is_dir() else ()


@cache
def mocks() -> MockFile:
    return read_mock_file(MOCKS)


def all_cases() -> Iterator[Any]:
    for machine in machines():
        for case in machine.cases:
            yield pytest.param(machine, case, id=f"{machine.state_machine}-{case.name}")


def definition(machine: MachineCases) -> str:
    return (WORKFLOWS / machine.definition).read_text("utf-8")


@pytest.mark.parametrize(("machine", "case"), list(all_cases()))
def test_a_case_ends_as_expected_in_memory(machine: MachineCases, case: Case) -> None:
    suite = Suite(machine.state_machine, compile_definition(definition(machine)), mocks())
    verdict = asyncio.run(suite.run(case))
    known = (machine.state_machine, case.name) in KNOWN_FAILURES
    assert verdict.passed is not known, problem_of(verdict) or "it passes now: take it off the list"


@pytest.mark.parametrize("index", ["visit", "retry"])
def test_only_the_cases_that_say_so_depend_on_how_mocks_are_counted(index: Any) -> None:
    failed = set()
    for machine in machines():
        suite = Suite(machine.state_machine, compile_definition(definition(machine)), mocks(), mock_index=index)
        for case in machine.cases:
            if case.mock_index is None and not asyncio.run(suite.run(case)).passed:
                failed.add((machine.state_machine, case.name))
    assert failed == KNOWN_FAILURES


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(mocks=MOCKS) as running:
        yield running


@pytest.mark.e2e
def test_cases_end_as_expected_through_a_server(server: Server) -> None:
    sfn = server.client()
    running = []
    for machine in machines():
        if machine.state_machine not in THROUGH_A_SERVER:
            continue
        arn = sfn.create_state_machine(name=machine.state_machine, definition=definition(machine), roleArn=ROLE)
        for case in machine.cases:
            if case.name in THROUGH_A_SERVER[machine.state_machine]:
                target = f"{arn['stateMachineArn']}#{case.name}"
                started = sfn.start_execution(stateMachineArn=target, name=case.name, input=json.dumps(case.input))
                running.append((machine.state_machine, case, started["executionArn"]))
    assert len(running) == sum(map(len, THROUGH_A_SERVER.values()))
    for name, case, execution_arn in running:
        found = server.wait_for(execution_arn)
        shown = {**found, "output": json.loads(found.get("output", "null"))}
        wrong = {member for member, value in case.expected.items() if not matches(value, shown.get(member))}
        assert not wrong, (name, case.name, found)
        assert found["stateMachineArn"].endswith(f":stateMachine:{name}")
        assert execution_arn.endswith(f":execution:{name}:{case.name}")
