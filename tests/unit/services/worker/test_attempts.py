"""One attempt: its time, its answer, its failure; and polls of submitted jobs."""

from __future__ import annotations

import pytest

from services.integrations.interface import Call, Failed, Outcome
from tests.fixtures.virtual_loop import run_virtually
from tests.unit.services.worker.desk import Desk, on_virtual_time


@pytest.mark.parametrize(("timeout_ms", "kind"), [(2_000, "timed-out"), (20_000, "succeeded"), (None, "succeeded")])
def test_an_attempt_is_killed_when_its_time_is_up(timeout_ms: int | None, kind: str) -> None:
    async def main() -> None:
        desk = Desk()
        desk.integration.seconds = 10
        desk.grant(timeout_ms=timeout_ms)
        await desk.pass_time(11)
        assert desk.results[0].kind == kind
        assert len(desk.integration.killed) == (kind == "timed-out")

    run_virtually(main())


@on_virtual_time
async def test_time_spent_waiting_for_a_slot_counts() -> None:
    desk = Desk(slots=1)
    desk.integration.seconds = 3
    desk.grant(1)
    desk.grant(2, timeout_ms=5_000)
    await desk.pass_time(4)
    assert desk.integration.calls[1].timeout_seconds == pytest.approx(2, abs=0.1)


@on_virtual_time
async def test_a_failure_keeps_its_error_and_cause() -> None:
    desk = Desk()
    desk.integration.answer = lambda _: Failed("My.Error", "because")
    desk.grant()
    await desk.pass_time()
    assert (desk.results[0].kind, desk.results[0].error, desk.results[0].cause) == ("failed", "My.Error", "because")


@on_virtual_time
async def test_a_submitted_job_is_described() -> None:
    desk = Desk()
    desk.submitted(b"{}", {"Job": "j-1"})
    desk.grant(1)
    await desk.pass_time()
    desk.submitted(b"{}", None)
    desk.grant(2)
    await desk.pass_time()
    assert [(result.kind, result.job) for result in desk.results[:2]] == [
        ("submitted", b'{"Job":"j-1"}'),
        ("submitted", None),
    ]


@on_virtual_time
async def test_an_integration_that_breaks_fails_the_task_and_frees_the_slot() -> None:
    desk = Desk(slots=1)

    def broken(call: Call) -> Outcome:
        raise ZeroDivisionError("a bug")

    desk.integration.answer = broken
    desk.grant(1)
    await desk.pass_time()
    assert (desk.results[0].error, desk.results[0].kind) == ("States.TaskFailed", "failed")
    assert "a bug" in (desk.results[0].cause or "")
    desk.integration.answer = lambda call: Failed("Another", "")
    desk.grant(2)
    await desk.pass_time()
    assert desk.results[1].error == "Another"


@on_virtual_time
async def test_every_attempt_is_observed() -> None:
    desk = Desk()
    desk.integration.seconds = 2
    desk.grant()
    desk.grant()
    await desk.pass_time(1)
    assert desk.observed == ["begun", "begun"]
    await desk.pass_time(2)
    assert desk.observed[2:] == ["lambda succeeded 2.0", "lambda succeeded 2.0"]


@on_virtual_time
async def test_a_poll_is_answered_once_and_not_kept() -> None:
    desk = Desk()
    desk.poll()
    await desk.pass_time(100)
    [result] = desk.results
    assert (result.kind, result.output, result.grant) == ("pending", b"3.5", b"g" * 16)
    assert desk.integration.polled == [{"Job": "j-1"}]


@on_virtual_time
async def test_a_cancelling_poll_cancels_and_answers_nothing() -> None:
    desk = Desk()
    desk.poll(cancel=True)
    await desk.pass_time()
    assert desk.integration.cancelled == [{"Job": "j-1"}]
    assert desk.results == []


@on_virtual_time
async def test_a_worker_without_free_slots_still_polls() -> None:
    desk = Desk(slots=1)
    desk.integration.seconds = 60
    desk.grant()
    await desk.pass_time()
    desk.poll()
    await desk.pass_time()
    assert [result.kind for result in desk.results] == ["pending"]
