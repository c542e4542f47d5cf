"""How much work may run, wait and be wished for."""

from __future__ import annotations

from services.worker.settings import WorkerSettings


class Slots:
    """Running attempts, grants that wait for a slot, and the pace at which slots become free."""

    def __init__(self, settings: WorkerSettings, now: float) -> None:
        """All free."""
        self._settings = settings
        self.running = 0
        self.waiting = 0
        self._ended = 0
        self._room = 0
        self._measured = now

    @property
    def free(self) -> bool:
        """May another attempt begin?"""
        return self.running < self._settings.slots

    @property
    def full(self) -> bool:
        """Must a grant be given back, even though it was wished for?"""
        return not self.free and self.waiting >= self._settings.waiting_max

    def ended(self) -> None:
        """An attempt that ran has ended."""
        self.running -= 1
        self._ended += 1

    def measure(self, now: float) -> None:
        """Learn the pace: how many grants may wait without waiting long."""
        seconds = now - self._measured
        if seconds >= self._settings.waiting_seconds:
            pace = self._ended / seconds
            self._room = min(self._settings.waiting_max, int(pace * self._settings.waiting_seconds))
            self._ended, self._measured = 0, now

    def wished(self, claimed: int) -> int:
        """How many more grants are welcome, given the claims that are not answered yet."""
        return max(0, self._settings.slots + self._room - self.running - self.waiting - claimed)
