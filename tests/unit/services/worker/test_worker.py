"""The worker's half of the protocol: claims, grants at most once, results until acknowledged, beats, drain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps

import pytest

from services.broker import queues
from services.broker.messages import Ack, Result
from services.integrations.interface import Call, Failed, Outcome
from tests.fixtures.local_broker import Mischief
from tests.fixtures.virtual_loop import run_virtually
from tests.unit.services.worker.desk import OTHER, SCHEDULER, SHARD, Desk


def on_virtual_time(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    @wraps(test)
    def run() -> None:
        async def main() -> None:
            await test()

        run_virtually(main())

    del run.__wrapped__  # type: ignore[attr-defined]
    return run


# ---------------------------------------------------------------------------------------------- R10: offer and claim


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


# ------------------------------------------------------------------------------------------- R12: a grant, at most once


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


# --------------------------------------------------------------------------------- R13: results until acknowledged


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


# ------------------------------------------------------------------------------------------------ R15, R16: beats


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


# ------------------------------------------------------------------------------------------------- the attempt


@pytest.mark.parametrize(("timeout_ms", "kind"), [(2_000, "failed"), (20_000, "succeeded"), (None, "succeeded")])
def test_an_attempt_is_killed_when_its_time_is_up(timeout_ms: int | None, kind: str) -> None:
    async def main() -> None:
        desk = Desk()
        desk.integration.seconds = 10
        desk.grant(timeout_ms=timeout_ms)
        await desk.pass_time(11)
        assert desk.results[0].kind == kind
        assert len(desk.integration.killed) == (kind == "failed")
        if kind == "failed":
            assert desk.results[0].error == "States.Timeout"

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


# ------------------------------------------------------------------------------------------------- submitted jobs


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


# ------------------------------------------------------------------------------------------------------ the drain


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


# -------------------------------------------------------------------------------------------- all of it, by seed


@pytest.mark.parametrize("seed", range(20))
def test_lost_doubled_and_late_messages_run_every_grant_at_most_once(seed: int) -> None:
    async def main() -> None:
        desk = Desk(Mischief(seed, lose=0.2, double=0.2, delay=0.4, delay_seconds=3.0), slots=4, waiting_max=4)
        desk.integration.seconds = 0.5
        grants = [desk.a_grant(number) for number in range(1, 41)]
        for _ in range(60):
            ended = {result.grant for result in desk.results}
            for grant in grants:
                if grant.grant not in ended:
                    desk.tell(grant)
            desk.tell(Ack(list(ended)))
            await desk.pass_time(1)
        by_grant: dict[bytes, set[str]] = {}
        for result in desk.results:
            by_grant.setdefault(result.grant, set()).add(result.kind)
        assert len(by_grant) == 40
        assert all(len(kinds) == 1 for kinds in by_grant.values()), "a grant has one end, however often it is told"
        assert len(desk.integration.calls) == sum(kinds == {"succeeded"} for kinds in by_grant.values())
        await desk.pass_time(5)
        desk.tell(Ack([grant.grant for grant in grants]))

    run_virtually(main())


def test_ten_thousand_results_leave_in_few_bodies() -> None:
    async def main() -> None:
        desk = Desk(slots=10_000)
        desk.tell(*[desk.a_grant() for _ in range(10_000)])
        await desk.pass_time()
        bodies = [body for queue, body in desk.broker.sent if queue == SCHEDULER]
        assert len([one for one in desk.inbox if isinstance(one, Result)]) == 10_000
        assert len(bodies) <= 45

    run_virtually(main())
