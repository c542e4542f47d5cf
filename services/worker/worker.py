"""The worker process: takes grants, runs their attempts, and answers (protocol R9 to R16).

One loop, no threads: everything that is ready is handled in one pass, and each destination gets one body per turn.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from engine.failure import TASK_FAILED
from services.broker import queues
from services.broker.interface import Broker, Subscription
from services.broker.messages import Ack, Beat, Claim, Grant, Message, Offer, Poll, Refusal, readable
from services.integrations.interface import Integrations
from services.runtime.clock import Clock
from services.runtime.ids import Ids
from services.worker import attempt
from services.worker.claims import Claims
from services.worker.heartbeat import Heartbeat
from services.worker.incarnation import Holding, Incarnation
from services.worker.observe import NoObserver, WorkerObserver
from services.worker.outbox import Outbox
from services.worker.results import Results
from services.worker.settings import WorkerSettings
from services.worker.slots import Slots
from services.worker.sync_poll import SyncPolls

_LOOK_SECONDS: Final = 0.25

log = logging.getLogger(__name__)


class Worker:
    """One worker process; it may live under several incarnation ids, one after the other."""

    def __init__(
        self,
        broker: Broker,
        integrations: Integrations,
        clock: Clock,
        ids: Ids,
        settings: WorkerSettings | None = None,
        observer: WorkerObserver | None = None,
    ) -> None:
        """Create it on the event loop that will run it; `observer` is told about every attempt."""
        now = clock.monotonic()
        self.settings = settings or WorkerSettings()
        self._broker = broker
        self._integrations = integrations
        self._clock = clock
        self._ids = ids
        self._observer: WorkerObserver = observer or NoObserver()
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox(broker, self._loop.call_soon)
        self._outbox.before_flush = self._ride
        self._heartbeat = Heartbeat(self.settings, now)
        self._claims = Claims(self.settings)
        self._slots = Slots(self.settings, now)
        self._results = Results(broker, self._outbox, self.settings)
        self._polls = SyncPolls(integrations, self._outbox, self.settings.polls_max, lambda: self._current.id)
        self._current = Incarnation(ids.entropy(16).hex())
        self._incarnations = {self._current.id: self._current}
        self._waiting: deque[tuple[Incarnation, Holding]] = deque()
        self._next_beat = now
        self._stopping = False
        self._idle = asyncio.Event()
        self._ended = asyncio.Event()
        self._mail: Subscription | None = None
        self._offers: Subscription | None = None
        self._hears_offers = False
        self._handlers: dict[type, Callable[..., None]] = {
            Offer: self._on_offer,
            Grant: self._on_grant,
            Refusal: self._on_refusal,
            Ack: self._on_ack,
            Poll: self._on_poll,
        }

    # ------------------------------------------------------------------------------------------------- its life

    @property
    def incarnation(self) -> str:
        """The id under which it takes grants now."""
        return self._current.id

    async def run(self) -> None:
        """Work until `stop` has finished."""
        self._mail = self._broker.subscribe(self._mail_queues(), self._on_bodies)
        self._offers = self._broker.subscribe([], self._on_bodies)
        self._hear_offers()
        try:
            while not self._ended.is_set():
                await self._look()
                await self._sleep_or_end()
        finally:
            await self._mail.close()
            await self._offers.close()

    async def stop(self) -> None:
        """Take nothing more, give back what has not begun, let the rest finish or end it, deliver the results."""
        self._stopping = True
        self._hear_offers()
        self._claims.forget_offers()
        while self._waiting:
            self._give_back(*self._waiting.popleft())
        self._slots.waiting = 0
        self._beat(self._clock.monotonic())
        await self._until(self._nothing_runs, self.settings.drain_seconds)
        await self._abandon_running()
        await self._polls.close()
        await self._until(self._nothing_held, self.settings.flush_seconds)
        self._outbox.flush()
        self._ended.set()

    async def _sleep_or_end(self) -> None:
        end = self._loop.create_task(self._ended.wait())
        nap = self._loop.create_task(self._clock.sleep(_LOOK_SECONDS))
        await asyncio.wait((end, nap), return_when=asyncio.FIRST_COMPLETED)
        end.cancel()
        nap.cancel()

    async def _until(self, condition: Callable[[], bool], seconds: float) -> None:
        deadline = self._clock.monotonic() + seconds
        while not condition() and self._clock.monotonic() < deadline:
            self._idle.clear()
            wake = self._loop.create_task(self._idle.wait())
            nap = self._loop.create_task(self._clock.sleep(deadline - self._clock.monotonic()))
            await asyncio.wait((wake, nap), return_when=asyncio.FIRST_COMPLETED)
            wake.cancel()
            nap.cancel()

    def _nothing_runs(self) -> bool:
        return self._slots.running == 0

    def _nothing_held(self) -> bool:
        return not any(one.held for one in self._incarnations.values())

    async def _abandon_running(self) -> None:
        tasks = [holding.task for holding in self._held() if holding.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _held(self) -> Iterator[Holding]:
        for one in self._incarnations.values():
            yield from one.held.values()

    # ------------------------------------------------------------------------------------------ what time asks for

    async def _look(self) -> None:
        """What must happen every now and then."""
        now = self._clock.monotonic()
        self._claims.expire(now)
        self._slots.measure(now)
        if now >= self._next_beat:
            self._beat(now)
        self._give_back_late(now)
        self._take_new_name_if_due(now)
        self._claim(now)
        await self._results.resend(list(self._held()), now)

    def _beat(self, now: float) -> None:
        """Tell every scheduler that we live."""
        self._next_beat = now + self.settings.beat_seconds
        self._heartbeat.renew(self._broker.connected_seconds() > 0, now)
        self._heartbeat.forget_silent((holding.reply_to for holding in self._held()), now)
        for scheduler in self._heartbeat.schedulers:
            self._beat_to(scheduler, now)

    def _beat_to(self, scheduler: str, now: float) -> None:
        self._heartbeat.beaten(scheduler, now)
        for one in self._incarnations.values():
            takes = one is self._current and not self._stopping
            self._outbox.put(scheduler, Beat(one.id, self.settings.pool, self._credit() if takes else 0, not takes))

    def _ride(self, queue: str) -> None:
        """A body leaves for that queue anyway: let a beat ride, so that the scheduler learns the credit early."""
        now = self._clock.monotonic()
        if self._heartbeat.may_ride(queue, now):
            self._slots.measure(now)
            self._beat_to(queue, now)

    def _credit(self) -> int:
        """The free slots, divided among the schedulers, since each of them spends its share."""
        if self._results.full or self._heartbeat.doubts(self._clock.monotonic()):
            return 0
        wished = self._slots.wished(self._claims.open)
        return -(-wished // max(1, len(self._heartbeat.schedulers)))

    def _give_back_late(self, now: float) -> None:
        while self._waiting and now - self._waiting[0][1].taken > self.settings.start_seconds:
            self._slots.waiting -= 1
            self._give_back(*self._waiting.popleft())

    def _take_new_name_if_due(self, now: float) -> None:
        """A new id after so many grants, so that the seen ones do not fill the memory (R12)."""
        known = len(self._incarnations)
        if len(self._current.seen) >= self.settings.grants_max:
            self._current.retired = now
            self._current = Incarnation(self._ids.entropy(16).hex())
            self._incarnations[self._current.id] = self._current
        for one in [one for one in self._incarnations.values() if one.over(now, self.settings.retired_seconds)]:
            del self._incarnations[one.id]
            known = 0
        if known != len(self._incarnations) and self._mail is not None:
            self._mail.listen_to(self._mail_queues())
            self._beat(now)

    def _mail_queues(self) -> list[str]:
        return [*map(queues.incarnation, self._incarnations), queues.polls(self.settings.pool)]

    # ------------------------------------------------------------------------------------------- what comes in

    def _on_bodies(self, bodies: list[bytes]) -> None:
        for message in readable(bodies):
            self._handle(message)
        self._claim(self._clock.monotonic())
        self._idle.set()

    def _handle(self, message: Message) -> None:
        handler = self._handlers.get(type(message))
        if handler is not None:
            handler(message)

    def _on_offer(self, offer: Offer) -> None:
        if not self._stopping:
            self._claims.offer(offer, self._clock.monotonic())

    def _on_refusal(self, refusal: Refusal) -> None:
        self._claims.answered(refusal.token)

    def _on_ack(self, ack: Ack) -> None:
        for grant_id in ack.grants:
            for one in self._incarnations.values():
                holding = one.acknowledge(grant_id)
                if holding is not None:
                    self._results.forget(holding)
                    break

    def _on_poll(self, poll: Poll) -> None:
        self._heartbeat.hear(poll.reply_to, self._clock.monotonic())
        if not self._stopping:
            self._polls.look(poll)

    def _on_grant(self, grant: Grant) -> None:
        """Take a grant at most once per incarnation; one that was seen only tells who asks now (R12)."""
        now = self._clock.monotonic()
        self._heartbeat.hear(grant.reply_to, now)
        self._claims.answered(grant.token)
        one = self._incarnations.get(grant.incarnation)
        if one is None:
            return
        holding = one.take(grant, now)
        if holding is None:
            self._answer_again(one.held.get(grant.grant), grant, now)
        elif self._takes_grants(one, now):
            self._begin(one, holding)
        else:
            self._give_back(one, holding)

    def _answer_again(self, holding: Holding | None, grant: Grant, now: float) -> None:
        if holding is not None:
            holding.reply_to = grant.reply_to
            if holding.result is not None:
                self._results.send(holding, now)

    def _takes_grants(self, one: Incarnation, now: float) -> bool:
        return not (self._stopping or one.retired is not None or self._heartbeat.doubts(now) or self._slots.full)

    # --------------------------------------------------------------------------------------------- what goes out

    def _claim(self, now: float) -> None:
        """Claim offers as far as there are slots, and hear of more only while there are."""
        if not self._stopping and not self._results.full and not self._heartbeat.doubts(now):
            while self._claims.waiting and self._slots.wished(self._claims.open) > 0:
                offer = self._claims.claim(now)
                if offer is not None:
                    self._heartbeat.hear(offer.reply_to, now)
                    place = (offer.execution_id, offer.shard, offer.path, offer.token)
                    self._outbox.put(offer.reply_to, Claim(*place, self._current.id))
        self._hear_offers()

    def _hear_offers(self) -> None:
        hears = (
            not self._stopping
            and not self._results.full
            and self._claims.waiting < self.settings.slots
            and self._slots.wished(self._claims.open) > 0
        )
        if hears != self._hears_offers and self._offers is not None:
            self._hears_offers = hears
            self._offers.listen_to([queues.offers(self.settings.pool)] if hears else [])

    def _begin(self, one: Incarnation, holding: Holding) -> None:
        if self._slots.free:
            self._slots.running += 1
            holding.task = self._loop.create_task(self._attempt(one, holding))
        else:
            self._slots.waiting += 1
            self._waiting.append((one, holding))

    async def _attempt(self, one: Incarnation, holding: Holding) -> None:
        job, begun = holding.grant.job, self._clock.monotonic()
        self._observer.begun()
        try:
            ending = await attempt.run(job, self._integrations, begun - holding.taken)
        except asyncio.CancelledError:
            ending = attempt.LOST
        except Exception as problem:
            log.exception("an integration broke", extra={"resource": job.resource})
            ending = ("failed", None, TASK_FAILED, f"The worker could not make the call: {problem!r}", None)
        self._observer.ended(job.service or "lambda", ending[0], self._clock.monotonic() - begun)
        self._slots.ended()
        holding.task = None
        self._finish(holding, ending)
        self._begin_next()

    def _begin_next(self) -> None:
        while self._waiting and self._slots.free:
            self._slots.waiting -= 1
            self._begin(*self._waiting.popleft())
        if self._claims.waiting or not self._hears_offers:
            self._claim(self._clock.monotonic())
        if self._stopping:
            self._idle.set()

    def _give_back(self, one: Incarnation, holding: Holding) -> None:
        """It was never begun; the grant stays among the seen ones, so it never will be (R12)."""
        assert holding.grant.grant in one.seen
        self._finish(holding, attempt.GIVEN_BACK)

    def _finish(self, holding: Holding, ending: attempt.Ending) -> None:
        holding.end(*ending)
        self._results.keep(holding, self._clock.monotonic())
