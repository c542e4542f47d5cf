"""What schedulers send to this API process: replies to commands, offers, grants and refusals of activity tasks."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from services.api.commands import Commands
from services.api.pollers import Pollers
from services.broker.interface import Broker, Subscription
from services.broker.messages import Grant, Offer, Refusal, Reply, readable

log = logging.getLogger("stepwell.api")


class Inbound:
    """Listens on the process's own queues and hands each message to who waits for it."""

    def __init__(self, broker: Broker, commands: Commands, pollers: Pollers, queues: Sequence[str]) -> None:
        """Does not listen yet."""
        self._broker = broker
        self._commands = commands
        self._pollers = pollers
        self._queues = queues
        self._subscription: Subscription | None = None

    def start(self) -> None:
        """Listen."""
        self._subscription = self._broker.subscribe(self._queues, self._receive)

    async def close(self) -> None:
        """Stop listening."""
        if self._subscription is not None:
            await self._subscription.close()
            self._subscription = None

    def _receive(self, bodies: list[bytes]) -> None:
        for message in readable(bodies):
            match message:
                case Reply():
                    self._commands.on_reply(message)
                case Offer():
                    self._pollers.on_offer(message)
                case Grant():
                    self._pollers.on_grant(message)
                case Refusal():
                    self._pollers.on_refusal(message)
                case _:
                    log.warning("a message of a kind not meant for the API", extra={"kind": type(message).__name__})
