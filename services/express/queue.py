"""The queue of asynchronous express starts: what waits, what each lane has in progress, and what is dead.

A start is in exactly one place: the waiting list, one lane's in-progress hash, or the dead list. It moves by one
script on the Redis server, so no crash in between can lose it; at worst it is delivered twice. The Redis client is
imported by the queue that needs it: a server without Redis starts sooner.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol, cast

import msgspec

from services.express.start import ExpressStart
from services.runtime.faults import BrokerUnavailable

_PREFIX: Final = "stepwell.express"
_WAITING: Final = f"{_PREFIX}.waiting"
_DEAD: Final = f"{_PREFIX}.dead"
_LANES: Final = f"{_PREFIX}.lanes"

_TAKE: Final = """
local taken = redis.call('RPOP', KEYS[1], ARGV[1])
if not taken then return {} end
for _, body in ipairs(taken) do
  local id = string.sub(body, 1, 16)
  redis.call('HSET', KEYS[2], id, body)
end
return taken
"""
_RETURN: Final = """
local held = redis.call('HVALS', KEYS[1])
for _, body in ipairs(held) do redis.call('RPUSH', KEYS[2], body) end
redis.call('DEL', KEYS[1])
redis.call('SREM', KEYS[3], ARGV[1])
return #held
"""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(ExpressStart).decode


class ExpressQueue(Protocol):
    """Where asynchronous starts wait."""

    async def put(self, starts: Sequence[ExpressStart]) -> int:
        """Accept starts; returns how many wait now. Accepted means that the queue has them."""
        ...

    async def take(self, lane: str, count: int, wait_seconds: float) -> list[ExpressStart]:
        """Up to `count` starts for this lane, their deliveries counted; waits a while when there is none."""
        ...

    async def done(self, lane: str, ids: Sequence[bytes]) -> None:
        """These executions have ended and their log is handed over."""
        ...

    async def bury(self, lane: str, starts: Sequence[ExpressStart]) -> None:
        """Delivered too often: put them into the dead-letter queue."""
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


class MemoryQueue:
    """Starts inside one process; they end with it, which `stepwell up` without a Redis server accepts and says."""

    def __init__(self) -> None:
        """Empty."""
        self._waiting: deque[ExpressStart] = deque()
        self._dead: deque[ExpressStart] = deque()
        self._arrived = asyncio.Event()

    async def put(self, starts: Sequence[ExpressStart]) -> int:
        """Keep them."""
        self._waiting.extend(starts)
        self._arrived.set()
        return len(self._waiting)

    async def take(self, lane: str, count: int, wait_seconds: float) -> list[ExpressStart]:
        """The oldest ones; waits for the next when there is none."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        taken = [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]
        for start in taken:
            start.deliveries += 1
        return taken

    async def done(self, lane: str, ids: Sequence[bytes]) -> None:
        """Nothing is held for a lane here."""

    async def bury(self, lane: str, starts: Sequence[ExpressStart]) -> None:
        """Keep them apart."""
        self._dead.extend(starts)

    async def beat(self, lane: str, lease_seconds: float) -> None:
        """The only lane lives as long as the process."""

    async def return_orphans(self) -> int:
        """There is no other lane."""
        return 0

    async def length(self) -> int:
        """How many wait."""
        return len(self._waiting)

    async def dead(self, count: int) -> list[ExpressStart]:
        """The oldest dead letters."""
        return list(self._dead)[:count]

    async def requeue_dead(self) -> int:
        """Start counting their deliveries anew."""
        count = len(self._dead)
        while self._dead:
            start = self._dead.popleft()
            start.deliveries = 0
            await self.put([start])
        return count

    async def close(self) -> None:
        """Nothing to disconnect."""


class RedisQueue:
    """Starts in a Redis server, shared by every API process and every lane.

    A body is the 16 bytes of the execution's id followed by the packed start, so that the scripts can name it.
    """

    def __init__(self, url: str) -> None:
        """Connect when first used; every call raises BrokerUnavailable when Redis cannot be reached."""
        import redis.asyncio

        self._redis: Any = redis.asyncio.Redis.from_url(url, socket_timeout=30, socket_connect_timeout=5)
        self._take_script = self._redis.register_script(_TAKE)
        self._return_script = self._redis.register_script(_RETURN)

    async def put(self, starts: Sequence[ExpressStart]) -> int:
        """One LPUSH for all of them.

        Raises:
            BrokerUnavailable: Redis did not take them.
        """
        with _reachable():
            return cast(int, await self._redis.lpush(_WAITING, *(_body(start) for start in starts)))

    async def take(self, lane: str, count: int, wait_seconds: float) -> list[ExpressStart]:
        """Move starts from the waiting list to the lane's hash in one step on the server."""
        with _reachable():
            bodies = await self._take_script(keys=[_WAITING, _held(lane)], args=[count])
            if not bodies:
                # A blocking look that takes nothing: the last element moves to where it was.
                await self._redis.blmove(_WAITING, _WAITING, wait_seconds, "RIGHT", "RIGHT")
                bodies = await self._take_script(keys=[_WAITING, _held(lane)], args=[count])
            starts = [_decode(body[16:]) for body in bodies]
            if starts:
                for start in starts:
                    start.deliveries += 1
                await self._redis.hset(_held(lane), mapping={start.id: _body(start) for start in starts})
            return starts

    async def done(self, lane: str, ids: Sequence[bytes]) -> None:
        """Forget them."""
        with _reachable():
            await self._redis.hdel(_held(lane), *ids)

    async def bury(self, lane: str, starts: Sequence[ExpressStart]) -> None:
        """Dead list first, then out of the hash: a crash in between leaves a copy, never a loss."""
        with _reachable():
            await self._redis.lpush(_DEAD, *(_body(start) for start in starts))
            await self.done(lane, [start.id for start in starts])

    async def beat(self, lane: str, lease_seconds: float) -> None:
        """A key that expires says that the lane lives; the set of lanes says whose hashes to look at."""
        with _reachable():
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.sadd(_LANES, lane)
            pipeline.set(_life(lane), b"1", px=int(1000 * lease_seconds))
            await pipeline.execute()

    async def return_orphans(self) -> int:
        """Give back what lanes without a living key hold."""
        with _reachable():
            returned = 0
            for raw in await self._redis.smembers(_LANES):
                lane = raw.decode()
                if not await self._redis.exists(_life(lane)):
                    returned += await self._return_script(keys=[_held(lane), _WAITING, _LANES], args=[lane])
            return returned

    async def length(self) -> int:
        """How many wait."""
        with _reachable():
            return cast(int, await self._redis.llen(_WAITING))

    async def dead(self, count: int) -> list[ExpressStart]:
        """The oldest dead letters."""
        with _reachable():
            return [_decode(body[16:]) for body in reversed(await self._redis.lrange(_DEAD, -count, -1))]

    async def requeue_dead(self) -> int:
        """Move them back one by one, their deliveries set to 0."""
        with _reachable():
            count = 0
            while (body := await self._redis.rpop(_DEAD)) is not None:
                start = _decode(body[16:])
                start.deliveries = 0
                await self.put([start])
                count += 1
            return count

    async def close(self) -> None:
        """Disconnect."""
        await self._redis.aclose()


def open_express_queue(broker_url: str) -> ExpressQueue:
    """The queue that belongs to a broker URL: Redis for `redis://` and `rediss://`, else inside the process."""
    return RedisQueue(broker_url) if broker_url.startswith(("redis://", "rediss://")) else MemoryQueue()


def _body(start: ExpressStart) -> bytes:
    return start.id + _encode(start)


def _held(lane: str) -> str:
    return f"{_PREFIX}.held.{lane}"


def _life(lane: str) -> str:
    return f"{_PREFIX}.life.{lane}"


@contextmanager
def _reachable() -> Iterator[None]:
    from redis.exceptions import RedisError

    try:
        yield
    except RedisError as error:
        raise BrokerUnavailable(str(error)) from error
