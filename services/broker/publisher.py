"""The thread that sends: it takes everything that is ready, so a lone body leaves at once and many leave together."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final, TypeAlias

from kombu import Connection, Producer

from services.broker.connection import ANONYMOUS, connect, connection, queue_of, visible
from services.broker.frames import CONTENT_ENCODING, CONTENT_TYPE, join
from services.broker.traffic import Traffic
from services.broker.uptime import Uptime
from services.runtime.clock import Clock
from services.runtime.faults import BrokerUnavailable

BUFFER_BYTES_MAX: Final = 64 * 1_048_576
BATCH_MESSAGES_MAX: Final = 512
DECLARED_MAX: Final = 4_096
BACK_OFF_SECONDS_MAX: Final = 1.0
PACE_SECONDS: Final = 0.001

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Length:
    """A question: how many messages wait in the queue?"""

    queue: str
    answer: asyncio.Future[int]


@dataclass(frozen=True, slots=True)
class _Stop:
    """Send what is left, then end."""


_Wish: TypeAlias = tuple[str, bytes] | _Length | _Stop


class Publisher:
    """Sends bodies in a thread of its own; reconnects for ever; keeps a bounded buffer meanwhile."""

    def __init__(self, url: str, loop: asyncio.AbstractEventLoop, clock: Clock, traffic: Traffic) -> None:
        """Start the thread; it connects by itself."""
        self.uptime = Uptime(clock)
        self._url = url
        self._loop = loop
        self._clock = clock
        self._traffic = traffic
        self._wishes: SimpleQueue[_Wish] = SimpleQueue()
        self._bodies: deque[tuple[str, bytes]] = deque()
        self._buffered_bytes = 0
        self._questions: list[_Length] = []
        self._stopping = False
        self._sent_at = float("-inf")
        self._paused = threading.Event()  # never set: a sleep
        self._connection: Connection | None = None
        self._producer: Producer | None = None
        self._declared: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="broker-publisher", daemon=True)
        self._thread.start()

    def send(self, queue: str, body: bytes) -> None:
        """Hand a body to the thread."""
        self._wishes.put((queue, body))

    async def length(self, queue: str) -> int:
        """Ask the server for the number of messages in the queue.

        Raises:
            BrokerUnavailable: there is no connection now.
        """
        answer: asyncio.Future[int] = self._loop.create_future()
        self._wishes.put(_Length(queue, answer))
        return await answer

    async def close(self, seconds: float) -> None:
        """Send what is left, but take no longer than that."""
        self._wishes.put(_Stop())
        await asyncio.to_thread(self._thread.join, seconds)

    def _run(self) -> None:
        back_off = 0.0
        while True:
            self._gather(back_off)
            try:
                self._work()
            except Exception as problem:
                back_off = min(BACK_OFF_SECONDS_MAX, back_off * 2 or 0.05)
                self._disconnect(problem)
            else:
                back_off = 0.0
            if self._stopping and (not self._bodies or self._producer is None):
                break
        self._traffic.dropped += len(self._bodies)
        self._close_connection()

    def _gather(self, pause_seconds: float) -> None:
        """Take what is ready; without work wait for some. A pause after a failure is kept, whatever comes meanwhile."""
        deadline = self._clock.monotonic() + pause_seconds
        try:
            if self._producer is not None and not self._stopping:
                self._take(self._wishes.get())
                self._keep_pace()
            while (seconds := deadline - self._clock.monotonic()) > 0 and not self._stopping:
                self._take(self._wishes.get(timeout=seconds))
            while True:
                self._take(self._wishes.get_nowait())
        except Empty:
            return

    def _keep_pace(self) -> None:
        """Under load, let more bodies gather: a message costs far more than a body. A lone body never waits."""
        seconds = self._sent_at + PACE_SECONDS - self._clock.monotonic()
        if seconds > 0 and not self._stopping:
            self._paused.wait(seconds)

    def _take(self, wish: _Wish) -> None:
        if isinstance(wish, tuple):
            self._bodies.append(wish)
            self._buffered_bytes += len(wish[1])
            while self._buffered_bytes > BUFFER_BYTES_MAX:
                self._buffered_bytes -= len(self._bodies.popleft()[1])
                self._traffic.dropped += 1
        elif isinstance(wish, _Length):
            self._questions.append(wish)
        else:
            self._stopping = True

    def _work(self) -> None:
        producer = self._connect()
        if self._bodies:
            self._publish(producer)
            self._sent_at = self._clock.monotonic()
        while self._questions:
            question = self._questions[0]
            length = queue_of(question.queue)(producer.channel).queue_declare().message_count
            self._answer(self._questions.pop(0), length)

    def _connect(self) -> Producer:
        if self._producer is None or len(self._declared) > DECLARED_MAX:
            self._close_connection()
            self._connection = connection(self._url)
            connect(self._connection)
            self._producer = Producer(self._connection.channel(), exchange=ANONYMOUS, auto_declare=False)
            self.uptime.up()
        return self._producer

    def _publish(self, producer: Producer) -> None:
        """Send all bodies. A broken connection keeps them, so they may arrive twice; a refusal drops them."""
        messages = list(join(self._bodies))
        for queue, _ in messages:
            if queue not in self._declared:
                queue_of(queue)(producer.channel).declare()
                self._declared.add(queue)
        try:
            if len(messages) == 1:
                self._publish_one(producer, *messages[0])
            else:
                with producer.batch(max_size=BATCH_MESSAGES_MAX):
                    for queue, frame in messages:
                        self._publish_one(producer, queue, frame)
        except Exception as problem:
            if not self._is_connection_error(problem):
                self._traffic.dropped += len(self._bodies)
                self._forget_bodies()
            raise
        self._traffic.sent += len(self._bodies)
        self._forget_bodies()

    def _publish_one(self, producer: Producer, queue: str, frame: bytes) -> None:
        producer.publish(
            frame, routing_key=queue, content_type=CONTENT_TYPE, content_encoding=CONTENT_ENCODING, delivery_mode=1
        )

    def _forget_bodies(self) -> None:
        self._bodies.clear()
        self._buffered_bytes = 0

    def _is_connection_error(self, problem: BaseException) -> bool:
        assert self._connection is not None
        errors = self._connection.connection_errors
        return isinstance(problem, errors) or isinstance(problem.__cause__, errors)

    def _disconnect(self, problem: Exception) -> None:
        if self.uptime.down():
            self._traffic.disconnects += 1
            log.warning("sending failed, trying again", extra={"broker": visible(self._url), "problem": repr(problem)})
        self._close_connection()
        for question in self._questions:
            self._answer(question, BrokerUnavailable("the broker cannot be reached"))
        self._questions.clear()

    def _close_connection(self) -> None:
        broken, self._connection, self._producer = self._connection, None, None
        self._declared.clear()
        if broken is not None:
            try:
                broken.release()
            except Exception as problem:
                log.debug("closing a broken connection failed", extra={"problem": repr(problem)})

    def _answer(self, question: _Length, answer: int | BrokerUnavailable) -> None:
        def resolve() -> None:
            if question.answer.done():
                return
            if isinstance(answer, int):
                question.answer.set_result(answer)
            else:
                question.answer.set_exception(answer)

        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(resolve)
