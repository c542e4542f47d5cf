"""TestState lasts five minutes at most, whatever the service behind a task does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, cast

import pytest

from services.api.trials.tester import Tester as StateTester
from services.integrations.interface import Call, Failed, Integrations, Succeeded
from services.runtime.ids import SystemIds
from tests.fixtures.virtual_loop import EPOCH_MS, run_virtually

ROLE = "arn:aws:iam::000000000000:role/r"


class Slow:
    """A service that answers after a while."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.cut_off = False

    async def call(self, call: Call) -> Succeeded | Failed:
        try:
            await asyncio.sleep(self._seconds)
        except asyncio.CancelledError:
            self.cut_off = True
            raise
        return Succeeded(b'"answer"')


async def at_once(act: Callable[[], Any]) -> Any:
    """No thread: the clock of these tests stands still where nobody sleeps."""
    return act()


def trial_of(service: Slow, **fields: Any) -> tuple[dict[str, Any], float]:
    """The answer, and the seconds that it took."""
    state = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f"}
    body = {"definition": json.dumps(state | {"End": True} | fields), "roleArn": ROLE}

    async def main() -> tuple[dict[str, Any], float]:
        tester = StateTester(cast(Integrations, service), SystemIds(), at_once)
        answer = await tester.test(body, "000000000000", "us-east-1", EPOCH_MS)
        return answer, asyncio.get_running_loop().time()

    return run_virtually(main())


@pytest.mark.parametrize(("seconds", "status"), [(299.9, "SUCCEEDED"), (300.1, "FAILED")])
def test_a_test_ends_after_five_minutes(seconds: float, status: str) -> None:
    service = Slow(seconds)
    answer, took = trial_of(service)
    assert answer["status"] == status
    assert took <= 300.0
    if status == "FAILED":
        assert answer["error"] == "States.Timeout"
        assert service.cut_off


def test_the_time_out_of_the_state_ends_the_call_before() -> None:
    answer, took = trial_of(Slow(60), TimeoutSeconds=3)
    assert (answer["status"], answer["error"], took) == ("FAILED", "States.Timeout", 3.0)


def test_a_time_out_can_be_caught() -> None:
    answer, _ = trial_of(Slow(600), Catch=[{"ErrorEquals": ["States.Timeout"], "Next": "After"}])
    assert (answer["status"], answer["nextState"]) == ("CAUGHT_ERROR", "After")
