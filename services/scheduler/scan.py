"""The scan: what is due in the store and not in memory, and what waits in the inbox. Finds whatever a lost hint hid."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

import msgspec

from services.broker.messages import Command, decode
from services.runtime.clock import Clock
from services.runtime.faults import Fault
from services.scheduler.database_clock import DatabaseClock
from services.scheduler.shard import Shards
from services.scheduler.signal import Signal
from services.store.interface import SchedulerStore
from services.store.records import InboxRow

log = logging.getLogger(__name__)

_MORE: Final = 1_000
_INBOX_MAX: Final = 256
_OVERLAP_MS: Final = 30_000
_FULL_SECONDS: Final = 60.0


class Scan:
    """Asks the store every few seconds, and at once when shards were taken or hints were ignored.

    Args:
        want: load an execution that is due.
        command: an inbox row's command, with the row's id.
        room: how many more executions may be loaded now (R23).
        left: called when executions are left in the store for now.
        discard: an inbox row that nobody can read.
    """

    def __init__(
        self,
        store: SchedulerStore,
        shards: Shards,
        clock: Clock,
        database_clock: DatabaseClock,
        scan_seconds: float,
        *,
        want: Callable[[bytes], None],
        command: Callable[[Command, int], None],
        room: Callable[[], int],
        left: Callable[[], None],
        discard: Callable[[int, int], None],
    ) -> None:
        """Nothing has been scanned."""
        self._store = store
        self._shards = shards
        self._clock = clock
        self._database_clock = database_clock
        self._seconds = scan_seconds
        self._want, self._command, self._discard = want, command, discard
        self._room, self._left = room, left
        self._from_ms = 0
        self._full_due = 0.0
        self._rows: set[int] = set()
        self._soon = Signal()

    def soon(self, full: bool) -> None:
        """Scan now; `full`: everything that is due, not only what became due since the last scan."""
        if full:
            self._full_due = 0.0
        self._soon.set()

    async def run(self) -> None:
        """Scan, for ever."""
        while True:
            await self._soon.wait_at_most(self._clock, self._seconds)
            try:
                await self.scan()
            except Fault as fault:
                log.warning("the store cannot be scanned: %s", fault)

    async def scan(self) -> None:
        """One look."""
        shards = sorted(self._shards.owned)
        if not shards:
            return
        await self._scan_inbox(shards)
        await self._scan_due(shards, min(_MORE, self._room()))

    async def _scan_due(self, shards: list[int], room: int) -> None:
        """Look ahead by two scans, so that a parked execution is in memory when its moment comes."""
        if room <= 0:
            self._full_due = 0.0
            self._left()
            return
        now = self._clock.monotonic()
        now_ms = self._database_clock.now_ms()
        full = now >= self._full_due
        if full:
            self._full_due = now + _FULL_SECONDS
        from_ms = 0 if full else self._from_ms
        limit = self._shards.count + room
        found = await self._store.due(shards, now_ms + int(2_000 * self._seconds), limit, from_ms)
        for execution_id in found:
            self._want(execution_id.bytes)
        if len(found) >= limit:
            self._full_due = 0.0
            self._left()
        else:
            self._from_ms = now_ms - _OVERLAP_MS

    async def _scan_inbox(self, shards: list[int]) -> None:
        rows = await self._store.inbox(shards, _INBOX_MAX)
        seen, self._rows = self._rows, {row.id for row in rows}
        for row in rows:
            # A row is handed on again at every second scan at most: its delivery may have been dropped with a shard.
            if row.id not in seen:
                self._deliver(row)
            else:
                self._rows.discard(row.id)
        if len(rows) == _INBOX_MAX and not self._rows <= seen:
            self._soon.set()

    def _deliver(self, row: InboxRow) -> None:
        try:
            commands = [message for message in decode(row.body) if isinstance(message, Command)]
        except msgspec.DecodeError:
            commands = []
        if len(commands) != 1:
            log.error("inbox row %d of shard %d cannot be read", row.id, row.shard)
            self._discard(row.shard, row.id)
            return
        self._command(commands[0], row.id)
