"""Open, unbound attempts by pool: bound where a slot is known to be free, offered to everybody else, never in floods.

Resent offers are what can make an overload permanent, so a pool's queue holds at most twice its slots (R9); the rest
waits here, in order, and is bound as soon as results and beats bring credit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from services.broker import queues
from services.broker.interface import Broker
from services.broker.messages import Offer
from services.runtime.clock import Clock
from services.scheduler.incarnations import Incarnations
from services.scheduler.outbox import Outbox
from services.scheduler.resident import Resident


class _Pool:
    __slots__ = ("backlog", "name", "offered", "queued")

    def __init__(self, name: str) -> None:
        self.name = name
        self.backlog: deque[tuple[Resident, str, bytes]] = deque()
        self.offered = 0
        self.queued = 0


class Offers:
    """The backlog of every pool.

    Args:
        reply_to: where claims go.
        bind: called with an attempt and the incarnation that has a slot for it.
        offered: called when an offer went out, to be repeated some day.
    """

    def __init__(
        self,
        outbox: Outbox,
        incarnations: Incarnations,
        clock: Clock,
        reply_to: str,
        offers_min: int,
        bind: Callable[[Resident, str, bytes, str], None],
        offered: Callable[[Resident, str], None],
    ) -> None:
        """Nothing is open."""
        self._outbox = outbox
        self._incarnations = incarnations
        self._clock = clock
        self._reply_to = reply_to
        self._offers_min = offers_min
        self._bind = bind
        self._on_offered = offered
        self._pools: dict[str, _Pool] = {}
        self._offered: dict[tuple[bytes, str], _Pool] = {}

    def put(self, pool: str, resident: Resident, path: str, token: bytes) -> None:
        """An attempt is open and unbound."""
        found = self._pools.get(pool)
        if found is None:
            found = self._pools[pool] = _Pool(pool)
        found.backlog.append((resident, path, token))

    def withdraw(self, resident: Resident, path: str) -> None:
        """An offer was answered, or is to be repeated: it no longer counts as being on the way."""
        if self._offered:
            pool = self._offered.pop((resident.key, path), None)
            if pool is not None:
                pool.offered -= 1

    def flush(self) -> None:
        """Bind and offer as much as the pools take."""
        for pool in self._pools.values():
            if pool.backlog:
                self._flush(pool, self._clock.monotonic())

    async def look_at_queues(self, broker: Broker) -> None:
        """Learn how long the queues are; others put offers into them as well."""
        for pool in list(self._pools.values()):
            if pool.backlog or pool.offered:
                pool.queued = await broker.length(queues.offers(pool.name))
            else:
                pool.queued = 0

    def _flush(self, pool: _Pool, now: float) -> None:
        backlog = pool.backlog
        while backlog:
            resident, path, token = backlog[0]
            if _open(resident, path, token):
                incarnation = self._incarnations.take_credit(pool.name, now)
                if incarnation is None:
                    break
                self._bind(resident, path, token, incarnation)
            backlog.popleft()
        room = max(self._offers_min, 2 * self._incarnations.slots(pool.name, now)) - max(pool.offered, pool.queued)
        while backlog and room > 0:
            resident, path, token = backlog.popleft()
            if _open(resident, path, token):
                self._offer(pool, resident, path, token)
                room -= 1

    def _offer(self, pool: _Pool, resident: Resident, path: str, token: bytes) -> None:
        place = (resident.key, path)
        if place not in self._offered:
            self._offered[place] = pool
            pool.offered += 1
        self._outbox.put(queues.offers(pool.name), Offer(resident.key, resident.shard, path, token, self._reply_to))
        self._on_offered(resident, path)


def _open(resident: Resident, path: str, token: bytes) -> bool:
    if resident.gone:
        return False
    attempt = resident.attempt(path, token)
    return attempt is not None and not attempt.bound
