"""What the operator may hear of a scheduler."""

from __future__ import annotations

from typing import Protocol

from services.scheduler.turn import Turn


class Observer(Protocol):
    """Counts; never in the way."""

    def committed(self, seconds: float, turns: int) -> None:
        """A group commit was answered after so many seconds; it held that many turns."""
        ...

    def turn(self, turn: Turn) -> None:
        """A turn is in the store: its transitions, its stale stimuli, the start or end of its execution."""
        ...

    def late(self, seconds: float) -> None:
        """A timer fired that long after its deadline."""
        ...

    def worker_lost(self) -> None:
        """An incarnation was silent for too long (R15)."""
        ...

    def tenure_lost(self) -> None:
        """A shard was given up without our wish."""
        ...

    def broken(self) -> None:
        """An execution broke an invariant and was put aside."""
        ...


class Silent:
    """Counts nothing."""

    def committed(self, seconds: float, turns: int) -> None:
        """Nothing."""

    def turn(self, turn: Turn) -> None:
        """Nothing."""

    def late(self, seconds: float) -> None:
        """Nothing."""

    def worker_lost(self) -> None:
        """Nothing."""

    def tenure_lost(self) -> None:
        """Nothing."""

    def broken(self) -> None:
        """Nothing."""
