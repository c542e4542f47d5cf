"""Offers, claims, grants, results, acks, and workers that fall silent (protocol R9-R15)."""

from __future__ import annotations

from itertools import pairwise

import pytest

from services.broker import queues
from services.broker.messages import Ack, Beat, Claim, Grant, Offer, Poll, Refusal, Result, decode, encode
from services.integrations.interface import Failed, Pending, Submitted, Succeeded
from services.worker.settings import WorkerSettings
from tests.fixtures.scheduler_world import RETRIED, TASK, World, states, wait
from tests.fixtures.virtual_loop import run_virtually

ME = "an-incarnation"
SYNC = {"Type": "Task", "Resource": "arn:aws:states:::batch:submitJob.sync", "Parameters": {}}


class Hand:
    """A worker played by the test."""

    def __init__(self, world: World, incarnation: str = ME) -> None:
        self.world = world
        self.incarnation = incarnation

    @property
    def owner(self) -> str:
        return self.world.store.shard_rows[0].scheduler

    def send(self, *messages) -> None:
        self.world.broker.send(self.owner, encode(messages))

    def beat(self, free_slots: int) -> None:
        self.send(Beat(self.incarnation, "default", free_slots))

    def claim(self, offer: Offer) -> None:
        self.send(Claim(offer.execution_id, offer.shard, offer.path, offer.token, self.incarnation))

    def result(self, grant: Grant, kind: str = "succeeded", **fields) -> None:
        fields.setdefault("output", b"1" if kind == "succeeded" else None)
        self.send(
            Result(
                grant.execution_id, grant.shard, grant.path, grant.token, grant.grant, self.incarnation, kind, **fields
            )
        )

    def received(self, kind):
        queue = queues.incarnation(self.incarnation)
        return [message for to, message in self.world.sent(kind) if to == queue]


async def owned_world(**options) -> tuple[World, Hand]:
    world = World(shards=1, **options)
    scheduler = world.scheduler()
    await world.until(lambda: scheduler.shards == [0])
    await world.clock.sleep(0.1)
    return world, Hand(world)


def test_r9_offers_are_bounded_while_no_worker_has_told_its_slots_and_are_sent_again_with_growing_pauses():
    async def main():
        world, _ = await owned_world()
        await world.start(world.machine(states("t", t=TASK)), 100)
        await world.clock.sleep(1)
        assert len(world.sent(Offer)) == world.settings.offers_min
        await world.clock.sleep(60)
        # Nobody takes any, so the queue stays as long as it is: not one more.
        assert len(world.sent(Offer)) == world.settings.offers_min

    run_virtually(main())


def test_r9_lost_offers_are_sent_again():
    async def main():
        world, _ = await owned_world()
        await world.start(world.machine(states("t", t=TASK)))
        times = []
        for _ in range(400):
            if world.broker.take(queues.offers("default")):
                times.append(round(world.clock.monotonic()))
            await world.clock.sleep(0.25)
        pauses = [later - earlier for earlier, later in pairwise(times)]
        assert pauses[:4] == pytest.approx([5, 10, 20, 40], abs=2)

    run_virtually(main())


def test_r10_every_claim_gets_an_answer_and_only_the_first_a_grant():
    async def main():
        world, hand = await owned_world()
        other = Hand(world, "another")
        await world.start(world.machine(states("t", t=TASK)))
        await world.until(lambda: bool(world.sent(Offer)))
        (_, offer), *_ = world.sent(Offer)
        hand.claim(offer)
        other.claim(offer)
        await world.clock.sleep(0.1)
        assert [grant.token for grant in hand.received(Grant)] == [offer.token]
        assert [refusal.token for refusal in other.received(Refusal)] == [offer.token]
        hand.claim(offer)  # the same message once more: the grant has been the answer
        await world.clock.sleep(0.1)
        assert hand.received(Refusal) == []

    run_virtually(main())


def test_r11_with_a_slot_credit_scheduled_and_started_are_one_page():
    async def main():
        world, hand = await owned_world()
        hand.beat(2)
        machine = world.machine(states("t", t=TASK))
        ids = await world.start(machine, 2)
        await world.clock.sleep(0.1)
        assert len(hand.received(Grant)) == 2
        hand.result(hand.received(Grant)[0])  # a result is a free slot
        await world.clock.sleep(0.1)
        ids += await world.start(machine, 2)
        await world.clock.sleep(0.1)
        assert len(hand.received(Grant)) == 3
        assert len(world.sent(Offer)) == 1
        started = [one for one in ids if "LambdaFunctionStarted" in world.events(one)]
        assert len(started) == 3
        assert all(world.store.executions[one].pages[0].last_event_id >= 4 for one in started)

    run_virtually(main())


def test_r11_a_beat_does_not_give_credit_for_slots_that_grants_on_the_way_will_take():
    async def main():
        world, hand = await owned_world()
        hand.beat(2)
        await world.start(world.machine(states("t", t=TASK)), 9)
        await world.clock.sleep(0.05)
        hand.beat(2)
        await world.clock.sleep(0.05)
        assert len(hand.received(Grant)) == 2

    run_virtually(main())


def test_r13_acks_come_after_the_commit_in_one_message():
    async def main():
        world, hand = await owned_world()
        hand.beat(8)
        await world.start(world.machine(states("t", t=TASK)), 8)
        await world.until(lambda: len(hand.received(Grant)) == 8)
        world.store.faults.delay = lambda: 0.5
        for grant in hand.received(Grant):
            hand.result(grant)
        await world.clock.sleep(0.4)
        assert hand.received(Ack) == []
        await world.until_ended()
        await world.clock.sleep(0.1)
        assert len(hand.received(Ack)) == 1
        assert set(hand.received(Ack)[0].grants) == {grant.grant for grant in hand.received(Grant)}

    run_virtually(main())


def test_r14_a_late_or_foreign_result_is_acknowledged_and_changes_nothing():
    async def main():
        world, hand = await owned_world()
        hand.beat(1)
        (execution_id,) = await world.start(world.machine(states("t", "w", t=TASK, w=wait(10))))
        await world.until(lambda: bool(hand.received(Grant)))
        grant = hand.received(Grant)[0]
        before = world.events(execution_id)
        hand.send(Result(grant.execution_id, 0, "0", grant.token, b"f" * 16, "foreigner", "succeeded", b"2"))
        hand.send(Result(grant.execution_id, 0, "0", b"f" * 16, grant.grant, ME, "succeeded", b"3"))
        await world.clock.sleep(0.2)
        assert world.events(execution_id) == before
        hand.result(grant)
        await world.clock.sleep(0.2)
        once = world.events(execution_id)
        hand.result(grant)
        await world.clock.sleep(0.2)
        assert world.events(execution_id) == once
        await world.until_ended()
        hand.result(grant)  # the execution has ended and left memory
        await world.clock.sleep(0.2)
        grants = [acked for ack in hand.received(Ack) for acked in ack.grants]
        assert grants.count(grant.grant) == 4

    run_virtually(main())


def test_r15_a_silent_worker_is_lost_and_its_attempt_fails_saying_so():
    async def main():
        world, hand = await owned_world()
        hand.beat(1)
        (execution_id,) = await world.start(world.machine(states("t", t=TASK)))
        await world.clock.sleep(14)
        assert world.running() == 1
        await world.until_ended(5)
        row = world.store.executions[execution_id].row
        assert (row.status.name, row.error) == ("FAILED", "Lambda.SdkClientException")
        assert "unknown" in (row.cause or "")

    run_virtually(main())


def test_r15_a_worker_known_only_from_a_committed_start_record_is_watched_too():
    async def main():
        world, hand = await owned_world()
        hand.beat(1)
        await world.start(world.machine(states("t", t=TASK)))
        await world.until(lambda: bool(hand.received(Grant)))
        await world.kill_scheduler()
        world.scheduler()
        await world.until_ended(10 + 2 + 15 + 3)

    run_virtually(main())


def test_r15_silence_does_not_count_while_the_broker_was_away():
    async def main():
        world, hand = await owned_world()
        hand.beat(1)
        await world.start(world.machine(states("t", t=TASK)))
        await world.until(lambda: bool(hand.received(Grant)))
        world.broker.go_down()
        await world.clock.sleep(60)
        world.broker.come_up()
        await world.clock.sleep(10)
        assert world.running() == 1
        hand.result(hand.received(Grant)[0])
        await world.until_ended(1)
        assert not any(one.row.error for one in world.store.executions.values())

    run_virtually(main())


def test_r12_a_grant_given_back_starts_elsewhere_with_one_start_event():
    async def main():
        world, hand = await owned_world()
        hand.beat(1)
        (execution_id,) = await world.start(world.machine(states("t", t=TASK)))
        await world.until(lambda: bool(hand.received(Grant)))
        other = Hand(world, "another")
        hand.send(Beat(ME, "default", 0, True))
        other.beat(1)
        await world.clock.sleep(0.05)
        hand.result(hand.received(Grant)[0], "given-back")
        await world.until(lambda: bool(other.received(Grant)))
        assert other.received(Grant)[0].token == hand.received(Grant)[0].token
        assert other.received(Grant)[0].grant != hand.received(Grant)[0].grant
        hand.result(hand.received(Grant)[0])  # a tombstone: this grant will never count again
        other.result(other.received(Grant)[0], output=b'"by the other"')
        await world.until_ended()
        assert world.store.executions[execution_id].row.output == b'"by the other"'
        assert world.events(execution_id).count("LambdaFunctionStarted") == 1

    run_virtually(main())


def test_grants_are_sent_again_until_a_result_comes():
    async def main():
        world, hand = await owned_world()
        hand.beat(1)
        await world.start(world.machine(states("t", t=TASK)))
        for _ in range(120):
            await world.clock.sleep(0.5)
            hand.beat(0)
        assert 4 <= len(hand.received(Grant)) <= 6
        assert len({grant.grant for grant in hand.received(Grant)}) == 1

    run_virtually(main())


def test_a_stopped_workers_running_attempt_fails_like_a_lost_one():
    async def main():
        world, hand = await owned_world()
        hand.beat(1)
        (execution_id,) = await world.start(world.machine(states("t", t=TASK)))
        await world.until(lambda: bool(hand.received(Grant)))
        hand.result(hand.received(Grant)[0], "lost")
        await world.until_ended(1)
        assert world.store.executions[execution_id].row.error == "Lambda.SdkClientException"

    run_virtually(main())


@pytest.mark.parametrize("seconds", [4, 6])
def test_a_call_that_was_dropped_times_out_once_and_not_before_its_deadline(seconds: int):
    async def main():
        world, hand = await owned_world()
        hand.beat(1)
        (execution_id,) = await world.start(world.machine(states("t", t=TASK | {"TimeoutSeconds": 5})))
        await world.until(lambda: bool(hand.received(Grant)))
        begun = world.clock.monotonic()
        await world.clock.sleep(seconds)
        hand.result(hand.received(Grant)[0], "timed-out")
        await world.until_ended(5)
        assert world.clock.monotonic() - begun > 4.99
        assert world.store.executions[execution_id].row.error == "States.Timeout"
        assert world.events(execution_id).count("LambdaFunctionTimedOut") == 1
        await world.clock.sleep(0.1)
        assert hand.received(Ack)[0].grants == [hand.received(Grant)[0].grant]

    run_virtually(main())


def test_a_job_is_polled_as_often_as_the_integration_asks_until_it_has_ended():
    async def main():
        world, _ = await owned_world()
        world.worker()
        functions = world.functions[0]
        functions.answer = lambda call: Submitted(b'{"JobId":"j"}', {"JobId": "j"})
        functions.poll_answers = [Pending(20), Pending(40), Succeeded(b'"done"')]
        (execution_id,) = await world.start(world.machine(states("t", t=SYNC)))
        await world.clock.sleep(50)
        assert len(functions.polled) == 2
        await world.until_ended(15)
        assert world.store.executions[execution_id].row.output == b'"done"'
        assert functions.cancelled == []

    run_virtually(main())


def test_a_job_is_cancelled_when_its_attempt_ends_otherwise():
    async def main():
        world, _ = await owned_world()
        world.worker()
        functions = world.functions[0]
        functions.answer = lambda call: Submitted(b"{}", {"JobId": "j"})
        functions.poll_answers = [Pending(1_000)] * 50
        (execution_id,) = await world.start(world.machine(states("t", t=SYNC)))
        await world.until(lambda: bool(functions.polled))
        await world.command(execution_id, "stop")
        await world.until_ended()
        await world.clock.sleep(0.1)
        assert functions.cancelled == [{"JobId": "j"}]
        assert [poll.cancel for _, poll in world.sent(Poll)][-1]

    run_virtually(main())


def test_more_attempts_than_slots_are_all_run_once():
    async def main():
        world, _ = await owned_world(call_seconds=lambda: 0.5)
        for _ in range(2):
            world.worker(WorkerSettings(slots=4))
        await world.start(world.machine(states("a", "b", a=RETRIED, b=RETRIED)), 60)
        await world.until_ended(60)
        assert len(world.ledger.keys) == 120
        assert world.ledger.wrong == []
        assert {one.row.status.name for one in world.store.executions.values()} == {"SUCCEEDED"}

    run_virtually(main())


def test_a_failed_call_fails_the_attempt():
    async def main():
        world, _ = await owned_world()
        world.worker()
        world.functions[0].answer = lambda call: Failed("Boom", "because")
        (execution_id,) = await world.start(world.machine(states("t", t=TASK)))
        await world.until_ended()
        row = world.store.executions[execution_id].row
        assert (row.error, row.cause) == ("Boom", "because")

    run_virtually(main())


def test_messages_that_nobody_can_read_are_dropped():
    async def main():
        world, hand = await owned_world()
        world.broker.send(hand.owner, b"\xff not msgpack")
        world.broker.send(hand.owner, encode([Refusal(b"")]))
        world.worker()
        await world.start(world.machine(states("t", t=TASK)))
        await world.until_ended()
        assert decode(encode([])) == []

    run_virtually(main())
