"""Where the owners of the shards listen, believed for about a second."""

from __future__ import annotations

from services.api.single_flight import SingleFlight
from services.runtime.clock import Clock
from services.store.interface import AdmissionStore


class Owners:
    """Remembers the store's answer; `refresh` asks again when an owner did not react."""

    def __init__(self, store: AdmissionStore, clock: Clock, believed_seconds: float) -> None:
        """Nothing is known yet."""
        self._store = store
        self._clock = clock
        self._believed_seconds = believed_seconds
        self._asking: SingleFlight[str, dict[int, str]] = SingleFlight()
        self._queues: dict[int, str] = {}
        self._until = float("-inf")

    @property
    def complete(self) -> bool:
        """Whether every shard had an owner when the store was asked last."""
        return len(self._queues) == self._store.shards

    async def queues(self) -> dict[int, str]:
        """Queue of the owner by shard; shards without owner are left out, and looked for again by the next call."""
        if not self.complete or self._clock.monotonic() >= self._until:
            await self._asking.ask("owners", self.refresh)
        return self._queues

    async def refresh(self) -> dict[int, str]:
        """Ask the store now."""
        self._queues = await self._store.shard_owners()
        self._until = self._clock.monotonic() + self._believed_seconds
        return self._queues
