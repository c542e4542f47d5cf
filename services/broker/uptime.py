"""How long one connection has been up without a break."""

from __future__ import annotations

from services.runtime.clock import Clock


class Uptime:
    """Written by the thread that owns the connection, read on the event loop."""

    def __init__(self, clock: Clock) -> None:
        """Down, to begin with."""
        self._clock = clock
        self._up_since: float | None = None

    def up(self) -> None:
        """The connection works; only the first call after a break counts."""
        if self._up_since is None:
            self._up_since = self._clock.monotonic()

    def down(self) -> bool:
        """The connection broke; True if it was up."""
        was_up = self._up_since is not None
        self._up_since = None
        return was_up

    def seconds(self) -> float:
        """Seconds since it came up; 0 while it is down."""
        since = self._up_since
        return 0.0 if since is None else self._clock.monotonic() - since
