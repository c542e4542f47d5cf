"""The broker inside one process: kombu's memory transport, taught to call when something arrives instead of polling.

Nothing here blocks, so it runs on the event loop without threads. `memory://NAME` gives queues of its own to each name.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from itertools import count
from queue import Empty
from typing import Any, Final

from kombu import Connection, Consumer
from kombu.transport import memory

from services.broker.connection import queue_of
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
        self.queues: dict[str, deque[Any]] = {}
        self.waiting: defaultdict[str, set[Callable[[], None]]] = defaultdict(set)


_spaces: defaultdict[str, _Space] = defaultdict(_Space)


class CallingChannel(memory.Channel):  # type: ignore[misc]
    """kombu's channel in memory, with queues by name of the space and a call for every arrival.

    A queue is a deque, whose ends threads may use as they like, and everything that is ready is delivered in one go.
    """

    def __init__(self, connection: Any, **kwargs: Any) -> None:
        """Find the space."""
        super().__init__(connection, **kwargs)
        self._space = _spaces[connection.client.hostname or ""]
        self.queues = self._space.queues
        self._next_delivery_tag = count(1).__next__

    def publish(self, queue: str, body: bytes) -> None:
        """What kombu's producer does with a body that needs no serialising."""
        message = self.prepare_message(body, content_type=CONTENT_TYPE, content_encoding=CONTENT_ENCODING)
        self.basic_publish(message, "", queue)

    def _new_queue(self, queue: str, **kwargs: Any) -> None:
        self._queue_for(queue)

    def _queue_for(self, queue: str) -> deque[Any]:
        return self.queues.setdefault(queue, deque())

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:
        self._queue_for(queue).append(message)
        for call in tuple(self._space.waiting.get(queue, ())):
            call()

    def _get_many(self, queues: Sequence[str], timeout: float | None = None) -> None:
        """Deliver what is ready, queue by queue.

        Raises:
            Empty: nothing is.
        """
        left = DELIVERY_BODIES_MAX
        for name in queues:
            ready = self._queue_for(name)
            while ready and left:
                self.connection._deliver(ready.popleft(), name)
                left -= 1
        if left == DELIVERY_BODIES_MAX:
            raise Empty

    def _size(self, queue: str) -> int:
        return len(self._queue_for(queue))

    def _purge(self, queue: str) -> int:
        ready = self._queue_for(queue)
        size = len(ready)
        ready.clear()
        return size

    def close(self) -> None:
        """Leave the queues to the others."""
        self.queues = {}
        super().close()


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
        self._subscriptions: list[MemorySubscription] = []
        self._uptime = Uptime(clock or SystemClock())
        self._uptime.up()

    def send(self, queue: str, body: bytes) -> None:
        """Put the body into the queue; a queue that is full drops it."""
        waiting = self._space.queues.get(queue)
        if waiting is not None and len(waiting) >= QUEUE_MESSAGES_MAX:
            self.traffic.dropped += 1
            return
        self._channel.publish(queue, body)
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
        return 0 if waiting is None else len(waiting)

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
            self._connection.drain_events(timeout=0)
        except TimeoutError:
            return
        if len(self._bodies) >= DELIVERY_BODIES_MAX:
            self._call()
        bodies, self._bodies = self._bodies, []
        if bodies:
            self._traffic.received += len(bodies)
            self._handler(bodies)
