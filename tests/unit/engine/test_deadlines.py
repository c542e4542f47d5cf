"""How long an execution may last: a year, to the millisecond. Express executions: see the lane's own test."""

from __future__ import annotations

import pytest

from engine.execution.execution import Status
from engine.limits import EXECUTION_SECONDS_MAX, EXPRESS_SECONDS_MAX
from tests.fixtures.memory_host import START_MS, MemoryHost

YEAR_SECONDS = 365 * 24 * 3600


def test_the_quotas_are_awss() -> None:
    assert (EXECUTION_SECONDS_MAX, EXPRESS_SECONDS_MAX) == (YEAR_SECONDS, 300)


@pytest.mark.parametrize(
    ("seconds", "status"), [(YEAR_SECONDS - 2, Status.SUCCEEDED), (YEAR_SECONDS + 1, Status.TIMED_OUT)]
)
def test_an_execution_lasts_a_year_at_most(seconds: int, status: Status) -> None:
    host = MemoryHost({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": seconds, "End": True}}}).run()
    execution = host.execution
    assert execution.status is status
    assert execution.stop_ms == START_MS + 1000 * min(seconds, YEAR_SECONDS)
    if status is Status.TIMED_OUT:
        assert host.lines[-1].endswith("ExecutionTimedOut")
        assert host.events[-1]["executionTimedOutEventDetails"] == {"error": "States.Timeout"}
