"""Commands to the owner of an execution, answered after its commit (protocol R18).

A command goes to the owner's queue and its reply to this process's own. An owner that does not answer within two
seconds is looked up again and asked once more; then the caller gets a 5xx, which SDKs try again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from services.api.owners import Owners
from services.broker.interface import Broker
from services.broker.messages import Command, Reply, encode, unpack
from services.runtime.faults import Fault
from services.store.interface import AdmissionStore
from services.store.records import shard_of

TRIES: Final = 2
NOT_OWNER: Final = "NotOwner"


class NoAnswer(Fault):
    """No owner answered in time: the command may have taken effect or not."""


class Refused(Exception):
    """The owner refused: AWS's error code and the values that its text names."""

    def __init__(self, code: str, values: list[Any]) -> None:
        """Keep both."""
        super().__init__(code)
        self.code = code
        self.values = values


@dataclass(slots=True)
class _Asked:
    """A command that waits for its answer: how often it was sent, and how many who got it do not own the shard."""

    answer: asyncio.Future[Reply]
    sent: int = 0
    disowned: int = 0


class Commands:
    """Sends commands and matches replies."""

    def __init__(
        self, store: AdmissionStore, broker: Broker, owners: Owners, reply_to: str, reply_seconds: float,
        new_id: Callable[[], str],
    ) -> None:  # fmt: skip
        """`reply_to` is this process's queue; whoever listens there calls `on_reply`."""
        self._store = store
        self._broker = broker
        self._owners = owners
        self._reply_to = reply_to
        self._reply_seconds = reply_seconds
        self._new_id = new_id
        self._open: dict[str, _Asked] = {}

    def on_reply(self, reply: Reply) -> None:
        """A reply came; late and doubled ones are dropped."""
        asked = self._open.get(reply.request_id)
        if asked is None or asked.answer.done():
            return
        if reply.error == NOT_OWNER:
            asked.disowned += 1
            if asked.disowned < asked.sent:
                return  # of an earlier try; a later one may still be answered
        asked.answer.set_result(reply)

    async def ask(self, execution_id: UUID, kind: str, body: bytes) -> list[Any]:
        """Send a command and return what the owner answers; the first answer counts, whichever try it is of.

        Raises:
            Refused: the owner's committed refusal.
            NoAnswer: nobody answered.
        """
        shard = shard_of(execution_id, self._store.shards)
        request_id, asked = self._new_id(), _Asked(asyncio.get_running_loop().create_future())
        command = Command(request_id, self._reply_to, execution_id.bytes, shard, kind, body)
        self._open[request_id] = asked
        try:
            for attempt in range(TRIES):
                queues = await (self._owners.queues() if attempt == 0 else self._owners.refresh())
                reply = await self._ask_once(asked, queues.get(shard), command)
                if reply is None:
                    continue
                if reply.error:
                    raise Refused(reply.error, unpack(reply.body))
                return unpack(reply.body)
        finally:
            del self._open[request_id]
        raise NoAnswer(f"no owner answered {kind}")

    async def _ask_once(self, asked: _Asked, queue: str | None, command: Command) -> Reply | None:
        """Send it once more and wait for a while; None if nobody answered who owns the shard."""
        if queue is not None:
            asked.sent += 1
            self._broker.send(queue, encode([command]))
        await asyncio.wait([asked.answer], timeout=self._reply_seconds)
        if not asked.answer.done():
            return None
        reply = asked.answer.result()
        if reply.error == NOT_OWNER:
            asked.answer = asyncio.get_running_loop().create_future()
            return None
        return reply

    async def leave(self, execution_id: UUID, kind: str, body: bytes) -> None:
        """Leave a command in the inbox of the execution's shard: durable, without an answer."""
        shard = shard_of(execution_id, self._store.shards)
        await self._store.put_in_inbox(shard, encode([Command("", "", execution_id.bytes, shard, kind, body)]))

    async def tell_everybody(self, kind: str, body: bytes) -> None:
        """Send a command without reply to every scheduler that owns a shard."""
        for queue in sorted(set((await self._owners.queues()).values())):
            self._broker.send(queue, encode([Command("", "", b"", 0, kind, body)]))
