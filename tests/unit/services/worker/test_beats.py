"""Signs of life, credit, and doubt about oneself (R11, R15, R16)."""

from __future__ import annotations

import pytest

from tests.unit.services.worker.desk import OTHER, SCHEDULER, Desk, on_virtual_time


@on_virtual_time
async def test_every_known_scheduler_gets_a_beat_every_two_seconds() -> None:
    desk = Desk(slots=8)
    desk.grant(1, reply_to=SCHEDULER)
    await desk.pass_time()
    desk.acknowledge(desk.a_grant(1))
    before = len(desk.beats)
    await desk.pass_time(20)
    assert len(desk.beats) - before == pytest.approx(10, abs=1)
    assert (desk.last_beat.pool, desk.last_beat.free_slots, desk.last_beat.stopping) == ("default", 8, False)


@on_virtual_time
async def test_a_silent_scheduler_gets_no_more_beats_after_a_minute_unless_it_waits_for_a_result() -> None:
    desk = Desk()
    desk.integration.seconds = 600
    grant = desk.grant()
    await desk.pass_time(610)
    assert len(desk.beats) > 250
    desk.acknowledge(grant)
    await desk.pass_time(70)
    silent = len(desk.beats)
    await desk.pass_time(100)
    assert len(desk.beats) == silent


@on_virtual_time
async def test_credit_is_divided_among_schedulers() -> None:
    desk = Desk(slots=8)
    desk.integration.seconds = 100
    desk.grant(1, reply_to=SCHEDULER)
    desk.grant(2, reply_to=OTHER)
    await desk.pass_time(3)
    assert desk.last_beat.free_slots == 3


@on_virtual_time
async def test_a_worker_that_could_not_beat_takes_no_grants_until_it_can() -> None:
    desk = Desk(worker_lease_seconds=15.0, suspicion_seconds=5.0)
    desk.offer()
    await desk.pass_time(1)
    desk.broker.go_down()
    await desk.pass_time(12)
    desk.broker.come_up()
    desk.grant(7)
    await desk.pass_time()
    assert [result.kind for result in desk.results] == ["given-back"]
    await desk.pass_time(3)
    desk.grant(8)
    await desk.pass_time()
    assert desk.results[-1].kind == "succeeded"
