"""What the services ask of the broker: hints that may be lost, doubled or late, never the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol


class Subscription(Protocol):
    """One listener on some queues."""

    def listen_to(self, queues: Sequence[str]) -> None:
        """Replace the queues it listens to."""
        ...

    async def close(self) -> None:
        """Stop listening; nothing is delivered afterwards."""
        ...


class Broker(Protocol):
    """Queues of byte strings, addressed by name."""

    def send(self, queue: str, body: bytes) -> None:
        """Send without waiting; call it on the event loop. What cannot be sent is dropped and counted."""
        ...

    def subscribe(self, queues: Sequence[str], handler: Callable[[list[bytes]], None]) -> Subscription:
        """Call `handler` on the event loop with every body that is ready, oldest first."""
        ...

    async def length(self, queue: str) -> int:
        """How many bodies wait in the queue, about."""
        ...

    def connected_seconds(self) -> float:
        """How long the connection has been up without a break; 0 while it is down (R15)."""
        ...

    async def close(self) -> None:
        """Send what is left, then disconnect."""
        ...
