"""java.util.Random's sequence for a seed, which the service's seeded functions follow.

Source: `$random(42)` is 0.7275636800328681 on the service.
"""

from __future__ import annotations

from typing import Final

_MULTIPLIER: Final = 0x5DEECE66D
_MASK: Final = (1 << 48) - 1


class JavaRandom:
    """The linear congruential generator of java.util.Random."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        """Scramble the seed as Java does; only its low 48 bits matter."""
        self._state = (seed ^ _MULTIPLIER) & _MASK

    def _next(self, bits: int) -> int:
        self._state = (self._state * _MULTIPLIER + 0xB) & _MASK
        return self._state >> (48 - bits)

    def next_double(self) -> float:
        """The next number in [0, 1)."""
        return float((self._next(26) << 27) + self._next(27)) * 2.0**-53

    def next_below(self, bound: int) -> int:
        """The next integer in [0, bound); `bound` is positive."""
        if bound > 1 << 31:
            return int(self.next_double() * bound)
        if bound & (bound - 1) == 0:
            return (bound * self._next(31)) >> 31
        while True:
            bits = self._next(31)
            value = bits % bound
            if bits - value + (bound - 1) < 1 << 31:
                return value
