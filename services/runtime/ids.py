"""Ids and random bytes, handed in: the operating system's in production, seeded in tests."""

from __future__ import annotations

import os
from typing import Protocol
from uuid import UUID


class Ids(Protocol):
    """The only source of randomness."""

    def entropy(self, count: int) -> bytes:
        """That many random bytes."""
        ...

    def execution_id(self, now_ms: int) -> UUID:
        """A new id that sorts by its time (UUID version 7), so that tables partition by start day."""
        ...

    def uuid(self) -> UUID:
        """A new random id (UUID version 4)."""
        ...


class SystemIds:
    """The operating system's random source."""

    def entropy(self, count: int) -> bytes:
        """That many random bytes."""
        return os.urandom(count)

    def execution_id(self, now_ms: int) -> UUID:
        """48 bits of Unix milliseconds, then 74 random bits."""
        return uuid7(now_ms, os.urandom(10))

    def uuid(self) -> UUID:
        """Version 4."""
        return uuid4(os.urandom(16))


def uuid7(now_ms: int, random: bytes) -> UUID:
    """Make a version 7 UUID of a time and 10 random bytes."""
    bits = now_ms << 80 | int.from_bytes(random)
    bits = bits & ~(0xF << 76) | 0x7 << 76
    return UUID(int=bits & ~(0x3 << 62) | 0x2 << 62)


def uuid4(random: bytes) -> UUID:
    """Make a version 4 UUID of 16 random bytes."""
    bits = int.from_bytes(random)
    bits = bits & ~(0xF << 76) | 0x4 << 76
    return UUID(int=bits & ~(0x3 << 62) | 0x2 << 62)
