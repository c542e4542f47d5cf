"""Open attempts of activities, and the API nodes that wish for them on behalf of GetActivityTask.

An attempt is offered to one node at a time, which claims it while its caller still waits; only then the lease is
committed. A wish is forgotten after a while, and an offer that nobody claims goes to the next wish.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from services.broker.messages import Offer, Wish
from services.runtime.clock import Clock
from services.scheduler.outbox import Outbox
from services.scheduler.resident import Resident

WISH_SECONDS: Final = 15.0
CLAIM_SECONDS: Final = 5.0


class _Activity:
    """`offered` holds, oldest first, when an offer went out and for which attempt."""

    __slots__ = ("offered", "open", "wishes")

    def __init__(self) -> None:
        self.open: deque[tuple[Resident, str, bytes]] = deque()
        self.offered: deque[tuple[float, tuple[Resident, str, bytes]]] = deque()
        self.wishes: dict[str, tuple[int, float]] = {}


class Activities:
    """By activity ARN: attempts that nobody has leased, and wishes by the queue of the API node."""

    def __init__(self, outbox: Outbox, clock: Clock, reply_to: str) -> None:
        """Nothing is open, nobody wishes."""
        self._outbox = outbox
        self._clock = clock
        self._reply_to = reply_to
        self._activities: dict[str, _Activity] = {}

    def put(self, arn: str, resident: Resident, path: str, token: bytes) -> None:
        """An attempt is open and unleased."""
        self._of(arn).open.append((resident, path, token))

    def wish(self, wish: Wish) -> None:
        """A node says how many of its callers wait for each activity; that replaces what it said before."""
        until = self._clock.monotonic() + WISH_SECONDS
        for arn, count in wish.activities:
            if count > 0:
                self._of(arn).wishes[wish.reply_to] = (count, until)
            elif arn in self._activities:
                self._activities[arn].wishes.pop(wish.reply_to, None)

    def flush(self) -> None:
        """Offer what is open to those who wish, in order."""
        if not self._activities:
            return
        now = self._clock.monotonic()
        for arn, activity in list(self._activities.items()):
            self._offer_again(activity, now)
            for node, (_, until) in list(activity.wishes.items()):
                if until <= now:
                    del activity.wishes[node]
            while activity.open and activity.wishes:
                self._offer(arn, activity, now)
            if not (activity.open or activity.offered or activity.wishes):
                del self._activities[arn]

    def _offer_again(self, activity: _Activity, now: float) -> None:
        """What was offered and neither leased nor claimed in time is open again."""
        while activity.offered and activity.offered[0][0] <= now - CLAIM_SECONDS:
            entry = activity.offered.popleft()[1]
            if _open(entry):
                activity.open.append(entry)

    def _offer(self, arn: str, activity: _Activity, now: float) -> None:
        entry = activity.open.popleft()
        if not _open(entry):
            return
        resident, path, token = entry
        node, (count, until) = next(iter(activity.wishes.items()))
        del activity.wishes[node]
        if count > 1:
            activity.wishes[node] = (count - 1, until)  # to the end: nodes take turns
        activity.offered.append((now, entry))
        self._outbox.put(node, Offer(resident.key, resident.shard, path, token, self._reply_to, arn))

    def _of(self, arn: str) -> _Activity:
        found = self._activities.get(arn)
        if found is None:
            found = self._activities[arn] = _Activity()
        return found


def _open(entry: tuple[Resident, str, bytes]) -> bool:
    resident, path, token = entry
    if resident.gone:
        return False
    attempt = resident.attempt(path, token)
    return attempt is not None and not attempt.bound
