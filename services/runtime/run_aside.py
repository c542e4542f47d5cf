"""Work that may take long, handed to whoever can do it without holding the event loop up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class RunAside(Protocol):
    """Calls a function, on a thread where that is possible; `asyncio.to_thread` is one."""

    async def __call__(self, act: Callable[[], T], /) -> T:
        """What the function returns."""
        ...
