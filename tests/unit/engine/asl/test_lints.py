"""Our own warnings: what is allowed but hardly meant."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.asl.diagnostics import OWN_PREFIX
from engine.asl.validate import validate
from tests.unit.engine.asl.definitions import alone, machine, task


def lints(definition: dict[str, Any]) -> set[tuple[str, str | None]]:
    found = validate(json.dumps(definition), lints=True)
    assert all(finding.severity == "WARNING" for finding in found)
    return {(finding.code.removeprefix(OWN_PREFIX), finding.location) for finding in found}


def test_they_are_silent_unless_asked_for() -> None:
    assert validate(json.dumps(alone(task()))) == []


@pytest.mark.parametrize("timeout", [{"TimeoutSeconds": 5}, {"TimeoutSecondsPath": "$.t"}])
def test_a_task_without_timeout(timeout: dict[str, Any]) -> None:
    assert ("NO_TIMEOUT", "/States/S") in lints(alone(task()))
    assert ("NO_TIMEOUT", "/States/S") not in lints(alone(task(**timeout)))


@pytest.mark.parametrize(
    ("names", "is_shadowed"),
    [
        ([["A"], ["A"]], True),
        ([["A", "B"], ["B"]], True),
        ([["States.TaskFailed"], ["A"]], True),
        ([["States.TaskFailed"], ["States.Timeout"]], False),
        ([["States.TaskFailed"], ["States.ALL"]], False),
        ([["A"], ["A", "B"]], False),
    ],
)
@pytest.mark.parametrize("field", ["Retry", "Catch"])
def test_an_entry_that_never_acts(field: str, names: list[list[str]], is_shadowed: bool) -> None:
    more = {"Next": "Z"} if field == "Catch" else {}
    definition = alone(task(**{field: [{"ErrorEquals": each, **more} for each in names]}))
    assert ((f"SHADOWED_{field.upper()}", f"/States/S/{field}[1]") in lints(definition)) is is_shadowed


def test_a_task_that_handles_no_error() -> None:
    assert ("UNHANDLED_ERRORS", "/States/S") in lints(alone(task()))
    assert ("UNHANDLED_ERRORS", "/States/S") not in lints(alone(task(Retry=[{"ErrorEquals": ["E"]}])))


def test_a_heartbeat_that_is_never_missed() -> None:
    definition = alone(task(TimeoutSeconds=5, HeartbeatSeconds=5))
    assert ("USELESS_HEARTBEAT", "/States/S/HeartbeatSeconds") in lints(definition)


@pytest.mark.parametrize(("path", "is_impossible"), [("$.nope.x", True), ("$.there", False), ("$", False)])
def test_a_path_into_a_literal_that_lacks_it(path: str, is_impossible: bool) -> None:
    definition = machine({"A": {"Type": "Pass", "Result": {"there": 1}, "Next": "B"},
                          "B": {"Type": "Pass", "InputPath": path, "End": True}})  # fmt: skip
    assert (("IMPOSSIBLE_PATH", "/States/B/InputPath") in lints(definition)) is is_impossible
