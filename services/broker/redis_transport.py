"""kombu's Redis transport with a leaner way to publish: one kept connection, one write for everything that is ready.

kombu builds a new client and a new pipeline for every publish, twice the cost of sending itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any, Final, TypeAlias

import orjson
from kombu.transport import redis as kombu_redis

_Command: TypeAlias = tuple[Any, ...]
_tags: Final = count(1)


class LeanChannel(kombu_redis.Channel):  # type: ignore[misc]
    """kombu's channel; what is published goes out on a connection that stays."""

    _publishing: Any = None

    def create_publish_batch(self, max_size: int) -> LeanBatch:
        """The batch that `Producer.batch` fills."""
        return LeanBatch(self, max_size)

    def execute(self, commands: Sequence[_Command]) -> None:
        """Send all commands in one write, then read all answers; the first refusal is raised after the last answer."""
        if self._publishing is None:
            self._publishing = self.pool.get_connection()
        connection = self._publishing
        try:
            connection.send_packed_command(connection.pack_commands(commands))
            refusals = [answer for _ in commands if isinstance(answer := self._answer(connection), Exception)]
        except BaseException:
            connection.disconnect()
            raise
        if refusals:
            raise refusals[0]

    def _answer(self, connection: Any) -> Any:
        try:
            return connection.read_response()
        except self.ResponseError as refusal:
            return refusal

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:
        batch = kwargs.get("_publish_batch")
        commands: list[_Command] = [("LPUSH", self.global_keyprefix + queue, orjson.dumps(message))]
        if queue in self._expires:
            commands.append(("PEXPIRE", self.global_keyprefix + queue, self._expires[queue]))
        if batch is None:
            self.execute(commands)
        else:
            batch.add(commands)

    def _next_delivery_tag(self) -> str:
        """Nobody acknowledges, so a number will do."""
        return str(next(_tags))

    def close(self) -> None:
        """Let go of the kept connection too."""
        publishing, self._publishing = self._publishing, None
        if publishing is not None:
            publishing.disconnect()
        super().close()


class LeanBatch:
    """The commands of many publishes."""

    def __init__(self, channel: LeanChannel, max_size: int) -> None:
        """Begin with none."""
        self.channel = channel
        self._max_size = max_size
        self._commands: list[_Command] = []

    def publish(self, message: Any, **kwargs: Any) -> None:
        """Add one prepared message."""
        self.channel.basic_publish(message, _publish_batch=self, **kwargs)

    def add(self, commands: list[_Command]) -> None:
        """Add what one message needs; a full batch goes out."""
        self._commands += commands
        if len(self._commands) >= self._max_size:
            self.flush()

    def flush(self) -> None:
        """Send what was added."""
        commands, self._commands = self._commands, []
        if commands:
            self.channel.execute(commands)

    def discard(self) -> None:
        """Forget what was not sent."""
        self._commands.clear()

    def close(self) -> None:
        """Nothing is held."""


class LeanTransport(kombu_redis.Transport):  # type: ignore[misc]
    """kombu's transport for `redis://` and `rediss://`, with our channel."""

    Channel = LeanChannel
