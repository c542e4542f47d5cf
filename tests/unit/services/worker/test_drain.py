"""The end of a worker."""

from __future__ import annotations

import pytest

from tests.unit.services.worker.desk import Desk, on_virtual_time


@on_virtual_time
async def test_a_stopped_worker_claims_nothing_finishes_what_runs_and_gives_back_the_rest() -> None:
    desk = Desk(slots=1, drain_seconds=30.0)
    desk.integration.seconds = 10
    desk.grant(1)
    desk.grant(2)
    await desk.pass_time()
    stop = desk.stop_soon()
    await desk.pass_time(1)
    assert [result.kind for result in desk.results] == ["given-back"]
    assert desk.last_beat.stopping
    desk.offer(9)
    desk.grant(3)
    await desk.pass_time(1)
    assert desk.claims == []
    await desk.pass_time(9)
    desk.acknowledge(desk.a_grant(1), desk.a_grant(2), desk.a_grant(3))
    await desk.pass_time()
    await stop
    await desk.pass_time(1)
    assert desk.running.done()
    assert {result.kind for result in desk.results} == {"given-back", "succeeded"}
    assert len(desk.integration.calls) == 1


@on_virtual_time
async def test_attempts_that_outlast_the_drain_are_killed_and_reported_as_lost() -> None:
    desk = Desk(drain_seconds=5.0, flush_seconds=2.0)
    desk.integration.seconds = 1_000
    desk.grant()
    await desk.pass_time()
    started = desk.clock.monotonic()
    await desk.stop_soon()
    assert len(desk.integration.killed) == 1
    assert desk.clock.monotonic() - started == pytest.approx(7, abs=0.5), "nobody acknowledged"
    await desk.pass_time()
    assert desk.results[0].kind == "lost"
