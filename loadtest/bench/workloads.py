"""What is run: small definitions, each isolating one cost. The names are those of `docs/benchmarks.md`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ACCOUNT = "000000000000"
ECHO_FUNCTION = "bench-echo"
PYTHON_FUNCTION = "bench-python"
CHILD_ARN = "CHILD_ARN"


@dataclass(frozen=True, slots=True)
class Workload:
    """One definition with its input; `transitions` is how many states one execution enters, its child's included.

    `child` is the definition of the machine whose ARN stands where `definition` says CHILD_ARN.
    """

    name: str
    title: str
    definition: dict[str, Any]
    input: dict[str, Any]
    transitions: int
    child: dict[str, Any] | None = None


def chain(count: int, prefix: str = "Pass") -> dict[str, Any]:
    """A machine (or branch) of so many Pass states in a row."""
    states: dict[str, Any] = {}
    for number in range(1, count + 1):
        way = {"Next": f"{prefix}{number + 1}"} if number < count else {"End": True}
        states[f"{prefix}{number}"] = {"Type": "Pass", **way}
    return {"StartAt": f"{prefix}1", "States": states}


def task(function: str) -> dict[str, Any]:
    """A machine of one Task that calls a function."""
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{function}"
    return {"StartAt": "Task", "States": {"Task": {"Type": "Task", "Resource": arn, "End": True}}}


def _tasks(function: str, count: int) -> dict[str, Any]:
    """A machine of so many Tasks in a row: what a round trip costs, without the start."""
    (single,) = task(function)["States"].values()
    states = {
        f"Task{number}": {**single, "End": True} if number == count else _leading_to(single, f"Task{number + 1}")
        for number in range(1, count + 1)
    }
    return {"StartAt": "Task1", "States": states}


def _leading_to(state: dict[str, Any], following: str) -> dict[str, Any]:
    return {**{name: value for name, value in state.items() if name != "End"}, "Next": following}


def _wide_map(items: int) -> dict[str, Any]:
    processor = {"ProcessorConfig": {"Mode": "INLINE"}, **chain(1, "Item")}
    state = {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": processor, "End": True}
    return {"StartAt": "Map", "States": {"Map": state}}


def _parallel(branches: int, length: int) -> dict[str, Any]:
    state = {
        "Type": "Parallel",
        "Branches": [chain(length, f"Branch{number}-") for number in range(branches)],
        "End": True,
    }
    return {"StartAt": "Parallel", "States": {"Parallel": state}}


def _nested(pattern: str) -> dict[str, Any]:
    task = {
        "Type": "Task",
        "Resource": f"arn:aws:states:::states:startExecution.{pattern}",
        "Parameters": {"StateMachineArn": CHILD_ARN, "Input.$": "$"},
        "End": True,
    }
    return {"StartAt": "Nested", "States": {"Nested": task}}


_ONE = {"x": 1}
WORKLOADS = {
    it.name: it
    for it in (
        Workload("W1", "chain of 10 Pass states", chain(10), _ONE, 10),
        Workload("W2", "one Lambda task, Python function", task(PYTHON_FUNCTION), _ONE, 1),
        Workload("W2e", "one Lambda task, echo target", task(ECHO_FUNCTION), _ONE, 1),
        Workload("W3", "inline Map over 100 items", _wide_map(100), {"items": list(range(100))}, 101),
        Workload("W4", "Parallel 3 x 3 Pass states", _parallel(3, 3), _ONE, 10),
        Workload("W5", "one Pass state, starts only", chain(1), _ONE, 1),
        Workload("W2r", "10 Lambda tasks in a row, echo target", _tasks(ECHO_FUNCTION, 10), _ONE, 10),
        Workload("NEST", "one nested execution, .sync:2", _nested("sync:2"), _ONE, 2, chain(1)),
    )
}
