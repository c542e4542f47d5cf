"""The queue in a Redis server, shared by every API process and every lane.

A start is in the waiting list, in one lane's hash, or in the dead list, and moves by one script on the server, so no
crash in between can lose it; at worst it is delivered twice. A lane lives as long as a key that expires; any lane
returns what a silent one held. The client never repeats a command by itself: a repeated `take` would hide what the
first one took.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, cast

import msgspec
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from services.express.start import ExpressStart, pack_start, unpack_start
from services.runtime.faults import BrokerUnavailable

# One hash tag for all keys: the scripts need them on one node of a Redis Cluster.
_PREFIX: Final = "{stepwell.express}"
_WAITING: Final = f"{_PREFIX}.waiting"
_DEAD: Final = f"{_PREFIX}.dead"
_LANES: Final = f"{_PREFIX}.lanes"
_ANSWER_SECONDS: Final = 5.0
_BLOCKED_SECONDS_MAX: Final = 10.0
_FSYNC_MS: Final = 2_000

_TAKE: Final = """
local taken = redis.call('RPOP', KEYS[1], ARGV[1])
if not taken then return {} end
for number, body in ipairs(taken) do
  local deliveries = math.min(string.byte(body, 17) + 1, 255)
  body = string.sub(body, 1, 16) .. string.char(deliveries) .. string.sub(body, 18)
  redis.call('HSET', KEYS[2], string.sub(body, 1, 16), body)
  taken[number] = body
end
return taken
"""
_RETURN_ORPHANS: Final = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local held = redis.call('HVALS', KEYS[2])
for _, body in ipairs(held) do redis.call('RPUSH', KEYS[3], body) end
redis.call('DEL', KEYS[2])
redis.call('SREM', KEYS[4], ARGV[1])
return #held
"""
_HAND_BACK: Final = """
local held = redis.call('HVALS', KEYS[2])
for _, body in ipairs(held) do
  local deliveries = math.max(string.byte(body, 17) - 1, 0)
  local returns = math.min(string.byte(body, 18) + 1, 255)
  redis.call('RPUSH', KEYS[3],
             string.sub(body, 1, 16) .. string.char(deliveries, returns) .. string.sub(body, 19))
end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('SREM', KEYS[4], ARGV[1])
return #held
"""
_GIVE_UP: Final = """
for _, id in ipairs(ARGV) do
  local body = redis.call('HGET', KEYS[1], id)
  if body then
    redis.call('RPUSH', KEYS[2], body)
    redis.call('HDEL', KEYS[1], id)
  end
end
"""
_REQUEUE: Final = """
local count = 0
while true do
  local body = redis.call('RPOP', KEYS[1])
  if not body then return count end
  local returns = math.min(string.byte(body, 18) + 1, 255)
  redis.call('LPUSH', KEYS[2], string.sub(body, 1, 16) .. string.char(0, returns) .. string.sub(body, 19))
  count = count + 1
end
"""


class RedisQueue:
    """Starts in Redis. Every call raises BrokerUnavailable when Redis cannot be reached; connects when first used."""

    def __init__(self, url: str, *, fsync: bool = False) -> None:
        """`fsync`: a start is accepted when Redis has written it to disk."""
        self._redis = _client(url, _ANSWER_SECONDS)
        self._blocking = _client(url, _BLOCKED_SECONDS_MAX)
        self._fsync = fsync
        self._take = self._redis.register_script(_TAKE)
        self._return_orphans = self._redis.register_script(_RETURN_ORPHANS)
        self._hand_back = self._redis.register_script(_HAND_BACK)
        self._give_up = self._redis.register_script(_GIVE_UP)
        self._requeue = self._redis.register_script(_REQUEUE)

    async def put(self, starts: Sequence[ExpressStart]) -> int:
        """One LPUSH for all of them."""
        bodies = [pack_start(start) for start in starts]
        with _reaching_redis():
            if not self._fsync:
                return cast(int, await self._redis.lpush(_WAITING, *bodies))
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.lpush(_WAITING, *bodies)
                pipeline.execute_command("WAITAOF", 1, 0, _FSYNC_MS)
                length, (written, _) = await pipeline.execute()
        if not written:
            raise BrokerUnavailable("Redis did not write to its append-only file; express_fsync needs appendonly yes")
        return cast(int, length)

    async def take(self, lane: str, count: int, wait_seconds: float) -> list[ExpressStart]:
        """Move starts from the waiting list to the lane's hash in one step on the server."""
        with _reaching_redis():
            bodies = await self._take(keys=[_WAITING, _held(lane)], args=[count])
            if not bodies:
                # A blocking look that takes nothing: the last element moves to where it was.
                await self._blocking.blmove(_WAITING, _WAITING, wait_seconds, "RIGHT", "RIGHT")
                bodies = await self._take(keys=[_WAITING, _held(lane)], args=[count])
        return _starts(bodies)

    async def strays(self, lane: str, known: Collection[bytes]) -> list[ExpressStart]:
        """What is in the lane's hash and not known."""
        with _reaching_redis():
            held = await self._redis.hgetall(_held(lane))
        return _starts([body for key, body in held.items() if key not in known])

    async def done(self, lane: str, ids: Sequence[bytes]) -> None:
        """Forget them."""
        with _reaching_redis():
            await self._redis.hdel(_held(lane), *ids)

    async def bury(self, lane: str, starts: Sequence[ExpressStart]) -> None:
        """Into the dead list and out of the hash in one transaction."""
        with _reaching_redis():
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.lpush(_DEAD, *map(pack_start, starts))
                pipeline.hdel(_held(lane), *[start.id for start in starts])
                await pipeline.execute()

    async def give_up(self, lane: str, ids: Sequence[bytes]) -> None:
        """First in line again."""
        with _reaching_redis():
            await self._give_up(keys=[_held(lane), _WAITING], args=list(ids))

    async def hand_back(self, lane: str) -> int:
        """First in line again, the delivery not counted; the lane is gone."""
        with _reaching_redis():
            return cast(int, await self._hand_back(keys=_keys_of(lane), args=[lane]))

    async def beat(self, lane: str, lease_seconds: float) -> None:
        """A key that expires says that the lane lives; the set of lanes says whose hashes to look at."""
        with _reaching_redis():
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.sadd(_LANES, lane)
                pipeline.set(_life(lane), b"1", px=int(1000 * lease_seconds))
                await pipeline.execute()

    async def return_orphans(self) -> int:
        """Give back what lanes without a living key hold."""
        returned = 0
        with _reaching_redis():
            for raw in await self._redis.smembers(_LANES):
                lane = raw.decode()
                returned += await self._return_orphans(keys=_keys_of(lane), args=[lane])
        return returned

    async def length(self) -> int:
        """How many wait."""
        with _reaching_redis():
            return cast(int, await self._redis.llen(_WAITING))

    async def dead(self, count: int) -> list[ExpressStart]:
        """The oldest dead letters."""
        with _reaching_redis():
            return _starts(reversed(await self._redis.lrange(_DEAD, -count, -1)))

    async def requeue_dead(self) -> int:
        """Move them back in one step, their deliveries set to 0."""
        with _reaching_redis():
            return cast(int, await self._requeue(keys=[_DEAD, _WAITING]))

    async def close(self) -> None:
        """Disconnect."""
        await self._redis.aclose()
        await self._blocking.aclose()


def _client(url: str, answer_seconds: float) -> Any:
    return redis.asyncio.Redis.from_url(
        url, socket_timeout=answer_seconds, socket_connect_timeout=_ANSWER_SECONDS, retry=Retry(NoBackoff(), 0)
    )


def _starts(bodies: Any) -> list[ExpressStart]:
    """Read them; what a newer release has put there cannot be read and stays where it is."""
    starts = []
    for body in bodies:
        try:
            starts.append(unpack_start(body))
        except msgspec.DecodeError:
            continue
    return starts


def _held(lane: str) -> str:
    return f"{_PREFIX}.held.{lane}"


def _life(lane: str) -> str:
    return f"{_PREFIX}.life.{lane}"


def _keys_of(lane: str) -> list[str]:
    return [_life(lane), _held(lane), _WAITING, _LANES]


@contextmanager
def _reaching_redis() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise BrokerUnavailable(str(error) or type(error).__name__) from error
