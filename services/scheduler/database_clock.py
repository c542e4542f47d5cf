"""An estimate of the database's clock that runs behind it, never ahead, by at most a network delay (R21)."""

from __future__ import annotations

from typing import Final

from services.runtime.clock import Clock

_TRUST_SECONDS: Final = 10.0


class DatabaseClock:
    """Learns from the time that every commit returns.

    An answer is as old as its way back, so the highest estimate of the last seconds is the best one; after that the
    next answer counts whatever it says, which follows drift and jumps.
    """

    def __init__(self, clock: Clock) -> None:
        """Until the first answer the local clock has to do."""
        self._clock = clock
        self._base_ms = clock.now_ms()
        self._base = clock.monotonic()
        self._trusted_until = self._base

    def learn(self, now_ms: int) -> None:
        """Take the database's time out of an answer that has just come."""
        now = self._clock.monotonic()
        if now >= self._trusted_until or now_ms >= self.now_ms():
            self._base_ms, self._base = now_ms, now
            self._trusted_until = now + _TRUST_SECONDS

    def now_ms(self) -> int:
        """Unix milliseconds."""
        return self._base_ms + int((self._clock.monotonic() - self._base) * 1000)
