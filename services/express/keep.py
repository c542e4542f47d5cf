"""Keep ended express executions with their history, where retention is on: gather turns, write rows in batches."""

from __future__ import annotations

import asyncio
import logging
from typing import Final, Protocol

from engine.execution.execution import Execution
from engine.execution.step import Step
from engine.history.page_codec import PayloadTable, encode_events
from services.express.watch import ExpressWatch
from services.runtime.clock import Clock
from services.runtime.faults import Fault
from services.store.express_history import ExpressRow
from services.store.records import Revision

_GATHER_SECONDS: Final = 0.05
_BATCH_ROWS: Final = 2_000
_WAITING_BYTES_MAX: Final = 128 * 1024 * 1024
_EXECUTION_BYTES_MAX: Final = 16 * 1024 * 1024
_RETRY_SECONDS: Final = 1.0
_MAINTENANCE_SECONDS: Final = 3_600.0

log = logging.getLogger("stepwell.express")


class ExpressTable(Protocol):
    """Where the rows go."""

    async def write(self, rows: list[ExpressRow]) -> None:
        """Write them; StoreUnavailable if they are not in."""
        ...

    async def maintain(self, retention_days: float) -> None:
        """Make partitions, drop old ones."""
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...


class Turns:
    """The turns of one execution while it runs; beyond a bound the rest of its history is not kept."""

    __slots__ = ("pages", "size_bytes")

    def __init__(self) -> None:
        """None yet."""
        self.pages: list[tuple[int, bytes]] = []
        self.size_bytes = 0

    def add(self, step: Step) -> None:
        """Keep the events of a turn."""
        if self.size_bytes <= _EXECUTION_BYTES_MAX:
            packed = encode_events(step.events, step.now_ms, PayloadTable())
            self.pages.append((step.first_event_id, packed))
            self.size_bytes += len(packed)


class ExpressKeep:
    """Writes rows in batches that gather while the last one is written; best effort beyond a bound of memory."""

    def __init__(self, table: ExpressTable, clock: Clock, retention_days: float, watch: ExpressWatch) -> None:
        """Nothing waits; the table is closed with this."""
        self._table = table
        self._clock = clock
        self._retention_days = retention_days
        self._waiting: list[ExpressRow] = []
        self._waiting_bytes = 0
        self._writer: asyncio.Task[None] | None = None
        self._maintained = -_MAINTENANCE_SECONDS
        self._watch = watch

    def keep(self, revision: Revision, execution: Execution, turns: Turns, redelivered: bool) -> None:
        """An execution has ended."""
        row = row_of(revision, execution, turns, redelivered)
        if self._waiting_bytes > _WAITING_BYTES_MAX:
            self._watch.lost(1)
            return
        self._waiting.append(row)
        self._waiting_bytes += row.size_bytes
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write_waiting())

    async def handed_over(self) -> None:
        """Wait for the write under way, and for that of what waits behind it."""
        for _ in range(2):
            if self._writer is not None:
                await asyncio.shield(self._writer)

    async def close(self) -> None:
        """Write the rest and disconnect."""
        await self.handed_over()
        await self._table.close()

    async def _write_waiting(self) -> None:
        await asyncio.sleep(_GATHER_SECONDS)
        rows, self._waiting = self._waiting, []
        await self._maintain_now_and_then()
        for first in range(0, len(rows), _BATCH_ROWS):
            await self._write(rows[first : first + _BATCH_ROWS])
        self._writer = asyncio.get_running_loop().create_task(self._write_waiting()) if self._waiting else None

    async def _write(self, batch: list[ExpressRow]) -> None:
        """Once more after a pause, then no more: nobody may wait for a table that is only looked at."""
        for last in (False, True):
            try:
                await self._table.write(batch)
                self._watch.kept(len(batch))
                break
            except Fault as fault:
                if last:
                    log.warning("%d express executions are not kept: %s", len(batch), fault)
                    self._watch.lost(len(batch))
                else:
                    await self._clock.sleep(_RETRY_SECONDS)
        self._waiting_bytes -= sum(row.size_bytes for row in batch)

    async def _maintain_now_and_then(self) -> None:
        now = self._clock.monotonic()
        if now - self._maintained >= _MAINTENANCE_SECONDS:
            self._maintained = now
            try:
                await self._table.maintain(self._retention_days)
            except Fault as fault:
                log.warning("partitions of the express history wait: %s", fault)


def row_of(revision: Revision, execution: Execution, turns: Turns, redelivered: bool) -> ExpressRow:
    """What is kept of an ended execution."""
    origin = execution.origin
    assert execution.stop_ms is not None
    version = None if origin.version_arn is None else int(origin.version_arn.rpartition(":")[2])
    return ExpressRow(
        id=origin.id,
        machine_id=revision.machine_id,
        revision_id=revision.id,
        name=origin.name,
        status=execution.status,
        input=origin.input.text,
        start_ms=origin.start_ms,
        stop_ms=execution.stop_ms,
        last_event_id=execution.last_event_id,
        pages=turns.pages,
        synchronous=origin.synchronous,
        redelivered=redelivered,
        version_number=version,
        alias_name=None if origin.alias_arn is None else origin.alias_arn.rpartition(":")[2],
        trace_header=origin.trace_header,
        output=None if execution.output is None else execution.output.text,
        error=execution.error,
        cause=execution.cause,
    )
