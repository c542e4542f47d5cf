"""The thread that receives: it hands everything that is ready to the event loop in one go."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from kombu import Connection, Consumer

from services.broker import queues
from services.broker.connection import connect, connection, queue_of, visible
from services.broker.frames import split
from services.broker.traffic import Traffic
from services.broker.uptime import Uptime
from services.runtime.clock import Clock

DRAIN_SECONDS: Final = 1.5
BACKLOG_BYTES_MAX: Final = 32 * 1_048_576
BACK_OFF_SECONDS_MAX: Final = 1.0

log = logging.getLogger(__name__)


class Listener:
    """One subscription on a connection and a thread of its own.

    An empty list of queues pauses it; a body that was already on its way still arrives then.
    """

    def __init__(
        self,
        url: str,
        names: Sequence[str],
        handler: Callable[[list[bytes]], None],
        *,
        name: str,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        traffic: Traffic,
        send: Callable[[str, bytes], None],
        closed: Callable[[Listener], None],
    ) -> None:
        """Start the thread; it connects by itself."""
        self.uptime = Uptime(clock)
        self._url = url
        self._handler = handler
        self._loop = loop
        self._traffic = traffic
        self._send = send
        self._closed = closed
        self._wake_queue = queues.wake(name)
        self._wanted = tuple(names)
        self._closing = False
        self._changed = threading.Event()
        self._room = threading.Event()
        self._room.set()
        self._bodies: deque[bytes] = deque()
        self._backlog_bytes = 0
        self._backlog_lock = threading.Lock()
        self._delivery_due = False
        self._thread = threading.Thread(target=self._run, name=f"broker-listener-{name}", daemon=True)
        self._thread.start()

    def listen_to(self, queues: Sequence[str]) -> None:
        """Replace the queues it listens to."""
        before, self._wanted = self._wanted, tuple(queues)
        if self._wanted and self._wanted != before:
            self._rouse(asleep=bool(before))

    async def close(self) -> None:
        """Stop listening; nothing is delivered afterwards."""
        if self._closing:
            return
        self._closing = True
        self._rouse(asleep=True)
        self._room.set()
        await asyncio.to_thread(self._thread.join, 2.0)
        self._closed(self)

    def _rouse(self, *, asleep: bool) -> None:
        self._changed.set()
        if asleep:
            self._send(self._wake_queue, b"")

    def _run(self) -> None:
        back_off = 0.0
        while not self._closing:
            try:
                with connection(self._url) as link:
                    connect(link)
                    self.uptime.up()
                    back_off = 0.0
                    self._receive(link)
            except Exception as problem:
                if self.uptime.down() and not self._closing:
                    self._traffic.disconnects += 1
                    fields = {"broker": visible(self._url), "problem": repr(problem)}
                    log.warning("receiving failed, trying again", extra=fields)
                back_off = min(BACK_OFF_SECONDS_MAX, back_off * 2 or 0.05)
                self._changed.wait(back_off)
                self._changed.clear()
        self.uptime.down()

    def _receive(self, link: Connection) -> None:
        """Deliver until the list of queues must change in a way that needs a fresh connection, or it breaks."""
        heard: tuple[str, ...] = ()
        consumer = Consumer(link.channel(), on_message=self._on_message, no_ack=True)
        while not self._closing:
            self._changed.clear()
            wanted = self._wanted
            if wanted != heard:
                self._listen(consumer, wanted)
                heard = wanted
            if not wanted:
                self._changed.wait()
                continue
            try:
                link.drain_events(timeout=DRAIN_SECONDS)
            except TimeoutError:
                if self._wanted != heard:
                    return
            self._room.wait()

    def _listen(self, consumer: Consumer, wanted: tuple[str, ...]) -> None:
        """Between two reads nothing is on its way from the server, so that no body can come for a dropped queue."""
        names = {*wanted, self._wake_queue} if wanted else set()
        for queue in list(consumer.queues):
            if queue.name not in names:
                consumer.cancel_by_queue(queue.name)
        for name in sorted(names):
            if not consumer.consuming_from(name):
                consumer.add_queue(queue_of(name))
        consumer.consume()

    def _on_message(self, message: Any) -> None:
        bodies = split(message.body)
        if not bodies:
            self._traffic.unreadable += 1
            return
        bodies = [body for body in bodies if body]
        with self._backlog_lock:
            self._bodies.extend(bodies)
            self._backlog_bytes += sum(map(len, bodies))
            if self._backlog_bytes > BACKLOG_BYTES_MAX:
                self._room.clear()
            due, self._delivery_due = self._delivery_due, bool(self._bodies)
        if self._bodies and not due and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        with self._backlog_lock:
            self._delivery_due = False
            bodies = list(self._bodies)
            self._bodies.clear()
            self._backlog_bytes = 0
            self._room.set()
        if bodies and not self._closing:
            self._traffic.received += len(bodies)
            self._handler(bodies)
