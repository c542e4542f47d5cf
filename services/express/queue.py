"""The queue of asynchronous express starts: what waits, what each lane has in progress, and what is dead."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from services.express.start import ExpressStart


class ExpressQueue(Protocol):
    """Where asynchronous starts wait. A start is in exactly one place: waiting, in progress at one lane, or dead.

    Every method raises `services.runtime.faults.BrokerUnavailable` when the queue cannot be reached.
    """

    async def put(self, starts: Sequence[ExpressStart]) -> int:
        """Accept starts; returns how many wait now. Accepted means that the queue has them."""
        ...

    async def take(self, lane: str, count: int, wait_seconds: float) -> list[ExpressStart]:
        """Up to `count` starts for this lane, this delivery counted; waits a while when there is none."""
        ...

    async def strays(self, lane: str, known: Collection[bytes]) -> list[ExpressStart]:
        """What the lane was given but does not know, because the answer to a `take` was lost."""
        ...

    async def done(self, lane: str, ids: Sequence[bytes]) -> None:
        """These executions have ended and their log is handed over."""
        ...

    async def bury(self, lane: str, starts: Sequence[ExpressStart]) -> None:
        """These will not be tried again: move them to the dead letters."""
        ...

    async def give_up(self, lane: str, ids: Sequence[bytes]) -> None:
        """The lane could not run these: back to where they waited; the delivery counts."""
        ...

    async def hand_back(self, lane: str) -> int:
        """The lane stops: all that it has goes back to where it waited, as if never delivered; returns how many."""
        ...

    async def beat(self, lane: str, lease_seconds: float) -> None:
        """Say that the lane lives."""
        ...

    async def return_orphans(self) -> int:
        """Put back what silent lanes had in progress; returns how many starts."""
        ...

    async def length(self) -> int:
        """How many starts wait."""
        ...

    async def dead(self, count: int) -> list[ExpressStart]:
        """The oldest dead letters."""
        ...

    async def requeue_dead(self) -> int:
        """Give every dead letter another round of deliveries; returns how many."""
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...


def on_redis(broker_url: str) -> bool:
    """Whether a broker URL is one of a Redis server."""
    return broker_url.startswith(("redis://", "rediss://"))


def open_express_queue(broker_url: str, *, fsync: bool = False) -> ExpressQueue:
    """The queue that belongs to a broker URL: in its Redis server, else inside the process."""
    if on_redis(broker_url):
        from services.express.redis_queue import RedisQueue

        return RedisQueue(broker_url, fsync=fsync)
    from services.express.memory_queue import MemoryQueue

    return MemoryQueue()
