"""How many payload bytes all executions of a lane hold."""

from __future__ import annotations


class LaneMemory:
    """What all executions of a lane hold together."""

    __slots__ = ("held_bytes",)

    def __init__(self) -> None:
        """Nothing."""
        self.held_bytes = 0
