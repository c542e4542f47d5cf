"""The parts of a process: all run, and all are stopped in order."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from services.runtime.lifecycle import Part, live


class Recorder:
    """A part that runs until it is stopped, and writes down what happens to it."""

    def __init__(self, name: str, told: list[str], ends: bool = False) -> None:
        self._name, self._told, self._ends = name, told, ends
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        if not self._ends:
            await self._stopped.wait()
        self._told.append(f"{self._name} ended")

    async def stop(self) -> None:
        self._told.append(f"stop {self._name}")
        self._stopped.set()

    def part(self) -> Part:
        return Part(self._name, self.run, self.stop)


@pytest.mark.asyncio
async def test_a_signal_stops_the_parts_one_after_the_other() -> None:
    told: list[str] = []

    async def on_ready() -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    code = await live([Recorder("api", told).part(), Recorder("scheduler", told).part()], on_ready)
    assert code == 0
    assert told == ["stop api", "api ended", "stop scheduler", "scheduler ended"]


@pytest.mark.asyncio
async def test_a_part_that_ends_by_itself_ends_the_process_with_an_error() -> None:
    told: list[str] = []
    code = await live([Recorder("api", told).part(), Recorder("scheduler", told, ends=True).part()])
    assert code == 1
    assert told == ["scheduler ended", "stop api", "api ended"]


@pytest.mark.asyncio
async def test_a_failure_after_the_start_does_not_end_what_runs() -> None:
    told: list[str] = []

    async def on_ready() -> None:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
        raise RuntimeError("broken")

    assert await live([Recorder("api", told).part()], on_ready) == 0
    assert told == ["stop api", "api ended"]
