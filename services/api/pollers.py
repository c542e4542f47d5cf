"""GetActivityTask's waiting callers: the API is the worker, one wish tells the schedulers how many callers wait.

A caller costs a future. Every scheduler hears how many callers wait for which activity (`Wish`), offers attempts to
one process at a time, and the oldest caller of the activity claims. The grant, which comes after the commit that
holds ActivityStarted, is the caller's answer; a refusal makes it wait on. The secret of the task token is made here
and goes to the caller alone: the claim has its digest.
"""

from __future__ import annotations

import asyncio
import hmac
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from engine import task_token
from services.api import errors
from services.api.owners import Owners
from services.broker.interface import Broker
from services.broker.messages import Claim, Grant, Offer, Refusal, Wish, encode
from services.runtime.clock import Clock
from services.runtime.faults import Fault

POLLERS_PER_ACTIVITY_MAX: Final = 1_000
WISH_SECONDS: Final = 5.0
OWNERLESS_SECONDS: Final = 0.5
CLAIM_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Lease:
    """A task that a caller got: its token and its input, JSON text."""

    task_token: str
    input: bytes


@dataclass(slots=True, eq=False)
class _Poller:
    """One waiting call. `claimed` is the token of the attempt that it has claimed, b"" while it has none."""

    activity: str
    worker_name: str | None
    answer: asyncio.Future[Lease | None]
    claimed: bytes = b""
    timer: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class _Queue:
    """The callers of one activity: those who wait (oldest first), and how many there are with those who claim."""

    waiting: deque[_Poller] = field(default_factory=deque)
    total: int = 0


class Pollers:
    """All waiting GetActivityTask calls of this process."""

    def __init__(
        self, broker: Broker, owners: Owners, clock: Clock, key: bytes, incarnation: str, reply_to: str
    ) -> None:
        """Nobody waits.

        Args:
            broker, owners, clock: of this process.
            key: random, of this process alone; the secrets of task tokens are made with it.
            incarnation: names this process in claims; grants come to its queue.
            reply_to: where offers come to.
        """
        self._broker = broker
        self._owners = owners
        self._clock = clock
        self._key = key
        self._incarnation = incarnation
        self._reply_to = reply_to
        self._queues: dict[str, _Queue] = {}
        self._claims: dict[bytes, _Poller] = {}
        self._changed: set[str] = set()
        self._wishing: asyncio.Task[None] | None = None
        self._repeating: asyncio.Task[None] | None = None

    def poll(self, activity: str, worker_name: str | None, seconds: float) -> asyncio.Future[Lease | None]:
        """Wait for a task of the activity: the lease, or None when the time is over. Cancel it to stop waiting.

        Raises:
            ApiError: ActivityWorkerLimitExceeded.
        """
        queue = self._queues.setdefault(activity, _Queue())
        if queue.total >= POLLERS_PER_ACTIVITY_MAX:
            raise errors.activity_worker_limit_exceeded()
        loop = asyncio.get_running_loop()
        poller = _Poller(activity, worker_name, loop.create_future())
        queue.waiting.append(poller)
        queue.total += 1
        self._wish(activity)
        poller.timer = loop.call_later(seconds, self._time_is_over, poller)
        poller.answer.add_done_callback(lambda _: self._leave(queue, poller))
        return poller.answer

    def _time_is_over(self, poller: _Poller) -> None:
        """End a poll, but let one that has claimed wait a moment for its grant: the task is already leased to it."""
        if poller.answer.done():
            return
        if poller.claimed:
            asyncio.get_running_loop().call_later(CLAIM_SECONDS, give_up, poller.answer)
        else:
            poller.answer.set_result(None)

    def _leave(self, queue: _Queue, poller: _Poller) -> None:
        assert poller.timer is not None
        poller.timer.cancel()
        queue.total -= 1
        if poller.claimed:
            self._claims.pop(poller.claimed, None)
        elif poller in queue.waiting:
            queue.waiting.remove(poller)
            self._wish(poller.activity)
        if not queue.total:
            self._queues.pop(poller.activity, None)

    # --- what comes from the schedulers ---------------------------------------------------------------------------

    def on_offer(self, offer: Offer) -> None:
        """An attempt waits for a worker: the oldest caller claims it."""
        if offer.token in self._claims:
            return
        queue = self._queues.get(offer.activity)
        while queue is not None and queue.waiting:
            poller = queue.waiting.popleft()
            if poller.answer.done():
                continue
            poller.claimed = offer.token
            self._claims[offer.token] = poller
            self._broker.send(offer.reply_to, encode([self._claim(offer, poller.worker_name)]))
            asyncio.get_running_loop().call_later(CLAIM_SECONDS, self._claim_is_lost, offer.token, poller)
            return

    def _claim(self, offer: Offer, worker_name: str | None) -> Claim:
        callback = task_token.digest(self._secret_of(offer.token))
        place = (offer.execution_id, offer.shard, offer.path, offer.token)
        return Claim(*place, self._incarnation, worker_name, callback)

    def _secret_of(self, token: bytes) -> bytes:
        """The same for every claim of an attempt: the grant that comes may be that of an earlier one."""
        return hmac.digest(self._key, token, "sha256")

    def on_grant(self, grant: Grant) -> None:
        """The claim won and is committed."""
        poller = self._claims.pop(grant.token, None)
        if poller is not None and not poller.answer.done():
            poller.answer.set_result(_lease(grant, self._secret_of(grant.token)))

    def on_refusal(self, refusal: Refusal) -> None:
        """Another process was faster: wait on, first in the row again."""
        poller = self._claims.pop(refusal.token, None)
        if poller is not None:
            self._wait_on(poller)

    def _claim_is_lost(self, token: bytes, poller: _Poller) -> None:
        """Neither grant nor refusal came: the owner has changed, or a message was lost."""
        if self._claims.get(token) is poller:
            del self._claims[token]
            self._wait_on(poller)

    def _wait_on(self, poller: _Poller) -> None:
        poller.claimed = b""
        queue = self._queues.get(poller.activity)
        if queue is not None and not poller.answer.done():
            queue.waiting.appendleft(poller)
            self._wish(poller.activity)

    # --- wishes ---------------------------------------------------------------------------------------------------

    def _wish(self, activity: str) -> None:
        """Tell the schedulers, together with whatever else changes in this turn of the loop."""
        self._changed.add(activity)
        if self._wishing is None:
            self._wishing = asyncio.create_task(self._send_changed(), name="activity wishes")
        if self._repeating is None:
            self._repeating = asyncio.create_task(self._repeat(), name="activity wishes, again")

    async def _send_changed(self) -> None:
        try:
            while self._changed:
                await asyncio.sleep(0)
                changed, self._changed = self._changed, set()
                await self._send(changed)
        finally:
            self._wishing = None

    async def _repeat(self) -> None:
        """Say it again while anybody waits: a scheduler may be new, a message lost, a shard without owner."""
        try:
            while self._queues:
                await self._clock.sleep(WISH_SECONDS if self._owners.complete else OWNERLESS_SECONDS)
                await self._send(list(self._queues))
        finally:
            self._repeating = None

    async def _send(self, activities: Iterable[str]) -> None:
        wishes = [(activity, self._waiting(activity)) for activity in sorted(activities)]
        try:
            owners = await self._owners.queues()
        except Fault:
            return  # said again in a few seconds
        for queue in sorted(set(owners.values())):
            self._broker.send(queue, encode([Wish(self._reply_to, wishes)]))

    def _waiting(self, activity: str) -> int:
        queue = self._queues.get(activity)
        return len(queue.waiting) if queue is not None else 0

    def close(self) -> None:
        """Answer everybody and stop."""
        for queue in self._queues.values():
            for poller in queue.waiting:
                give_up(poller.answer)
        for task in (self._wishing, self._repeating):
            if task is not None:
                task.cancel()


def _lease(grant: Grant, secret: bytes) -> Lease:
    account = grant.job.execution_arn.split(":", 5)[4]
    place = f"{grant.job.region}:{account}"
    return Lease(task_token.encode(UUID(bytes=grant.execution_id), grant.path, secret, place), grant.job.input)


def give_up(answer: asyncio.Future[Lease | None]) -> None:
    """End a poll without a task, if it has not ended yet."""
    if not answer.done():
        answer.set_result(None)
