"""Random machines, random inputs: only declared errors, and an end that no reload, budget or order of pages changes."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.execution.execution import Status
from engine.execution.stimulus import Redrive, Stop
from tests.fixtures.memory_host import START_MS, MemoryHost, TaskError
from tests.properties.engine.machines import json_values, machines


def answering(script: list[Any]) -> Any:
    """Answers by what is asked, not by when, so that every schedule gives the same results."""

    def answer(offer: Any) -> Any:
        retries = offer.attempt.number if hasattr(offer, "attempt") else 0
        given = script[(len(offer.path) + retries + len(offer.state.name)) % len(script)]
        if given == "never":
            return MemoryHost.NEVER
        if isinstance(given, str):
            raise TaskError(None if given == "nameless" else given)
        return given

    return answer


ANSWERS = (1, {"a": 2, "items": [1], "odd": None}, None, "E1", "E2", "nameless", "never")
SCRIPTS = st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=5)


def host(definition: dict[str, Any], value: Any, script: list[Any], **options: Any) -> MemoryHost:
    """One run to its end."""
    answer = answering(script)
    return MemoryHost(definition, value, answer, run_answer=answer, **options).run()


@settings(suppress_health_check=list(HealthCheck))
@given(machines(), json_values(), SCRIPTS, st.integers(1, 100))
def test_killing_and_loading_after_every_page_changes_nothing(
    definition: dict[str, Any], value: Any, script: list[Any], budget: int
) -> None:
    whole = host(definition, value, script, budget=budget, reload=False)
    pieces = host(definition, value, script, budget=budget)
    assert whole.execution.status is not Status.RUNNING
    assert whole.events == pieces.events
    ids = [event["id"] for event in pieces.events]
    assert ids == list(range(1, len(ids) + 1))
    assert all(event["previousEventId"] < event["id"] for event in pieces.events)


@settings(suppress_health_check=list(HealthCheck))
@given(machines(depth=1), json_values(), SCRIPTS)
def test_what_is_delivered_twice_counts_once(definition: dict[str, Any], value: Any, script: list[Any]) -> None:
    assert host(definition, value, script, twice=True).events == host(definition, value, script).events


@settings(suppress_health_check=list(HealthCheck))
@given(machines(depth=0), json_values(), SCRIPTS, st.integers(1, 5))
def test_without_branches_the_length_of_a_turn_changes_nothing(
    definition: dict[str, Any], value: Any, script: list[Any], budget: int
) -> None:
    whole = host(definition, value, script)
    pieces = host(definition, value, script, budget=budget)
    assert whole.lines == pieces.lines
    assert whole.output == pieces.output


@settings(suppress_health_check=list(HealthCheck))
@given(machines(), json_values(), SCRIPTS, st.integers(0, 60))
def test_what_was_stopped_and_redriven_ends_too(
    definition: dict[str, Any], value: Any, script: list[Any], seconds: int
) -> None:
    ends = []
    for reload in (False, True):
        answer = answering(script)
        stopped = MemoryHost(definition, value, answer, run_answer=answer, reload=reload)
        stopped.run(START_MS + 1000 * seconds)
        stopped.turn(Stop("Stopped"))
        if stopped.execution.status is not Status.SUCCEEDED:
            stopped.turn(Redrive())
            stopped.go_on()
        assert stopped.execution.status is not Status.RUNNING
        ends.append(stopped.events)
    assert ends[0] == ends[1]
