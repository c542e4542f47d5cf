"""Where log lines go. Best effort, as in AWS: a sink never blocks and never fails an execution; it drops and counts."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Final, Protocol

from services.execution_logs.policy import LogPolicy

_GATHER_SECONDS: Final = 0.02
_WAITING_CHARACTERS_MAX: Final = 64 * 1024 * 1024


class Sink(Protocol):
    """Takes log lines; must not block."""

    def wants(self, policy: LogPolicy) -> bool:
        """Whether lines under this policy would be kept; if no sink wants them they are not even made."""
        ...

    def write(self, policy: LogPolicy, machine_name: str, timestamp_ms: int, lines: Sequence[str]) -> None:
        """Take the lines of one turn of one execution."""
        ...

    async def handed_over(self) -> None:
        """Return when nothing that was written so far is in this process alone, delivered or given up."""
        ...

    async def close(self) -> None:
        """Write what is left."""
        ...


class LinesSink:
    """JSON lines into a file or standard output, written by a thread: a slow disk or reader blocks nobody."""

    def __init__(self, output: IO[bytes], on_dropped: Callable[[int], None], on_written: Callable[[int], None]) -> None:
        """Write to `output`; the callbacks are told how many lines."""
        self._output = output
        self._on_dropped = on_dropped
        self._on_written = on_written
        self._waiting: list[str] = []
        self._waiting_characters = 0
        self._writer: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "stepwell-log")

    @classmethod
    def open(cls, where: str, on_dropped: Callable[[int], None], on_written: Callable[[int], None]) -> LinesSink:
        """`stdout`, or a file to append to.

        Raises:
            OSError: the file cannot be opened.
        """
        if where == "stdout":
            return cls(sys.stdout.buffer, on_dropped, on_written)
        return cls(Path(where).open("ab", buffering=0), on_dropped, on_written)

    def wants(self, policy: LogPolicy) -> bool:
        """Everything that is logged at all."""
        return True

    def write(self, policy: LogPolicy, machine_name: str, timestamp_ms: int, lines: Sequence[str]) -> None:
        """Gather them for the next write."""
        if self._waiting_characters > _WAITING_CHARACTERS_MAX:
            self._on_dropped(len(lines))
            return
        self._waiting += lines
        self._waiting_characters += sum(map(len, lines))
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write_waiting())

    async def handed_over(self) -> None:
        """Wait for the write under way, and for that of what waits behind it."""
        for _ in range(2):
            if self._writer is not None:
                await asyncio.shield(self._writer)

    async def close(self) -> None:
        """Write the rest; a file is closed, standard output stays open."""
        await self.handed_over()
        self._thread.shutdown()
        if self._output is not sys.stdout.buffer:
            self._output.close()

    async def _write_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(_GATHER_SECONDS)
        lines, self._waiting = self._waiting, []
        self._waiting_characters = 0
        try:
            await loop.run_in_executor(self._thread, self._write, lines)
            self._on_written(len(lines))
        except (OSError, ValueError):  # the disk is full, the reader has gone, the file was closed
            self._on_dropped(len(lines))
        self._writer = loop.create_task(self._write_waiting()) if self._waiting else None

    def _write(self, lines: list[str]) -> None:
        lines.append("")
        data = "\n".join(lines).encode("utf-8", "replace")
        del lines[-1]
        self._output.write(data)
        self._output.flush()
