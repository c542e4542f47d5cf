"""The API's half of asynchronous express: accept starts into the queue, many at once, never more than it may hold."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from services.express.queue import ExpressQueue
from services.express.settings import ExpressSettings
from services.express.start import ExpressStart
from services.runtime.faults import BrokerUnavailable, Overloaded

_BATCH_STARTS: Final = 256
_BATCH_BYTES: Final = 4 * 1024 * 1024
_GATHERED_MAX: Final = 20_000

_Waiting = tuple[ExpressStart, "asyncio.Future[None]"]


class ExpressIntake:
    """Puts starts into the queue; those that come while one is under way travel together."""

    def __init__(self, queue: ExpressQueue, settings: ExpressSettings) -> None:
        """Keep the queue and its bound."""
        self._queue = queue
        self._length_max = settings.express_queue_length_max
        self._gathered: deque[_Waiting] = deque()
        self._sender: asyncio.Task[None] | None = None
        self._length = 0

    async def submit(self, start: ExpressStart) -> None:
        """Return when the queue has the start.

        Raises:
            Overloaded: the queue is full.
            BrokerUnavailable: the queue cannot be reached; whether it has the start is unknown if it broke meanwhile.
        """
        if len(self._gathered) >= _GATHERED_MAX:
            raise Overloaded("too many starts wait for the express queue")
        if self._length >= self._length_max:
            self._length = await self._queue.length()
            if self._length >= self._length_max:
                raise Overloaded("the express queue is full")
        loop = asyncio.get_running_loop()
        accepted: asyncio.Future[None] = loop.create_future()
        self._gathered.append((start, accepted))
        if self._sender is None:
            self._sender = loop.create_task(self._send())
        await accepted

    async def _send(self) -> None:
        try:
            # One turn of the loop for the requests that arrived together with the first.
            await asyncio.sleep(0)
            while self._gathered:
                await self._send_some()
        finally:
            self._sender = None
            while self._gathered:
                _settle(self._gathered.popleft()[1], BrokerUnavailable("the server stops"))

    async def _send_some(self) -> None:
        batch: list[_Waiting] = []
        size = 0
        while self._gathered and len(batch) < _BATCH_STARTS and size < _BATCH_BYTES:
            batch.append(self._gathered.popleft())
            size += len(batch[-1][0].input)
        fault: BrokerUnavailable | None = BrokerUnavailable("the server stops")
        try:
            self._length = await self._queue.put([start for start, _ in batch])
            fault = None
        except BrokerUnavailable as problem:
            fault = problem
        finally:
            for _, accepted in batch:
                _settle(accepted, fault)


def _settle(accepted: asyncio.Future[None], fault: BrokerUnavailable | None) -> None:
    if accepted.done():
        return
    if fault is None:
        accepted.set_result(None)
    else:
        accepted.set_exception(fault)
