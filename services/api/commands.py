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
from services.runtime.clock import Clock
from services.runtime.faults import Fault
from services.store.interface import AdmissionStore
from services.store.records import shard_of

TRIES: Final = 2
OWNERLESS_SECONDS: Final = 0.1
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
    """A command that waits for its answer: how often it was sent, and how many who got it do not own the shard.

    `woken` tells that there is something to look at: a reply, or that the time for one is over.
    """

    woken: asyncio.Future[None] | None = None
    reply: Reply | None = None
    sent: int = 0
    disowned: int = 0

    def wake(self) -> None:
        """Let whoever waits look."""
        if self.woken is not None and not self.woken.done():
            self.woken.set_result(None)


class Commands:
    """Sends commands and matches replies."""

    def __init__(
        self,
        store: AdmissionStore,
        broker: Broker,
        owners: Owners,
        clock: Clock,
        new_id: Callable[[], str],
        *,
        reply_to: str,
        reply_seconds: float,
    ) -> None:
        """`reply_to` is this process's queue; whoever listens there calls `on_reply`."""
        self._store = store
        self._broker = broker
        self._owners = owners
        self._clock = clock
        self._reply_to = reply_to
        self._reply_seconds = reply_seconds
        self._new_id = new_id
        self._open: dict[str, _Asked] = {}

    def on_reply(self, reply: Reply) -> None:
        """A reply came; late and doubled ones are dropped."""
        asked = self._open.get(reply.request_id)
        if asked is None or asked.reply is not None:
            return
        if reply.error == NOT_OWNER:
            asked.disowned += 1
            if asked.disowned < asked.sent:
                return  # of an earlier try; a later one may still be answered
        else:
            asked.reply = reply
        asked.wake()

    async def ask(self, execution_id: UUID, kind: str, body: bytes) -> list[Any]:
        """Send a command and return what the owner answers; the first answer counts, whichever try it is of.

        Raises:
            Refused: the owner's committed refusal.
            NoAnswer: nobody answered.
        """
        shard = shard_of(execution_id, self._store.shards)
        request_id, asked = self._new_id(), _Asked()
        command = Command(request_id, self._reply_to, execution_id.bytes, shard, kind, body)
        self._open[request_id] = asked
        try:
            for attempt in range(TRIES):
                queue = await self._owner_of(shard, sure=attempt > 0)
                reply = asked.reply or await self._ask_once(asked, queue, command)
                if reply is None:
                    continue
                if reply.error:
                    raise Refused(reply.error, unpack(reply.body))
                return unpack(reply.body)
        finally:
            del self._open[request_id]
        raise NoAnswer(f"no owner answered {kind}")

    async def _owner_of(self, shard: int, sure: bool) -> str | None:
        """The queue of the shard's owner, `sure`: as the store knows it now. None if it stays without one for long."""
        queues = await (self._owners.refresh() if sure else self._owners.queues())
        until = self._clock.monotonic() + self._reply_seconds
        while shard not in queues and self._clock.monotonic() < until:
            await self._clock.sleep(OWNERLESS_SECONDS)
            queues = await self._owners.queues()
        return queues.get(shard)

    async def _ask_once(self, asked: _Asked, queue: str | None, command: Command) -> Reply | None:
        """Send it once more and wait for a while; None if nobody answered who owns the shard."""
        if queue is None:
            return None
        asked.sent += 1
        loop = asyncio.get_running_loop()
        woken = asked.woken = loop.create_future()
        self._broker.send(queue, encode([command]))
        # One timer instead of `asyncio.wait`, which makes a future and a callback more: this is a hot path.
        patience = loop.call_later(self._reply_seconds, asked.wake)
        try:
            await woken
        finally:
            patience.cancel()
        return asked.reply

    async def leave(self, execution_id: UUID, kind: str, body: bytes) -> None:
        """Leave a command in the inbox of the execution's shard: durable, without an answer."""
        shard = shard_of(execution_id, self._store.shards)
        await self._store.put_in_inbox(shard, encode([Command("", "", execution_id.bytes, shard, kind, body)]))

    async def tell_everybody(self, kind: str, body: bytes) -> None:
        """Send a command without reply to every scheduler that owns a shard."""
        for queue in sorted(set((await self._owners.queues()).values())):
            self._broker.send(queue, encode([Command("", "", b"", 0, kind, body)]))
