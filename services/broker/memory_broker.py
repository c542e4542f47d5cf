"""The broker inside one process: kombu's memory transport, taught to call when something arrives instead of polling.

Nothing here blocks, so it runs on the event loop without threads. `memory://NAME` gives queues of its own to each name.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from queue import Queue
from typing import Any, Final

from kombu import Connection, Consumer, Producer
from kombu.transport import memory

from services.broker.connection import ANONYMOUS, queue_of
from services.broker.frames import CONTENT_ENCODING, CONTENT_TYPE
from services.broker.interface import Subscription
from services.broker.traffic import Traffic
from services.broker.uptime import Uptime
from services.runtime.clock import Clock, SystemClock

QUEUE_MESSAGES_MAX: Final = 100_000
DELIVERY_BODIES_MAX: Final = 1_000


class _Space:
    """The queues of one `memory://NAME`, and who wants to be called when a body is put into which."""

    def __init__(self) -> None:
        self.queues: dict[str, Queue[Any]] = {}
        self.waiting: defaultdict[str, set[Callable[[], None]]] = defaultdict(set)


_spaces: defaultdict[str, _Space] = defaultdict(_Space)


class CallingChannel(memory.Channel):  # type: ignore[misc]
    """kombu's channel in memory, with queues by name of the space and a call for every arrival."""

    def __init__(self, connection: Any, **kwargs: Any) -> None:
        """Find the space."""
        super().__init__(connection, **kwargs)
        self._space = _spaces[connection.client.hostname or ""]
        self.queues = self._space.queues

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:
        super()._put(queue, message, **kwargs)
        for call in tuple(self._space.waiting.get(queue, ())):
            call()

    def close(self) -> None:
        """Leave the queues to the others."""
        super().close()
        self.queues = {}


class CallingTransport(memory.Transport):  # type: ignore[misc]
    """kombu's transport in memory, with our channel."""

    Channel = CallingChannel


def _connect(url: str) -> Connection:
    return Connection(url, transport=CallingTransport, transport_options={"body_encoding": None})


class MemoryBroker:
    """Queues in this process."""

    def __init__(self, url: str, loop: asyncio.AbstractEventLoop, clock: Clock | None = None) -> None:
        """Use it on that loop."""
        self.traffic = Traffic()
        self._url = url
        self._loop = loop
        self._connection = _connect(url)
        self._channel = self._connection.channel()
        self._space = _spaces[self._connection.hostname or ""]
        self._producer = Producer(self._channel, exchange=ANONYMOUS, auto_declare=False)
        self._subscriptions: list[MemorySubscription] = []
        self._uptime = Uptime(clock or SystemClock())
        self._uptime.up()

    def send(self, queue: str, body: bytes) -> None:
        """Put the body into the queue; a queue that is full drops it."""
        waiting = self._space.queues.get(queue)
        if waiting is not None and waiting.qsize() >= QUEUE_MESSAGES_MAX:
            self.traffic.dropped += 1
            return
        self._producer.publish(body, routing_key=queue, content_type=CONTENT_TYPE, content_encoding=CONTENT_ENCODING)
        self.traffic.sent += 1

    def subscribe(self, queues: Sequence[str], handler: Callable[[list[bytes]], None]) -> Subscription:
        """Call `handler` on the event loop with every body that is ready, oldest first."""
        subscription = MemorySubscription(self._url, self._loop, self._space, handler, self.traffic)
        subscription.listen_to(queues)
        self._subscriptions.append(subscription)
        return subscription

    async def length(self, queue: str) -> int:
        """How many bodies wait in the queue."""
        waiting = self._space.queues.get(queue)
        return 0 if waiting is None else waiting.qsize()

    def connected_seconds(self) -> float:
        """Seconds since it was opened."""
        return self._uptime.seconds()

    async def close(self) -> None:
        """Stop listening."""
        for subscription in self._subscriptions:
            await subscription.close()
        self._connection.release()
        self._uptime.down()


class MemorySubscription:
    """One listener on some queues."""

    def __init__(
        self,
        url: str,
        loop: asyncio.AbstractEventLoop,
        space: _Space,
        handler: Callable[[list[bytes]], None],
        traffic: Traffic,
    ) -> None:
        """Listen to nothing yet."""
        self._loop = loop
        self._thread = threading.get_ident()
        self._space = space
        self._handler = handler
        self._traffic = traffic
        self._names: tuple[str, ...] = ()
        self._bodies: list[bytes] = []
        self._delivery_due = False
        self._closed = False
        self._connection = _connect(url)
        self._consumer = Consumer(self._connection.channel(), on_message=self._on_message, no_ack=True)

    def listen_to(self, queues: Sequence[str]) -> None:
        """Replace the queues it listens to; nothing happens once it is closed."""
        if self._closed:
            return
        for name in self._names:
            if name not in queues:
                self._space.waiting[name].discard(self._call)
                self._consumer.cancel_by_queue(name)
        for name in queues:
            if name not in self._names:
                self._space.waiting[name].add(self._call)
                self._consumer.add_queue(queue_of(name))
        self._names = tuple(queues)
        self._consumer.consume()
        self._call()

    async def close(self) -> None:
        """Stop listening; nothing is delivered afterwards."""
        if self._names:
            self.listen_to(())
        self._closed = True
        self._connection.release()

    def _call(self) -> None:
        """Something arrived, perhaps on another thread."""
        if self._delivery_due:
            return
        self._delivery_due = True
        if threading.get_ident() == self._thread:
            self._loop.call_soon(self._deliver)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._deliver)

    def _on_message(self, message: Any) -> None:
        self._bodies.append(message.body)

    def _deliver(self) -> None:
        self._delivery_due = False
        if not self._names:
            return
        try:
            while len(self._bodies) < DELIVERY_BODIES_MAX:
                self._connection.drain_events(timeout=0)
            self._call()
        except TimeoutError:
            pass
        bodies, self._bodies = self._bodies, []
        if bodies:
            self._traffic.received += len(bodies)
            self._handler(bodies)
