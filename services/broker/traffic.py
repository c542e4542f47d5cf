"""What the broker has done so far, in numbers; the metrics read them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Traffic:
    """Counts since the start. Each field has one writing thread.

    Attributes:
        sent: bodies handed to the broker's server.
        dropped: bodies that could not be sent: the buffer was full, or the server refused them.
        received: bodies handed to a handler.
        unreadable: messages that were not ours.
        disconnects: how often a connection broke.
    """

    sent: int = 0
    dropped: int = 0
    received: int = 0
    unreadable: int = 0
    disconnects: int = 0
