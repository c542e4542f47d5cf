"""Random machines, random inputs: only declared errors, and an end that no reload, budget or order of pages changes."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.execution.execution import Status
from tests.fixtures.memory_host import MemoryHost, TaskError

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
PATHS = st.sampled_from(["$", "$.a", "$.a.b", "$.items[0]", "$.items[*]", "$.missing", "$$.Execution.Name", None])
ERRORS = st.sampled_from(["States.ALL", "States.TaskFailed", "E1", "E2", "States.Timeout"])


def json_values() -> st.SearchStrategy[Any]:
    scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.text("abé", max_size=3)
    return st.fixed_dictionaries(
        {"a": scalars | st.fixed_dictionaries({"b": scalars}), "items": st.lists(scalars, max_size=4)}
    )


@st.composite
def machines(draw: st.DrawFn, depth: int = 2, prefix: str = "S") -> dict[str, Any]:
    count = draw(st.integers(1, 4))
    names = [f"{prefix}{index}" for index in range(count)]
    states = {}
    for index, name in enumerate(names):
        state = draw(state_of(depth, f"{name}_", names[index + 1 :]))
        if state["Type"] not in ("Succeed", "Fail", "Choice"):
            state |= {"Next": names[index + 1]} if index + 1 < count else {"End": True}
        elif index + 1 < count and state["Type"] != "Choice":
            state = {"Type": "Pass", "Next": names[index + 1]}
        states[name] = state
    return {"StartAt": names[0], "States": states}


@st.composite
def state_of(draw: st.DrawFn, depth: int, prefix: str, later: list[str]) -> dict[str, Any]:
    kinds = ["Pass", "Pass", "Wait", "Task", "Succeed", "Fail"] + (["Choice"] if later else [])
    kind = draw(st.sampled_from(kinds + (["Parallel", "Map"] if depth else [])))
    state: dict[str, Any] = {"Type": kind}
    if kind == "Fail":
        return state | {"Error": draw(st.sampled_from(["E1", "E2"]))}
    path = draw(PATHS)
    if path is not None and kind != "Choice":
        state["InputPath"] = path
    if kind == "Pass":
        state |= draw(
            st.sampled_from([{}, {"Result": {"r": 1}}, {"Parameters": {"p.$": "$.a"}}, {"ResultPath": "$.a.b"}])
        )
    if kind == "Wait":
        state["Seconds"] = draw(st.integers(0, 40))
    if kind == "Choice":
        rules = [{"Variable": "$.a", "IsNull": True, "Next": draw(st.sampled_from(later))}]
        state |= {"Choices": rules, "Default": later[0]}
    if kind in ("Task", "Parallel", "Map"):
        state |= draw(work_fields(later))
    if kind == "Task":
        state |= {"Resource": FUNCTION, "TimeoutSeconds": draw(st.integers(1, 30))}
    if kind == "Parallel":
        count = draw(st.integers(1, 3))
        state["Branches"] = [draw(machines(depth - 1, f"{prefix}{index}")) for index in range(count)]
    if kind == "Map":
        state |= {"ItemsPath": "$.items", "MaxConcurrency": draw(st.integers(0, 2))}
        state["ItemProcessor"] = draw(machines(depth - 1, prefix))
        state.pop("InputPath", None)
    return state


@st.composite
def work_fields(draw: st.DrawFn, later: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if draw(st.booleans()):
        fields["Retry"] = [{"ErrorEquals": [draw(ERRORS)], "MaxAttempts": draw(st.integers(0, 2))}]
    if later and draw(st.booleans()):
        fields["Catch"] = [{"ErrorEquals": [draw(ERRORS)], "Next": draw(st.sampled_from(later)), "ResultPath": "$.e"}]
    return fields


def answering(script: list[Any]) -> Any:
    """Answers by what is asked, not by when, so that every schedule gives the same results."""

    def answer(offer: Any) -> Any:
        given = script[(len(offer.path) + offer.attempt.number + len(offer.state.name)) % len(script)]
        if given == "never":
            return MemoryHost.NEVER
        if isinstance(given, str):
            raise TaskError(given)
        return given

    return answer


SCRIPTS = st.lists(st.sampled_from([1, {"a": 2, "items": [1]}, "E1", "E2", "never"]), min_size=1, max_size=5)


@settings(suppress_health_check=list(HealthCheck))
@given(machines(), json_values(), SCRIPTS, st.integers(1, 100))
def test_killing_and_loading_after_every_page_changes_nothing(
    definition: dict[str, Any], value: Any, script: list[Any], budget: int
) -> None:
    whole = MemoryHost(definition, value, answering(script), budget=budget, reload=False).run()
    pieces = MemoryHost(definition, value, answering(script), budget=budget).run()
    assert whole.execution.status is not Status.RUNNING
    assert whole.events == pieces.events
    ids = [event["id"] for event in pieces.events]
    assert ids == list(range(1, len(ids) + 1))
    assert all(event["previousEventId"] < event["id"] for event in pieces.events)


@settings(suppress_health_check=list(HealthCheck))
@given(machines(depth=0), json_values(), SCRIPTS, st.integers(1, 5))
def test_without_branches_the_length_of_a_turn_changes_nothing(
    definition: dict[str, Any], value: Any, script: list[Any], budget: int
) -> None:
    whole = MemoryHost(definition, value, answering(script)).run()
    pieces = MemoryHost(definition, value, answering(script), budget=budget).run()
    assert whole.lines == pieces.lines
    assert whole.output == pieces.output
