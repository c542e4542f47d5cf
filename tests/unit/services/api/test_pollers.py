"""GetActivityTask: wishes to every scheduler, one claim per offer, an answer after the grant, nothing lost."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from engine import task_token
from services.api.errors import ApiError
from services.api.owners import Owners
from services.api.pollers import POLLERS_PER_ACTIVITY_MAX, Lease, Pollers
from services.broker.messages import Claim, Grant, Offer, Refusal, TaskJob, Wish
from tests.fixtures.virtual_loop import VirtualClock, run_virtually
from tests.unit.services.api.conftest import AdmissionFake, Broker

EXECUTION = UUID(int=7)
EXECUTION_ARN = "arn:aws:states:eu-west-1:123456789012:execution:m:e"
JOB = TaskJob("a", "", "", "", b'{"x":1}', EXECUTION_ARN, "", "", "eu-west-1", "", None, None, "", "")

KEY = b"k" * 32


def offer(token: bytes, activity: str = "a") -> Offer:
    return Offer(EXECUTION.bytes, 1, "0", token, "s0", activity)


def grant(token: bytes) -> Grant:
    return Grant(EXECUTION.bytes, 1, "0", token, b"grant", "api-me", "s0", JOB)


class Bench:
    """Pollers on a virtual clock."""

    def __init__(self) -> None:
        self.broker = Broker()
        self.store = AdmissionFake()
        self.store.owners[3] = "s1"
        clock = VirtualClock()
        self.pollers = Pollers(self.broker, Owners(self.store, clock, 1.0), clock, KEY, "api-me", "me")

    def poll(self, activity: str = "a", worker: str | None = None) -> asyncio.Future[Lease | None]:
        return self.pollers.poll(activity, worker, 60.0)

    @property
    def claims(self) -> list[Claim]:
        return [message for _, message in self.broker.sent if isinstance(message, Claim)]

    @property
    def wishes(self) -> list[tuple[str, list[tuple[str, int]]]]:
        return [(queue, message.activities) for queue, message in self.broker.sent if isinstance(message, Wish)]


def test_every_scheduler_hears_how_many_callers_wait() -> None:
    async def play() -> None:
        bench = Bench()
        calls = [bench.poll(), bench.poll(), bench.poll("b")]
        await asyncio.sleep(0.1)
        assert bench.wishes == [("s0", [("a", 2), ("b", 1)]), ("s1", [("a", 2), ("b", 1)])]
        bench.broker.sent.clear()
        await asyncio.sleep(5.0)
        assert bench.wishes == [("s0", [("a", 2), ("b", 1)]), ("s1", [("a", 2), ("b", 1)])]
        bench.pollers.close()
        assert await asyncio.gather(*calls) == [None] * 3

    run_virtually(play())


def test_a_scheduler_that_takes_its_shards_a_moment_later_hears_of_it_soon() -> None:
    async def play() -> None:
        bench = Bench()
        taken, bench.store.owners = bench.store.owners, {}
        call = bench.poll()
        await asyncio.sleep(0.1)
        assert bench.wishes == []
        bench.store.owners = taken
        await asyncio.sleep(0.5)
        assert bench.wishes == [("s0", [("a", 1)]), ("s1", [("a", 1)])]
        bench.pollers.close()
        await call

    run_virtually(play())


def test_the_oldest_caller_claims_and_is_answered_by_the_grant() -> None:
    async def play() -> None:
        bench = Bench()
        first, second = bench.poll(worker="w1"), bench.poll(worker="w2")
        await asyncio.sleep(0.1)
        bench.pollers.on_offer(offer(b"t1"))
        bench.pollers.on_offer(offer(b"t1"))
        (claim,) = bench.claims
        assert (claim.token, claim.incarnation, claim.worker_name) == (b"t1", "api-me", "w1")
        assert not first.done()
        bench.pollers.on_grant(grant(b"t1"))
        answer = await first
        assert answer is not None
        assert answer.input == b'{"x":1}'
        token = task_token.decode(answer.task_token, "eu-west-1:123456789012")
        assert (token.execution_id, token.path) == (EXECUTION, "0")
        assert task_token.opens(token.secret, claim.callback)
        assert not second.done()
        bench.pollers.close()
        await second

    run_virtually(play())


def test_the_grant_of_an_earlier_claim_of_the_same_attempt_gives_a_token_that_opens_it() -> None:
    async def play() -> None:
        bench = Bench()
        call = bench.poll()
        await asyncio.sleep(0.1)
        bench.pollers.on_offer(offer(b"t1"))
        await asyncio.sleep(11.0)  # the claim seems lost, and the attempt is offered once more
        bench.pollers.on_offer(offer(b"t1"))
        bench.pollers.on_grant(grant(b"t1"))
        answer = await call
        assert answer is not None
        secret = task_token.decode(answer.task_token, "eu-west-1:123456789012").secret
        assert len(bench.claims) == 2
        assert all(task_token.opens(secret, claim.callback) for claim in bench.claims)

    run_virtually(play())


def test_a_refused_caller_waits_on_as_the_first() -> None:
    async def play() -> None:
        bench = Bench()
        first, second = bench.poll(worker="w1"), bench.poll(worker="w2")
        await asyncio.sleep(0.1)
        bench.pollers.on_offer(offer(b"t1"))
        bench.pollers.on_refusal(Refusal(b"t1"))
        bench.pollers.on_offer(offer(b"t2"))
        assert [claim.worker_name for claim in bench.claims] == ["w1", "w1"]
        bench.pollers.on_grant(grant(b"t2"))
        assert await first is not None
        bench.pollers.close()
        await second

    run_virtually(play())


def test_a_claim_without_answer_is_given_up_after_a_while() -> None:
    async def play() -> None:
        bench = Bench()
        call = bench.poll()
        await asyncio.sleep(0.1)
        bench.pollers.on_offer(offer(b"t1"))
        await asyncio.sleep(11.0)
        bench.pollers.on_offer(offer(b"t2"))
        bench.pollers.on_grant(grant(b"t2"))
        assert await call is not None

    run_virtually(play())


def test_a_call_ends_empty_after_a_minute() -> None:
    async def play() -> None:
        bench = Bench()
        assert await bench.pollers.poll("a", None, 60.0) is None
        assert asyncio.get_running_loop().time() == pytest.approx(60.0, abs=0.1)
        bench.pollers.on_offer(offer(b"t1"))
        assert bench.claims == []

    run_virtually(play())


def test_a_call_whose_time_is_over_while_it_claims_still_gets_its_task() -> None:
    async def play() -> None:
        bench = Bench()
        call = bench.poll()
        await asyncio.sleep(59.9)
        bench.pollers.on_offer(offer(b"t1"))
        await asyncio.sleep(1.0)
        assert not call.done()
        bench.pollers.on_grant(grant(b"t1"))
        assert await call is not None

    run_virtually(play())


def test_a_caller_that_hangs_up_takes_its_wish_back() -> None:
    async def play() -> None:
        bench = Bench()
        call = bench.poll()
        await asyncio.sleep(0.1)
        bench.broker.sent.clear()
        call.cancel()
        await asyncio.sleep(0.1)
        assert bench.wishes == [("s0", [("a", 0)]), ("s1", [("a", 0)])]
        bench.pollers.on_offer(offer(b"t1"))
        assert bench.claims == []

    run_virtually(play())


def test_a_thousand_callers_per_activity_are_enough() -> None:
    async def play() -> None:
        bench = Bench()
        calls = [bench.poll() for _ in range(POLLERS_PER_ACTIVITY_MAX)]
        await asyncio.sleep(0.1)
        with pytest.raises(ApiError) as caught:
            bench.poll()
        assert caught.value.code == "ActivityWorkerLimitExceeded"
        bench.poll("b").cancel()
        bench.pollers.close()
        assert await asyncio.gather(*calls) == [None] * POLLERS_PER_ACTIVITY_MAX

    run_virtually(play())
