"""Admission: StartExecution's group commit. What is ready is written together; a lone start waits for nobody.

One transaction is in flight, the next batch gathers meanwhile. Callers are answered after the commit; then the owners
of the shards get a hint each (a lost hint is found by their scan).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from services.api import errors
from services.api.owners import Owners
from services.broker.interface import Broker
from services.broker.messages import Hint, encode
from services.runtime.faults import Fault
from services.store.interface import AdmissionStore
from services.store.records import NewExecution, StoredExecution

BATCH_ROWS_MAX: Final = 256
BATCH_BYTES_MAX: Final = 8 << 20
WAITING_ROWS_MAX: Final = 20_000

_Waiting = tuple[NewExecution, "asyncio.Future[StoredExecution | None]"]


class Admission:
    """Collects new executions and admits them in batches."""

    def __init__(self, store: AdmissionStore, broker: Broker, owners: Owners) -> None:
        """Nothing waits yet."""
        self._store = store
        self._broker = broker
        self._owners = owners
        self._waiting: deque[_Waiting] = deque()
        self._pump: asyncio.Task[None] | None = None

    async def admit(self, row: NewExecution) -> StoredExecution | None:
        """Write one execution; None when it is in, else the execution that has the name.

        Raises:
            ApiError: ThrottlingException, too many starts wait already.
            Fault: the store did not take the batch, or its answer was lost.
        """
        if len(self._waiting) >= WAITING_ROWS_MAX:
            raise errors.throttled()
        future: asyncio.Future[StoredExecution | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((row, future))
        if self._pump is None:
            self._pump = asyncio.create_task(self._write_while_waiting(), name="admission")
        return await future

    async def _write_while_waiting(self) -> None:
        batch: list[_Waiting] = []
        try:
            # One turn of the loop for the requests that arrived together with the first.
            await asyncio.sleep(0)
            while self._waiting:
                batch = self._take()
                await self._write(batch)
        finally:
            # Nobody waits for ever, also when the process stops or the store breaks its contract.
            self._pump = None
            for _, future in (*batch, *self._waiting):
                if not future.done():
                    future.set_exception(Fault("admission ended"))
            self._waiting.clear()

    def _take(self) -> list[_Waiting]:
        """The next batch; of two starts with one name the second waits for the next batch, to see the first."""
        batch: list[_Waiting] = []
        again: list[_Waiting] = []
        names = set()
        size = 0
        while self._waiting and len(batch) < BATCH_ROWS_MAX and size < BATCH_BYTES_MAX:
            waiting = self._waiting.popleft()
            row = waiting[0]
            name = (row.machine_id, row.name)
            if name in names:
                again.append(waiting)
                continue
            names.add(name)
            size += len(row.input)
            batch.append(waiting)
        self._waiting.extendleft(reversed(again))
        return batch

    async def _write(self, batch: list[_Waiting]) -> None:
        try:
            answers = await self._store.admit([row for row, _ in batch])
        except Fault as fault:
            for _, future in batch:
                if not future.done():
                    future.set_exception(fault)
            return
        fresh = []
        for (row, future), existing in zip(batch, answers, strict=True):
            if existing is None:
                fresh.append(row)
            if not future.done():
                future.set_result(existing)
        await self._hint(fresh)

    async def _hint(self, rows: Sequence[NewExecution]) -> None:
        try:
            queues = await self._owners.queues()
        except Fault:
            return  # only a hint: the owners find the executions by their scan
        by_queue: dict[str, list[bytes]] = {}
        for row in rows:
            queue = queues.get(row.shard)
            if queue is not None:
                by_queue.setdefault(queue, []).append(row.id.bytes)
        for queue, ids in by_queue.items():
            self._broker.send(queue, encode([Hint(ids)]))
