"""Incarnations of workers as this scheduler knows them: their slot credit (R11) and their silence (R15)."""

from __future__ import annotations

from collections import deque
from typing import Final

from services.broker.messages import Beat

_IN_TRANSIT_SECONDS: Final = 0.25


class Incarnation:
    """One life of one worker process.

    Attributes:
        credit: slots it may be given work for without being asked.
        slots: the most free slots it has ever told, about its size.
        heard: when it was heard of last, monotonic seconds.
        sent: when the newest grants went out, for the credit that a beat has not seen yet.
        listed: it stands in the line of its pool.
    """

    __slots__ = ("credit", "heard", "id", "listed", "pool", "sent", "slots", "stopping")

    def __init__(self, id: str, now: float) -> None:
        """Known by name only."""
        self.id = id
        self.pool = ""
        self.credit = 0
        self.slots = 0
        self.heard = now
        self.sent: deque[float] = deque()
        self.stopping = False
        self.listed = False


class Incarnations:
    """Everyone that was heard of, or that a committed start record names."""

    def __init__(self, worker_lease_seconds: float) -> None:
        """Nobody yet."""
        self._lease = worker_lease_seconds
        self._known: dict[str, Incarnation] = {}
        self._lines: dict[str, deque[Incarnation]] = {}

    def __contains__(self, id: str) -> bool:
        """Whether it is known."""
        return id in self._known

    def beat(self, beat: Beat, now: float) -> None:
        """It lives and tells its free slots; grants that it cannot have seen yet are subtracted."""
        one = self._heard(beat.incarnation, now)
        one.pool = beat.pool
        one.stopping = beat.stopping
        one.slots = max(one.slots, beat.free_slots)
        while one.sent and one.sent[0] < now - _IN_TRANSIT_SECONDS:
            one.sent.popleft()
        one.credit = 0 if beat.stopping else max(0, beat.free_slots - len(one.sent))
        self._list(one)

    def named(self, id: str, now: float) -> None:
        """A committed start record names it: its silence counts from now on."""
        if id not in self._known:
            self._known[id] = Incarnation(id, now)

    def slot_free(self, id: str, now: float) -> None:
        """A result came: the slot is free again."""
        one = self._heard(id, now)
        if one.sent:
            one.sent.popleft()
        if one.pool and not one.stopping:
            one.credit = min(one.credit + 1, max(one.slots, 1))
            self._list(one)

    def take_credit(self, pool: str, now: float) -> str | None:
        """An incarnation of the pool that has a free slot, each in turn; None if nobody is known to have one."""
        line = self._lines.get(pool)
        while line:
            one = line.popleft()
            if one.credit > 0 and now - one.heard < self._lease / 2:
                one.credit -= 1
                one.sent.append(now)
                line.append(one)
                return one.id
            one.listed = False
        return None

    def slots(self, pool: str, now: float) -> int:
        """How many slots the living incarnations of a pool have, as far as they told."""
        return sum(one.slots for one in self._known.values() if one.pool == pool and now - one.heard < self._lease)

    def silent(self, now: float) -> list[str]:
        """Those not heard of for the lease."""
        return [one.id for one in self._known.values() if now - one.heard >= self._lease]

    def forget(self, id: str) -> None:
        """It is lost."""
        one = self._known.pop(id, None)
        if one is not None:
            one.credit = 0

    def excuse(self, now: float) -> None:
        """We could not listen: nobody's silence before now counts."""
        for one in self._known.values():
            one.heard = now

    def _heard(self, id: str, now: float) -> Incarnation:
        one = self._known.get(id)
        if one is None:
            one = self._known[id] = Incarnation(id, now)
        one.heard = now
        return one

    def _list(self, one: Incarnation) -> None:
        if one.credit > 0 and not one.listed:
            one.listed = True
            self._lines.setdefault(one.pool, deque()).append(one)
