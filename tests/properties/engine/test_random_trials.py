"""One state of any kind on its own: every input and answer ends in a verdict, never in an exception."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.payload import Payload
from tests.properties.engine.machines import json_values, lone_states
from tests.unit.engine.test_trial import trial

ANSWERS = json_values() | st.sampled_from(["E1", "States.Timeout", "States.Runtime", [1, 2], 7])


@settings(suppress_health_check=list(HealthCheck))
@given(lone_states(), json_values(), ANSWERS, st.booleans())
def test_a_lone_state_gives_a_verdict(state: dict[str, Any], value: Any, answer: Any, fails: bool) -> None:
    tried = trial(state, value)
    verdict = tried.enter()
    if verdict is None and fails:
        verdict = tried.fail(str(answer)[:20], "why")
    elif verdict is None:
        verdict = tried.succeed(Payload(answer))
    assert verdict.status in {"SUCCEEDED", "FAILED", "RETRIABLE", "CAUGHT_ERROR"}
