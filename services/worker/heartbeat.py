"""Who must hear that this worker lives, when, and whether it may itself believe so (R15, R16)."""

from __future__ import annotations

from collections.abc import Iterable

from services.worker.settings import WorkerSettings


class Heartbeat:
    """The schedulers that this worker knows, and the age of its last sign of life."""

    def __init__(self, settings: WorkerSettings, now: float) -> None:
        """Knows nobody; nobody can miss it yet."""
        self._settings = settings
        self._heard: dict[str, float] = {}
        self._beaten: dict[str, float] = {}
        self._renewed = now

    def hear(self, scheduler: str, now: float) -> bool:
        """A scheduler's queue was named in a message; True if it was not known."""
        new = scheduler not in self._heard
        self._heard[scheduler] = now
        return new

    def forget_silent(self, still_needed: Iterable[str], now: float) -> None:
        """Drop schedulers not heard of for a while, unless they wait for a result of ours."""
        needed = set(still_needed)
        for scheduler in [one for one, heard in self._heard.items() if now - heard > self._settings.scheduler_seconds]:
            if scheduler not in needed:
                del self._heard[scheduler]
                self._beaten.pop(scheduler, None)

    @property
    def schedulers(self) -> list[str]:
        """The queues to beat to."""
        return list(self._heard)

    def may_ride(self, scheduler: str, now: float) -> bool:
        """Is a known scheduler's last beat old enough for another one to ride with a body?"""
        return scheduler in self._heard and now - self._beaten.get(scheduler, -1e9) >= self._settings.credit_seconds

    def beaten(self, scheduler: str, now: float) -> None:
        """A beat goes out to it."""
        self._beaten[scheduler] = now

    def renew(self, connected: bool, now: float) -> None:
        """It was time to beat: while the broker is connected, the schedulers hear it."""
        if connected:
            self._renewed = now

    def doubts(self, now: float) -> bool:
        """Have beats been missing for so long that schedulers may soon take this worker for lost (R16)?"""
        return now - self._renewed > self._settings.worker_lease_seconds - self._settings.suspicion_seconds
