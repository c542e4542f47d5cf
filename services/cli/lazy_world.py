"""Integrations that are made when the first task needs them, or a moment after the start, whichever comes first.

The packages behind them take as long to load as everything else together; nobody should wait for that who only wants
to see the server up.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Any

from services.integrations.interface import Call, Failed, Outcome, Pending, Succeeded

if TYPE_CHECKING:
    from services.integrations.items.objects import ItemObjects, Owner
    from services.integrations.registry import WorldIntegrations


class LazyWorld:
    """Stands for integrations that `make` makes once their modules are loaded."""

    def __init__(self, make: Callable[[], WorldIntegrations], modules: tuple[str, ...]) -> None:
        """Nothing is loaded yet."""
        self._make = make
        self._modules = modules
        self._loading: asyncio.Task[WorldIntegrations] | None = None

    async def load(self) -> WorldIntegrations:
        """Load and make them; every caller gets the same ones."""
        if self._loading is None:
            self._loading = asyncio.create_task(self._load(), name="load integrations")
        return await asyncio.shield(self._loading)

    async def call(self, call: Call) -> Outcome:
        """Run the attempt."""
        return await (await self.load()).call(call)

    async def poll(self, call: Call, job: Mapping[str, Any]) -> Succeeded | Failed | Pending:
        """Look at a submitted job."""
        return await (await self.load()).poll(call, job)

    async def cancel(self, call: Call, job: Mapping[str, Any]) -> None:
        """Stop a submitted job."""
        await (await self.load()).cancel(call, job)

    async def get(self, owner: Owner, parameters: Mapping[str, Any]) -> bytes:
        """The content of an object, for a distributed Map."""
        return await (await self._objects()).get(owner, parameters)

    async def listing(self, owner: Owner, parameters: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """The objects below a prefix, for a distributed Map."""
        objects = await self._objects()
        async for found in objects.listing(owner, parameters):
            yield found

    async def put(self, owner: Owner, bucket: str, key: str, content: bytes) -> None:
        """Write an object of a distributed Map's results."""
        await (await self._objects()).put(owner, bucket, key, content)

    async def _objects(self) -> ItemObjects:
        return (await self.load()).objects

    async def close(self) -> None:
        """End what was made."""
        if self._loading is not None:
            await (await self._loading).close()

    async def _load(self) -> WorldIntegrations:
        """The imports run in a thread, so that the event loop goes on."""
        for name in self._modules:
            await asyncio.to_thread(importlib.import_module, name)
        return self._make()
