"""Results are kept and sent again until acknowledged (R13)."""

from __future__ import annotations

from services.broker import queues
from tests.unit.services.worker.desk import SCHEDULER, SHARD, Desk, on_virtual_time


@on_virtual_time
async def test_a_result_is_sent_again_to_the_owner_of_the_shard_until_acknowledged() -> None:
    desk = Desk(resend_seconds=3.0, resend_seconds_max=60.0)
    grant = desk.grant()
    await desk.pass_time(4)
    again = [queue for queue, body in desk.broker.sent if b"succeeded" in body]
    assert again == [SCHEDULER, queues.shard(SHARD)]
    desk.acknowledge(grant)
    await desk.pass_time(300)
    assert len(desk.results) == 2


@on_virtual_time
async def test_results_are_sent_again_more_and_more_rarely() -> None:
    desk = Desk(resend_seconds=3.0, resend_seconds_max=60.0)
    desk.grant()
    await desk.pass_time(3600)
    assert 55 <= len(desk.results) <= 70


@on_virtual_time
async def test_results_are_not_piled_up_in_a_queue_that_nobody_reads() -> None:
    desk = Desk()
    desk.broker.send(queues.shard(SHARD + 1), b"an earlier body that nobody has read")
    grant = desk.a_grant()
    grant.shard = SHARD + 1
    desk.tell(grant)
    await desk.pass_time(600)
    assert await desk.broker.length(queues.shard(SHARD + 1)) == 1


@on_virtual_time
async def test_results_survive_an_hour_without_a_broker() -> None:
    desk = Desk()
    desk.integration.seconds = 10
    desk.grant()
    await desk.pass_time(1)
    desk.broker.go_down(forget=True)
    await desk.pass_time(3600)
    assert desk.results == []
    desk.broker.come_up()
    await desk.pass_time(61)
    assert [result.kind for result in desk.results][:1] == ["succeeded"]


@on_virtual_time
async def test_too_many_unacknowledged_results_stop_new_work() -> None:
    desk = Desk(results_max=2)
    desk.grant(1)
    desk.grant(2)
    await desk.pass_time(3)
    desk.offer(9)
    await desk.pass_time(3)
    assert desk.claims == []
    assert desk.last_beat.free_slots == 0
    desk.acknowledge(desk.a_grant(1))
    await desk.pass_time(3)
    assert len(desk.claims) == 1
