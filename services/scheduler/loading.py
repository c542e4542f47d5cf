"""Loading: executions come into memory by batches, on a hint, by the due scan, or because something reached them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import Final
from uuid import UUID

from engine.execution.stimulus import Start
from services.runtime.clock import Clock
from services.runtime.faults import Fault
from services.scheduler.resident import UNKNOWN_WAKE_MS, Delivery, Resident
from services.scheduler.revive import revive
from services.scheduler.shard import Shards
from services.scheduler.signal import Signal
from services.store.interface import SchedulerStore
from services.store.programs import Programs
from services.store.records import LoadedExecution

log = logging.getLogger(__name__)

_BACK_OFF_SECONDS: Final = 0.2
_QUARANTINE_SECONDS: Final = 60.0
_BELIEVED_SECONDS: Final = 1.0
_BELIEVED_MAX: Final = 10_000


class _Wanted:
    """What waits for one execution; `due` tells that its row's wake_at has come."""

    __slots__ = ("deliveries", "due")

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.due = False


class Loader:
    """Reads what is wanted as soon as a read is free; while one is on the way, the next batch gathers.

    Args:
        loaded: called with every execution that came into memory.
        missing: called with what waited for an execution that does not exist.
        lost: called with what waited for an execution of a shard that is not owned.
    """

    def __init__(
        self,
        store: SchedulerStore,
        shards: Shards,
        programs: Programs,
        clock: Clock,
        batch_max: int,
        *,
        loaded: Callable[[Resident], None],
        missing: Callable[[Delivery], None],
        lost: Callable[[Delivery], None],
        done: Callable[[], None],
    ) -> None:
        """Nothing is wanted."""
        self._store = store
        self._shards = shards
        self._programs = programs
        self._clock = clock
        self._batch_max = batch_max
        self._loaded, self._missing, self._lost, self._done = loaded, missing, lost, done
        self._wanted: dict[bytes, _Wanted] = {}
        self._loading: dict[bytes, _Wanted] = {}
        self._quarantine: dict[bytes, float] = {}
        self._believed: dict[str, float] = {}
        self._signal = Signal()

    def __len__(self) -> int:
        """How many are wanted or being read."""
        return len(self._wanted) + len(self._loading)

    def want(self, key: bytes, delivery: Delivery | None = None, due: bool = False) -> None:
        """Load an execution that is not in memory, and hand it that delivery."""
        if key in self._quarantine:
            if delivery is not None:
                self._lost(delivery)
            return
        wanted = self._wanted.get(key) or self._loading.get(key)
        if wanted is None:
            wanted = self._wanted[key] = _Wanted()
            self._signal.set()
        if delivery is not None:
            wanted.deliveries.append(delivery)
        wanted.due = wanted.due or due

    def quarantine(self, key: bytes) -> None:
        """Leave an execution alone for a while that has broken an invariant."""
        self._quarantine[key] = self._clock.monotonic() + _QUARANTINE_SECONDS

    def release_quarantined(self) -> None:
        """Give those another chance that have waited long enough."""
        now = self._clock.monotonic()
        for key in [key for key, until in self._quarantine.items() if until <= now]:
            del self._quarantine[key]

    async def run(self) -> None:
        """Read batch after batch, for ever."""
        while True:
            await self._signal.wait()
            while self._wanted:
                await self._load_batch()

    async def _load_batch(self) -> None:
        keys = list(self._wanted)[: self._batch_max]
        self._loading = {key: self._wanted.pop(key) for key in keys}
        takings = self._shards.takings
        try:
            for loaded in await self._store.load([UUID(bytes=key) for key in keys]):
                await self._take_in(loaded, takings)
        except Fault as fault:
            log.warning("%d executions could not be loaded: %s", len(self._loading), fault)
            self._wanted.update(self._loading)
            self._loading = {}
            await self._clock.sleep(_BACK_OFF_SECONDS)
            return
        missing, self._loading = self._loading, {}
        for wanted in missing.values():
            for delivery in wanted.deliveries:
                self._missing(delivery)
        self._done()

    async def _missing_activities(self, arns: Collection[str]) -> frozenset[str]:
        """Those of the activity ARNs that name no activity; one that was there a moment ago is not looked up again."""
        now = self._clock.monotonic()
        unsure = [arn for arn in arns if self._believed.get(arn, 0.0) <= now]
        if not unsure:
            return frozenset()
        missing = await self._store.missing_activities(unsure)
        if len(self._believed) > _BELIEVED_MAX:
            self._believed.clear()
        self._believed.update(dict.fromkeys(set(unsure) - missing, now + _BELIEVED_SECONDS))
        return missing

    async def _take_in(self, loaded: LoadedExecution, takings: int) -> None:
        """Hold one execution, if its shard has been ours since before the read began."""
        key = loaded.row.id.bytes
        try:
            compiled = await self._programs.get(loaded.row.revision_id)
            execution = revive(loaded, compiled.program)
            if compiled.activities and not execution.origin.test_case:  # a mocked one need not exist
                execution.missing_activities = await self._missing_activities(compiled.activities)
        except Fault:
            raise
        except Exception:
            # The top of the loop over executions: one that cannot be read must not keep the others from running.
            log.exception("execution %s cannot be read", loaded.row.id)
            self.quarantine(key)
            for delivery in self._loading.pop(key, _Wanted()).deliveries:
                self._lost(delivery)
            return
        wanted = self._loading.pop(key, None)
        if wanted is None:
            return
        shard = self._shards.owned.get(loaded.row.shard)
        if shard is None or shard.taking > takings or shard.closing:
            for delivery in wanted.deliveries:
                self._lost(delivery)
            return
        row_wake_ms = 0 if wanted.due or not loaded.pages else UNKNOWN_WAKE_MS
        resident = Resident(loaded.row, compiled.revision, execution, row_wake_ms)
        if not loaded.pages:
            resident.pending.append(Delivery(Start()))
        resident.pending.extend(wanted.deliveries)
        self._shards.add(resident)
        self._loaded(resident)
