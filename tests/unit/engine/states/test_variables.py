"""Variables: how large they may be, alone and together."""

from __future__ import annotations

from typing import Any

from tests.fixtures.memory_host import MemoryHost

LARGE = "x" * 250_000


def chain(names: list[str]) -> dict[str, Any]:
    """Pass states that each keep the input in a variable."""
    states = {
        f"S{index}": {"Type": "Pass", "Assign": {f"{name}.$": "$"}, "Next": f"S{index + 1}"}
        for index, name in enumerate(names)
    }
    return {"StartAt": "S0", "States": {**states, f"S{len(names)}": {"Type": "Succeed"}}}


def test_the_variables_of_an_execution_hold_ten_mebibytes() -> None:
    assert MemoryHost(chain([f"v{index}" for index in range(41)]), LARGE).run().execution.error is None
    full = MemoryHost(chain([f"v{index}" for index in range(42)]), LARGE).run()
    assert (full.execution.error, full.events[-2]["type"]) == ("States.DataLimitExceeded", "EvaluationFailed")


def test_a_value_that_replaces_another_counts_once() -> None:
    names = [f"v{index}" for index in range(41)] + ["v0"]
    assert MemoryHost(chain(names), LARGE).run().execution.error is None
