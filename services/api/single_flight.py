"""One question to the store at a time for each key: callers that come meanwhile share the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Without it, a burst on something not yet cached would put thousands of equal questions to the store."""

    def __init__(self) -> None:
        """Nothing is being asked."""
        self._open: dict[K, asyncio.Task[V]] = {}

    async def ask(self, key: K, question: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """The answer to the question; what it raises reaches all who wait for it."""
        task = self._open.get(key)
        if task is None:
            task = asyncio.create_task(question())
            self._open[key] = task
            task.add_done_callback(lambda _: self._open.pop(key, None))
        # A caller that goes away must not take the answer from the others.
        return await asyncio.shield(task)
