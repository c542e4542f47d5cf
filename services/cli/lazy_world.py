"""Integrations that are made when the first task needs them, or a moment after the start, whichever comes first.

The packages behind them take as long to load as everything else together; nobody should wait for that who only wants
to see the server up.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Mapping
from typing import Any

from services.integrations.interface import Call, Failed, Integrations, Outcome, Pending, Succeeded


class LazyWorld:
    """Stands for integrations that `make` makes once their modules are loaded."""

    def __init__(self, make: Callable[[], Integrations], modules: tuple[str, ...]) -> None:
        """Nothing is loaded yet."""
        self._make = make
        self._modules = modules
        self._loading: asyncio.Task[Integrations] | None = None

    async def load(self) -> Integrations:
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

    async def close(self) -> None:
        """End what was made."""
        if self._loading is not None:
            await (await self._loading).close()

    async def _load(self) -> Integrations:
        """The imports run in a thread, so that the event loop goes on."""
        for name in self._modules:
            await asyncio.to_thread(importlib.import_module, name)
        return self._make()
