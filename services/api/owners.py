"""Where the owners of the shards listen, believed for about a second."""

from __future__ import annotations

from services.runtime.clock import Clock
from services.store.interface import AdmissionStore


class Owners:
    """Remembers the store's answer; `refresh` asks again when an owner did not react."""

    def __init__(self, store: AdmissionStore, clock: Clock, believed_seconds: float) -> None:
        """Nothing is known yet."""
        self._store = store
        self._clock = clock
        self._believed_seconds = believed_seconds
        self._queues: dict[int, str] = {}
        self._until = float("-inf")

    async def queues(self) -> dict[int, str]:
        """Queue of the owner by shard; shards without owner are left out."""
        if self._clock.monotonic() >= self._until:
            await self.refresh()
        return self._queues

    async def refresh(self) -> dict[int, str]:
        """Ask the store now."""
        self._queues = await self._store.shard_owners()
        self._until = self._clock.monotonic() + self._believed_seconds
        return self._queues
