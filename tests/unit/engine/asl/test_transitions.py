"""Where states lead: the findings, their order and what silences what, as measured on the service."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.engine.asl.definitions import choice, codes, findings, machine, map_state, parallel, task

END: dict[str, Any] = {"Type": "Pass", "End": True}
CODE = "MISSING_TRANSITION_TARGET"
NO_END = ("MISSING_END_STATE", "Workflow has no terminal state", None)
IS_PATH = {"Variable": "$.a", "IsNull": True}


def leads(target: str) -> dict[str, Any]:
    return {"Type": "Pass", "Next": target}


def test_a_loop_without_an_end_has_no_location() -> None:
    assert codes(findings(machine({"A": leads("B"), "B": leads("A")}))) == [NO_END]


def test_a_missing_end_silences_unreachable_states() -> None:
    assert codes(findings(machine({"A": leads("B"), "B": leads("A"), "C": leads("A")}))) == [NO_END]


def test_an_unreachable_end_counts_as_an_end() -> None:
    definition = machine({"A": leads("B"), "B": leads("A"), "C": END})
    assert codes(findings(definition)) == [(CODE, 'State "C" is not reachable.', "/States/C")]


def test_a_dangling_target_is_reported_before_the_missing_end() -> None:
    expected = [(CODE, "Missing 'Next' target: NOPE", "/States/A/Next"), NO_END]
    assert codes(findings(machine({"A": leads("NOPE")}))) == expected


@pytest.mark.parametrize(
    ("state", "place"),
    [
        (choice({**IS_PATH, "Next": "NOPE"}), "/Choices[0]/Next"),
        (choice({**IS_PATH, "Next": "Z"}, Default="NOPE"), "/Default"),
        (task(Catch=[{"ErrorEquals": ["E"], "Next": "Z"}, {"ErrorEquals": ["F"], "Next": "NOPE"}]), "/Catch[1]/Next"),
    ],
)
def test_the_word_is_next_for_every_kind_of_target(state: dict[str, Any], place: str) -> None:
    definition = machine({"A": state, "Z": {"Type": "Succeed"}})
    assert codes(findings(definition)) == [(CODE, "Missing 'Next' target: NOPE", f"/States/A{place}")]


def test_a_start_to_nowhere_leaves_every_state_unreachable() -> None:
    definition = {"StartAt": "NOPE", "States": {"A": leads("B"), "B": END}}
    assert codes(findings(definition)) == [
        (CODE, "Missing 'Next' target: NOPE", "/StartAt"),
        (CODE, 'State "A" is not reachable.', "/States/A"),
        (CODE, 'State "B" is not reachable.', "/States/B"),
    ]


@pytest.mark.parametrize(
    ("state", "place"),
    [
        (parallel(machine({"B": leads("C"), "C": leads("B")})), "/States/A/Branches[0]"),
        (map_state({"States": {"B": leads("B")}, "StartAt": "B"}), "/States/A/ItemProcessor"),
    ],
)
def test_only_the_whole_machine_needs_an_end(state: dict[str, Any], place: str) -> None:
    assert findings(machine({"A": state})) == []


@pytest.mark.parametrize("outside", ["A", "Z"])
def test_a_branch_may_not_leave_itself(outside: str) -> None:
    definition = machine({"A": parallel(machine({"B": leads(outside)})), "Z": END})
    expected = (CODE, f"Missing 'Next' target: {outside}", "/States/A/Branches[0]/States/B/Next")
    assert expected in codes(findings(definition))


def test_what_only_a_catcher_reaches_is_reachable() -> None:
    assert findings(machine({"A": task(Catch=[{"ErrorEquals": ["E"], "Next": "B"}]), "B": END})) == []


def test_names_are_not_escaped_in_locations() -> None:
    definition = machine({"A": END, "a/b~c": END})
    assert codes(findings(definition)) == [(CODE, 'State "a/b~c" is not reachable.', "/States/a/b~c")]


@pytest.mark.parametrize("junk", [5, None, [], {"Type": "Choice", "Choices": 5, "Catch": [7]}, {"Next": []}])
def test_states_that_are_none_do_no_harm(junk: Any) -> None:
    assert findings(machine({"A": END, "B": junk})) != []
