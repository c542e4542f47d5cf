"""GetActivityTask's waiting callers: the API is the worker, one wish tells the schedulers how many callers wait.

A caller costs a future. Every scheduler hears how many callers wait for which activity (`Wish`), offers attempts to
one process at a time, and the oldest caller of the activity claims. The grant, which comes after the commit that
holds ActivityStarted, is the caller's answer; a refusal makes it wait on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from services.api import errors
from services.api.owners import Owners
from services.broker.interface import Broker
from services.broker.messages import Claim, Grant, Offer, Refusal, Wish, encode
from services.runtime.clock import Clock
from services.runtime.faults import Fault

POLLERS_PER_ACTIVITY_MAX: Final = 1_000
WISH_SECONDS: Final = 5.0
CLAIM_SECONDS: Final = 10.0


@dataclass(slots=True, eq=False)
class _Poller:
    """One waiting call. `claimed` is the token of the attempt that it has claimed, b"" while it has none."""

    activity: str
    worker_name: str | None
    answer: asyncio.Future[Grant | None]
    claimed: bytes = b""
    timer: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class _Queue:
    """The callers of one activity: those who wait (oldest first), and how many there are with those who claim."""

    waiting: deque[_Poller] = field(default_factory=deque)
    total: int = 0


class Pollers:
    """All waiting GetActivityTask calls of this process."""

    def __init__(self, broker: Broker, owners: Owners, clock: Clock, incarnation: str, reply_to: str) -> None:
        """`incarnation` names this process in claims; offers come to `reply_to`, grants to the incarnation's queue."""
        self._broker = broker
        self._owners = owners
        self._clock = clock
        self._incarnation = incarnation
        self._reply_to = reply_to
        self._queues: dict[str, _Queue] = {}
        self._claims: dict[bytes, _Poller] = {}
        self._changed: set[str] = set()
        self._wishing: asyncio.Task[None] | None = None
        self._repeating: asyncio.Task[None] | None = None

    def poll(self, activity: str, worker_name: str | None, seconds: float) -> asyncio.Future[Grant | None]:
        """Wait for a task of the activity: the grant, or None when the time is over. Cancel it to stop waiting.

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
            claim = Claim(
                offer.execution_id, offer.shard, offer.path, offer.token, self._incarnation, poller.worker_name
            )
            self._broker.send(offer.reply_to, encode([claim]))
            asyncio.get_running_loop().call_later(CLAIM_SECONDS, self._claim_is_lost, offer.token, poller)
            return

    def on_grant(self, grant: Grant) -> None:
        """The claim won and is committed."""
        poller = self._claims.pop(grant.token, None)
        if poller is not None and not poller.answer.done():
            poller.answer.set_result(grant)

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
        """Say it again while anybody waits: a scheduler may be new, a message lost."""
        try:
            while self._queues:
                await self._clock.sleep(WISH_SECONDS)
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


def give_up(answer: asyncio.Future[Grant | None]) -> None:
    """End a poll without a task, if it has not ended yet."""
    if not answer.done():
        answer.set_result(None)
