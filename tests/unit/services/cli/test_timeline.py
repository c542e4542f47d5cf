"""The timeline finds out where each history event belongs."""

from __future__ import annotations

from typing import Any

from services.cli.timeline import Node, Timeline


def event(number: int, previous: int, kind: str, **details: Any) -> dict[str, Any]:
    """A history event; details go into the member that the type has."""
    found: dict[str, Any] = {"id": number, "previousEventId": previous, "type": kind, "timestamp": float(number)}
    if details:
        member = kind[0].lower() + kind[1:] + "EventDetails"
        if kind.endswith(("StateEntered", "StateExited")):
            member = "stateEnteredEventDetails" if kind.endswith("Entered") else "stateExitedEventDetails"
        found[member] = details
    return found


def outline(node: Node) -> Any:
    """Names and statuses as nested lists."""
    inner = [outline(child) for child in node.children]
    line = f"{node.name} {node.status}"
    return [line, *inner] if inner else line


def drawn(*events: dict[str, Any]) -> Any:
    """The outline after those events."""
    timeline = Timeline()
    timeline.add_all(events)
    return [outline(child) for child in timeline.root.children]


def test_a_chain_stands_side_by_side() -> None:
    assert drawn(
        event(1, 0, "ExecutionStarted", input="{}"),
        event(2, 0, "PassStateEntered", name="A"),
        event(3, 2, "PassStateExited", name="A"),
        event(4, 3, "WaitStateEntered", name="B"),
    ) == ["A succeeded", "B running"]


def test_branches_and_their_states_stand_inside_the_parallel() -> None:
    assert drawn(
        event(1, 0, "ExecutionStarted"),
        event(2, 0, "ParallelStateEntered", name="P"),
        event(3, 2, "ParallelStateStarted"),
        event(4, 3, "PassStateEntered", name="A"),
        event(5, 4, "PassStateExited", name="A"),
        event(6, 3, "WaitStateEntered", name="B"),
        event(7, 5, "PassStateEntered", name="A2"),
        event(8, 7, "PassStateExited", name="A2"),
        event(9, 6, "WaitStateExited", name="B"),
        event(10, 9, "ParallelStateSucceeded"),
        event(11, 9, "ParallelStateExited", name="P"),
        event(12, 11, "PassStateEntered", name="After"),
    ) == [["P succeeded", "A succeeded", "B succeeded", "A2 succeeded"], "After running"]


def test_an_iteration_that_takes_over_a_slot_belongs_to_the_map() -> None:
    assert drawn(
        event(1, 0, "ExecutionStarted"),
        event(2, 0, "MapStateEntered", name="M"),
        event(3, 2, "MapStateStarted", length=2),
        event(4, 3, "MapIterationStarted", name="M", index=0),
        event(5, 4, "PassStateEntered", name="A"),
        event(6, 5, "PassStateExited", name="A"),
        event(7, 6, "MapIterationSucceeded", name="M", index=0),
        event(8, 6, "MapIterationStarted", name="M", index=1),
        event(9, 8, "PassStateEntered", name="A"),
        event(10, 9, "PassStateExited", name="A"),
        event(11, 10, "MapIterationSucceeded", name="M", index=1),
        event(12, 11, "MapStateSucceeded"),
        event(13, 11, "MapStateExited", name="M"),
        event(14, 13, "ExecutionSucceeded", output="1"),
    ) == [["M succeeded", ["#0 succeeded", "A succeeded"], ["#1 succeeded", "A succeeded"]]]


def test_a_retry_counts_attempts_and_keeps_the_last_error() -> None:
    timeline = Timeline()
    timeline.add_all(
        [
            event(1, 0, "ExecutionStarted"),
            event(2, 0, "TaskStateEntered", name="T"),
            event(3, 2, "LambdaFunctionScheduled", resource="r"),
            event(4, 3, "LambdaFunctionStarted"),
            event(5, 4, "LambdaFunctionFailed", error="Busy", cause="c"),
            event(6, 5, "LambdaFunctionScheduled", resource="r"),
        ]
    )
    (task,) = timeline.root.children
    assert (task.status, task.attempts, task.error) == ("running", 2, "Busy")


def test_a_caught_failure_leads_to_a_sibling() -> None:
    assert drawn(
        event(1, 0, "ExecutionStarted"),
        event(2, 0, "TaskStateEntered", name="T"),
        event(3, 2, "TaskScheduled", resource="r"),
        event(4, 3, "TaskStarted"),
        event(5, 4, "TaskFailed", error="E", cause="c"),
        event(6, 5, "TaskStateExited", name="T"),
        event(7, 6, "PassStateEntered", name="Rescue"),
    ) == ["T caught", "Rescue running"]


def test_a_failing_branch_aborts_its_siblings() -> None:
    assert drawn(
        event(1, 0, "ExecutionStarted"),
        event(2, 0, "ParallelStateEntered", name="P"),
        event(3, 2, "ParallelStateStarted"),
        event(4, 3, "WaitStateEntered", name="W"),
        event(5, 3, "TaskStateEntered", name="T"),
        event(6, 5, "TaskScheduled", resource="r"),
        event(7, 6, "TaskStarted"),
        event(8, 7, "TaskFailed", error="E", cause="c"),
        event(9, 8, "WaitStateAborted"),
        event(10, 8, "ParallelStateFailed"),
        event(11, 10, "ExecutionFailed", error="E", cause="c"),
    ) == [["P failed", "W aborted", "T failed"]]


def test_the_end_says_why() -> None:
    timeline = Timeline()
    timeline.add_all(
        [
            event(1, 0, "ExecutionStarted"),
            event(2, 0, "FailStateEntered", name="F"),
            event(3, 2, "ExecutionFailed", error="Refused", cause="because"),
        ]
    )
    assert (timeline.ended, timeline.status, timeline.error, timeline.cause) == (True, "FAILED", "Refused", "because")
    assert [outline(child) for child in timeline.root.children] == ["F failed"]


def test_a_redrive_opens_the_failed_state_again() -> None:
    timeline = Timeline()
    timeline.add_all(
        [
            event(1, 0, "ExecutionStarted"),
            event(2, 0, "TaskStateEntered", name="T"),
            event(3, 2, "TaskScheduled", resource="r"),
            event(4, 3, "TaskFailed", error="E"),
            event(5, 4, "ExecutionFailed", error="E"),
            event(6, 5, "ExecutionRedriven", redriveCount=1),
            event(7, 2, "TaskScheduled", resource="r"),
        ]
    )
    assert timeline.status == "RUNNING"
    assert [outline(child) for child in timeline.root.children] == ["T running"]
