"""What leaves the worker: gathered by destination, one body each at the end of the loop's turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from services.broker.interface import Broker
from services.broker.messages import Message, Result, encode

BODY_MESSAGES_MAX: Final = 256
BODY_BYTES_MAX: Final = 1_048_576


class Outbox:
    """Messages by queue."""

    def __init__(self, broker: Broker, soon: Callable[[Callable[[], None]], object]) -> None:
        """`soon` calls a function at the end of the loop's turn."""
        self._broker = broker
        self._soon = soon
        self._messages: dict[str, list[Message]] = {}
        self.before_flush: Callable[[str], None] | None = None

    def put(self, queue: str, message: Message) -> None:
        """Send with the next flush."""
        if not self._messages:
            self._soon(self.flush)
        gathered = self._messages.get(queue)
        if gathered is None:
            self._messages[queue] = [message]
        else:
            gathered.append(message)

    def flush(self) -> None:
        """Send what is gathered, each queue's in as few bodies as the bounds allow."""
        if self.before_flush is not None:
            for queue in list(self._messages):
                self.before_flush(queue)
        gathered, self._messages = self._messages, {}
        for queue, messages in gathered.items():
            self._send(queue, messages)

    def _send(self, queue: str, messages: list[Message]) -> None:
        first = size = 0
        for index, message in enumerate(messages):
            weight = len(message.output or b"") if type(message) is Result else 0
            if index > first and (index - first >= BODY_MESSAGES_MAX or size + weight > BODY_BYTES_MAX):
                self._broker.send(queue, encode(messages[first:index]))
                first, size = index, 0
            size += weight
        self._broker.send(queue, encode(messages[first:]))
