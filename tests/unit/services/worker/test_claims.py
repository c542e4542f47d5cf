"""Offers and claims (R10)."""

from __future__ import annotations

from services.broker import queues
from tests.unit.services.worker.desk import Desk, on_virtual_time


@on_virtual_time
async def test_an_offer_is_claimed_by_the_incarnation() -> None:
    desk = Desk()
    token = desk.offer()
    await desk.pass_time()
    assert [(claim.token, claim.incarnation) for claim in desk.claims] == [(token, desk.worker.incarnation)]


@on_virtual_time
async def test_a_doubled_offer_is_claimed_once() -> None:
    desk = Desk()
    desk.offer(1)
    desk.offer(1)
    await desk.pass_time()
    assert len(desk.claims) == 1


@on_virtual_time
async def test_claims_hold_slots_until_they_are_answered() -> None:
    desk = Desk(slots=2)
    for number in (1, 2, 3, 4):
        desk.offer(number)
    await desk.pass_time()
    assert len(desk.claims) == 2
    desk.refuse(desk.claims[0].token)
    await desk.pass_time()
    assert len(desk.claims) == 3


@on_virtual_time
async def test_a_claim_whose_answer_is_lost_frees_its_slot() -> None:
    desk = Desk(slots=1, claim_seconds=2.0)
    desk.offer(1)
    await desk.pass_time(1)
    desk.offer(2)
    await desk.pass_time()
    assert len(desk.claims) == 1
    await desk.pass_time(2)
    assert len(desk.claims) == 2


@on_virtual_time
async def test_an_offer_that_waited_too_long_is_not_claimed() -> None:
    desk = Desk(slots=1, claim_seconds=60.0, offer_seconds=5.0)
    desk.offer(1)
    desk.offer(2)
    await desk.pass_time(6)
    desk.refuse(desk.claims[0].token)
    await desk.pass_time()
    assert len(desk.claims) == 1


@on_virtual_time
async def test_a_worker_without_a_free_slot_leaves_offers_in_the_queue() -> None:
    desk = Desk(slots=1)
    desk.integration.seconds = 100
    desk.grant()
    await desk.pass_time()
    desk.offer(1)
    await desk.pass_time(1)
    assert await desk.broker.length(queues.offers("default")) == 1
    await desk.pass_time(100)
    assert len(desk.claims) == 1
