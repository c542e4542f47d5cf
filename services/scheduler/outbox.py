"""The outbox of one moment: messages gathered by destination, then one body each."""

from __future__ import annotations

from typing import Final

from services.broker import queues
from services.broker.interface import Broker
from services.broker.messages import Ack, Grant, Message, Offer, Poll, Refusal, Reply, encode

_BODY_MESSAGES_MAX: Final = 64
_BODY_BYTES_MAX: Final = 1_048_576


class Outbox:
    """Collects what the last commit allows to leave the process."""

    def __init__(self, broker: Broker) -> None:
        """Empty."""
        self._broker = broker
        self._acks: dict[str, list[bytes]] = {}
        self._queues: dict[str, list[Message]] = {}

    def put(self, queue: str, message: Message) -> None:
        """Add a message for a queue."""
        messages = self._queues.get(queue)
        if messages is None:
            self._queues[queue] = [message]
        else:
            messages.append(message)

    def ack(self, incarnation: str, grant: bytes) -> None:
        """Add the acknowledgement of a result; all of one incarnation travel in one message (R13)."""
        grants = self._acks.get(incarnation)
        if grants is None:
            self._acks[incarnation] = [grant]
        else:
            grants.append(grant)

    def refuse(self, incarnation: str, token: bytes) -> None:
        """Add the answer to a claim that came too late; every claim gets one (R10)."""
        self.put(queues.incarnation(incarnation), Refusal(token))

    def flush(self) -> None:
        """Send everything; a body holds a bounded number of messages and bytes."""
        if self._acks:
            acks, self._acks = self._acks, {}
            for incarnation, grants in acks.items():
                self.put(queues.incarnation(incarnation), Ack(grants))
        if self._queues:
            destinations, self._queues = self._queues, {}
            for queue, messages in destinations.items():
                self._send(queue, messages)

    def _send(self, queue: str, messages: list[Message]) -> None:
        start = size = 0
        for index, message in enumerate(messages):
            size += _size_of(message)
            if index - start == _BODY_MESSAGES_MAX or (size > _BODY_BYTES_MAX and index > start):
                self._broker.send(queue, encode(messages[start:index]))
                start, size = index, _size_of(message)
        self._broker.send(queue, encode(messages[start:]))


def _size_of(message: Message) -> int:
    if isinstance(message, Grant | Poll):
        return len(message.job.input)
    if isinstance(message, Offer):
        return _BODY_BYTES_MAX  # alone in its body: several workers share the queue, and each has few slots
    return len(message.body) if isinstance(message, Reply) else 0
