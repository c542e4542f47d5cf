"""Ids and random bytes, handed in: the operating system's in production, seeded in tests."""

from __future__ import annotations

import os
import threading
from typing import Final, Protocol
from uuid import UUID

_POOL_BYTES: Final = 4096


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
    """The operating system's random source, read in larger pieces: each of its bytes is handed out once."""

    def __init__(self) -> None:
        """Nothing read yet."""
        self._bytes = b""
        self._used = 0
        self._lock = threading.Lock()

    def entropy(self, count: int) -> bytes:
        """That many random bytes."""
        if count > _POOL_BYTES:
            return os.urandom(count)
        with self._lock:
            used = self._used
            taken = self._bytes[used : used + count]
            if len(taken) < count:
                self._bytes = os.urandom(_POOL_BYTES)
                used, taken = 0, self._bytes[:count]
            self._used = used + count
        return taken

    def execution_id(self, now_ms: int) -> UUID:
        """48 bits of Unix milliseconds, then 74 random bits."""
        return uuid7(now_ms, self.entropy(10))

    def uuid(self) -> UUID:
        """Version 4."""
        return uuid4(self.entropy(16))


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


def uuid4_text(random: bytes) -> str:
    """The text of a version 4 UUID of 16 random bytes, where only the text is wanted."""
    digits = random.hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{'89ab'[random[8] & 3]}{digits[17:20]}-{digits[20:]}"
