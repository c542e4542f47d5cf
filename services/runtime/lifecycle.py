"""The life of a process: start its parts, run them until a signal comes, stop them in order.

The first SIGTERM or SIGINT stops cleanly; the second one ends the process at once, which is always safe.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

_STOP_SECONDS: Final = 15.0
_SILENT_SECONDS: Final = 1.0
_STILL_STOPPING: Final = "stopping: what runs may finish; a second signal ends it at once, and nothing is lost"

log = logging.getLogger("stepwell")


@dataclass(frozen=True, slots=True)
class Part:
    """Something that runs until it is stopped. `run` ends after `stop`; if it ends before, the process ends too."""

    name: str
    run: Callable[[], Awaitable[Any]]
    stop: Callable[[], Awaitable[Any]]


async def live(parts: Sequence[Part], on_ready: Callable[[], Awaitable[None]] | None = None) -> int:
    """Run the parts until a signal comes or one of them ends, then stop them, first to last; returns the exit code."""
    stopped = _stop_on_signals()
    tasks = {asyncio.ensure_future(part.run()): part for part in parts}
    waiting: set[asyncio.Future[Any]] = {*tasks, stopped}
    ready = asyncio.ensure_future(_tell(on_ready))
    # What was made so far lives as long as the process; the collector need not look at it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    code = 0
    for task, part in tasks.items():
        if task.done() and not stopped.done():
            code = 1
            log.error("%s ended unexpectedly", part.name, exc_info=task.exception())
    ready.cancel()
    patience = asyncio.get_running_loop().call_later(_SILENT_SECONDS, log.warning, _STILL_STOPPING)
    for task, part in tasks.items():
        if not task.done():
            await part.stop()
            await asyncio.wait([task], timeout=_STOP_SECONDS)
        task.cancel()
    patience.cancel()
    return code


async def _tell(on_ready: Callable[[], Awaitable[None]] | None) -> None:
    """Run what comes after the start; a bug in it must not stay silent, nor end what already runs."""
    try:
        if on_ready is not None:
            await on_ready()
    except Exception:
        log.exception("what should follow the start failed")


def _stop_on_signals() -> asyncio.Future[None]:
    """A future that the first signal resolves."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[None] = loop.create_future()

    def on_signal() -> None:
        if stopped.done():
            os._exit(130)
        stopped.set_result(None)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    return stopped
