"""The runner of bulk jobs put together: it speaks to the owners of executions as the API does."""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID

from services.api.commands import Commands, Refused
from services.api.owners import Owners
from services.broker import queues
from services.broker.interface import Broker
from services.broker.messages import Reply, readable
from services.runtime.clock import Clock
from services.runtime.ids import Ids
from services.scheduler.bulk_jobs import BulkJobs, Refusal
from services.store.postgres import PostgresStore

OWNERS_SECONDS: Final = 1.0
REPLY_SECONDS: Final = 2.0


class BulkRunner:
    """`BulkJobs` with a queue of its own for the replies."""

    def __init__(self, store: PostgresStore, broker: Broker, clock: Clock, ids: Ids) -> None:
        """Nothing is claimed, nobody listens yet."""
        name = f"bulk-{ids.entropy(8).hex()}"
        self._queue = queues.api(name)
        self._broker = broker
        owners = Owners(store, clock, OWNERS_SECONDS)
        self._commands = Commands(
            store,
            broker,
            owners,
            clock,
            lambda: ids.entropy(12).hex(),
            reply_to=self._queue,
            reply_seconds=REPLY_SECONDS,
        )
        self._jobs = BulkJobs(store, self._ask, clock, name)

    async def run(self) -> None:
        """Work until `stop`."""
        subscription = self._broker.subscribe([self._queue], self._receive)
        try:
            await self._jobs.run()
        finally:
            await asyncio.shield(subscription.close())

    async def stop(self) -> None:
        """Give the jobs back."""
        await self._jobs.stop()

    async def _ask(self, execution_id: UUID, kind: str, body: bytes) -> Refusal | None:
        try:
            await self._commands.ask(execution_id, kind, body)
        except Refused as refused:
            return Refusal(refused.code, str(refused.values[0]) if refused.values else "")
        return None

    def _receive(self, bodies: list[bytes]) -> None:
        for message in readable(bodies):
            if isinstance(message, Reply):
                self._commands.on_reply(message)
