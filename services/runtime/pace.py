"""Whose turns may take long, learned from the turns that were taken.

An expression may work for about a second before its budget ends it, which nobody can tell by looking at it. So a
state machine is believed to be quick until one of its turns takes long; one that evaluates JSONata, which can loop,
only after its first turn, and one whose turn took long only after many quick ones.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

SLOW_SECONDS: Final = 0.05
"""A turn that takes longer is one of a slow state machine."""
QUICK_TURNS: Final = 20
"""So many quick turns in a row make a slow state machine a quick one again."""
KNOWN_MAX: Final = 10_000


class Pace(Generic[K]):
    """How state machines were, by whatever names them."""

    def __init__(self) -> None:
        """Nobody is known."""
        self._quick_turns_needed: OrderedDict[K, int] = OrderedDict()

    def knows(self, machine: K) -> bool:
        """Whether it was met before, and not so long ago that it is forgotten."""
        return machine in self._quick_turns_needed

    def meet(self, machine: K, can_loop: bool) -> None:
        """Meet one that is not known; `can_loop` says that its first turn may take long."""
        self._quick_turns_needed[machine] = int(can_loop)

    def is_slow(self, machine: K) -> bool:
        """Whether its next turn may take long."""
        return self._quick_turns_needed.get(machine, 0) > 0

    def proved_slow(self, machine: K) -> bool:
        """Whether a turn of it has taken long, not long ago."""
        return self._quick_turns_needed.get(machine, 0) > 1

    def took(self, machine: K, seconds: float) -> bool:
        """Learn from how long a turn took; whether that was long."""
        slow = seconds > SLOW_SECONDS
        if slow:
            self._quick_turns_needed[machine] = QUICK_TURNS
        elif self.is_slow(machine):
            self._quick_turns_needed[machine] -= 1
        return slow

    def trim(self, kept: Callable[[K], bool]) -> None:
        """Forget the one known longest, if there are too many; one that is to be `kept` becomes the newest instead."""
        if len(self._quick_turns_needed) <= KNOWN_MAX:
            return
        oldest = next(iter(self._quick_turns_needed))
        if kept(oldest):
            self._quick_turns_needed.move_to_end(oldest)
        else:
            del self._quick_turns_needed[oldest]
