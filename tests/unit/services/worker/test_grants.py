"""A grant is run at most once per incarnation (R12)."""

from __future__ import annotations

from services.broker.messages import Ack
from tests.unit.services.worker.desk import OTHER, Desk, on_virtual_time


@on_virtual_time
async def test_a_grant_is_run_and_its_result_sent_to_who_granted_it() -> None:
    desk = Desk()
    grant = desk.grant()
    await desk.pass_time()
    [result] = desk.results
    assert (result.kind, result.output, result.grant, result.incarnation) == (
        "succeeded", b'{"a":1}', grant.grant, desk.worker.incarnation,
    )  # fmt: skip


@on_virtual_time
async def test_a_doubled_grant_is_not_run_again() -> None:
    desk = Desk()
    desk.integration.seconds = 5
    desk.grant(1)
    desk.grant(1)
    await desk.pass_time(10)
    assert len(desk.integration.calls) == 1


@on_virtual_time
async def test_a_grant_that_comes_again_after_the_end_gets_its_result_again() -> None:
    desk = Desk()
    desk.grant(1)
    await desk.pass_time()
    desk.grant(1, reply_to=OTHER)
    await desk.pass_time()
    assert len(desk.integration.calls) == 1
    assert [body for queue, body in desk.broker.sent if queue == OTHER]
    assert desk.results[0] == desk.results[1]


@on_virtual_time
async def test_a_grant_that_comes_again_after_its_acknowledgement_changes_nothing() -> None:
    desk = Desk()
    grant = desk.grant(1)
    await desk.pass_time()
    desk.acknowledge(grant)
    desk.grant(1)
    await desk.pass_time(30)
    assert len(desk.integration.calls) == 1
    assert len(desk.results) == 1


@on_virtual_time
async def test_a_grant_for_another_incarnation_is_left_alone() -> None:
    desk = Desk()
    desk.tell(desk.a_grant(incarnation="somebody else"))
    await desk.pass_time(30)
    assert desk.integration.calls == []
    assert desk.results == []


@on_virtual_time
async def test_a_running_attempt_answers_to_the_scheduler_that_asked_last() -> None:
    desk = Desk()
    desk.integration.seconds = 5
    desk.grant(1)
    await desk.pass_time(1)
    desk.grant(1, reply_to=OTHER)
    await desk.pass_time(5)
    assert [queue for queue, body in desk.broker.sent if b"succeeded" in body] == [OTHER]


@on_virtual_time
async def test_grants_beyond_slots_and_waiting_room_are_given_back_and_stay_seen() -> None:
    desk = Desk(slots=1, waiting_max=1)
    desk.integration.seconds = 2
    for number in (1, 2, 3):
        desk.grant(number)
    await desk.pass_time()
    assert [(result.kind, result.grant) for result in desk.results] == [("given-back", (3).to_bytes(16))]
    await desk.pass_time(10)
    desk.acknowledge(desk.a_grant(3))
    desk.grant(3)
    await desk.pass_time(10)
    assert len(desk.integration.calls) == 2, "a given-back grant leaves a tombstone"


@on_virtual_time
async def test_a_grant_that_waited_too_long_for_a_slot_is_given_back() -> None:
    desk = Desk(slots=1, start_seconds=5.0)
    desk.integration.seconds = 60
    desk.grant(1)
    desk.grant(2)
    await desk.pass_time(6)
    assert [result.kind for result in desk.results] == ["given-back"]
    assert len(desk.integration.calls) == 1


@on_virtual_time
async def test_after_many_grants_the_worker_takes_a_new_name_and_finishes_under_the_old() -> None:
    desk = Desk(grants_max=2, retired_seconds=60.0)
    old = desk.worker.incarnation
    desk.integration.seconds = 5
    first, second = desk.grant(1), desk.grant(2)
    await desk.pass_time(1)
    assert desk.worker.incarnation != old
    desk.tell(desk.a_grant(3, incarnation=old), incarnation=old)
    await desk.pass_time(1)
    assert [result.kind for result in desk.results] == ["given-back"], "the old name takes no new grants"
    await desk.pass_time(4)
    assert {result.incarnation for result in desk.results} == {old}
    beats = {beat.incarnation: (beat.free_slots > 0, beat.stopping) for beat in desk.beats}
    assert beats == {old: (False, True), desk.worker.incarnation: (True, False)}
    desk.tell(Ack([first.grant, second.grant, (3).to_bytes(16)]), incarnation=old)
    await desk.pass_time(70)
    desk.tell(desk.a_grant(4, incarnation=old), incarnation=old)
    await desk.pass_time(5)
    assert len(desk.integration.calls) == 2, "the old name is forgotten"
