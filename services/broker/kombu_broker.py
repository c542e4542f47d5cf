"""The broker on any server that kombu speaks, Redis first of all: one thread sends, one per subscription receives."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import Final

from services.broker.interface import Subscription
from services.broker.listener import Listener
from services.broker.memory_broker import MemoryBroker
from services.broker.publisher import Publisher
from services.broker.traffic import Traffic
from services.runtime.clock import Clock, SystemClock
from services.runtime.ids import Ids, SystemIds

CLOSE_SECONDS: Final = 5.0
SWITCH_SECONDS: Final = 0.0005
"""How long a busy event loop may keep the sending and receiving threads waiting for the interpreter.

With Python's 5 ms a loop at full load made a round trip take 700 ms (measured), because a thread asks several times.
"""


class KombuBroker:
    """Queues on a server. Create it on the event loop that shall get the bodies."""

    def __init__(
        self, url: str, loop: asyncio.AbstractEventLoop, clock: Clock | None = None, ids: Ids | None = None
    ) -> None:
        """Start connecting; sending and subscribing work at once, whether or not the server is there."""
        sys.setswitchinterval(min(SWITCH_SECONDS, sys.getswitchinterval()))
        self.traffic = Traffic()
        self._url = url
        self._loop = loop
        self._clock = clock or SystemClock()
        self._ids = ids or SystemIds()
        self._publisher = Publisher(url, loop, self._clock, self.traffic)
        self._listeners: list[Listener] = []

    def send(self, queue: str, body: bytes) -> None:
        """Send without waiting; what cannot be sent is dropped and counted."""
        self._publisher.send(queue, body)

    def subscribe(self, queues: Sequence[str], handler: Callable[[list[bytes]], None]) -> Subscription:
        """Call `handler` on the event loop with every body that is ready, oldest first."""
        listener = Listener(
            self._url,
            queues,
            handler,
            name=self._ids.entropy(8).hex(),
            loop=self._loop,
            clock=self._clock,
            traffic=self.traffic,
            send=self.send,
            closed=self._listeners.remove,
        )
        self._listeners.append(listener)
        return listener

    async def length(self, queue: str) -> int:
        """How many messages wait in the queue; one message may carry several bodies.

        Raises:
            BrokerUnavailable: the server cannot be reached.
        """
        return await self._publisher.length(queue)

    def connected_seconds(self) -> float:
        """How long all connections have been up without a break; 0 while one is down."""
        uptimes = [self._publisher.uptime, *(listener.uptime for listener in self._listeners)]
        return min(uptime.seconds() for uptime in uptimes)

    async def close(self) -> None:
        """Stop listening, send what is left, disconnect."""
        await asyncio.gather(*(listener.close() for listener in list(self._listeners)))
        await self._publisher.close(CLOSE_SECONDS)


def open_broker(url: str, clock: Clock | None = None, ids: Ids | None = None) -> KombuBroker | MemoryBroker:
    """Open the broker of a URL: "" or `memory://[NAME]` in this process, else `redis://...` or another of kombu's."""
    loop = asyncio.get_running_loop()
    if not url or url.startswith("memory://"):
        return MemoryBroker(url or "memory://", loop, clock)
    return KombuBroker(url, loop, clock, ids)
