"""JSON lines in a file: whole, in order, and never in the way."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest

from engine.execution.execution import Origin
from engine.history.events import CODE
from engine.payload import Payload
from services.execution_logs import log as log_module
from services.execution_logs import sinks
from services.execution_logs.log import ExecutionLog
from services.execution_logs.policy import OFF, LogPolicy
from services.execution_logs.sinks import LinesSink
from tests.unit.services.express.material import origin

POLICY = LogPolicy("ALL", True)


class Counts:
    def __init__(self) -> None:
        self.dropped = self.written = 0

    def drop(self, lines: int) -> None:
        self.dropped += lines

    def write(self, lines: int) -> None:
        self.written += lines


async def test_lines_are_appended_in_order(tmp_path: Path) -> None:
    counts, path = Counts(), tmp_path / "log"
    path.write_text("before\n")
    sink = LinesSink.open(str(path), counts.drop, counts.write)
    for number in range(10):
        sink.write(POLICY, "m", 0, [f"a{number}", "b"])
        await asyncio.sleep(0)
    await sink.handed_over()
    sink.write(POLICY, "m", 0, ["last"])
    await sink.close()
    expected = ["before", *(line for number in range(10) for line in (f"a{number}", "b")), "last"]
    assert path.read_text().splitlines() == expected
    assert (counts.written, counts.dropped) == (21, 0)


async def test_a_disk_that_refuses_costs_the_lines_alone() -> None:
    class Full(io.RawIOBase):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    counts = Counts()
    sink = LinesSink(Full(), counts.drop, counts.write)  # type: ignore[arg-type]
    sink.write(POLICY, "m", 0, ["x"])
    await sink.handed_over()
    assert (counts.dropped, counts.written) == (1, 0)


async def test_beyond_its_bound_new_lines_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "_WAITING_CHARACTERS_MAX", 100)
    counts, output = Counts(), io.BytesIO()
    sink = LinesSink(output, counts.drop, counts.write)
    for _ in range(10):
        sink.write(POLICY, "m", 0, ["x" * 60])
    await sink.handed_over()
    assert (counts.written, counts.dropped) == (2, 8)


async def test_an_acknowledgement_waits_for_a_slow_sink_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stuck:
        def wants(self, policy: LogPolicy) -> bool:
            return True

        def write(self, *given: object) -> None:
            """Takes it."""

        async def handed_over(self) -> None:
            await asyncio.Event().wait()

        async def close(self) -> None:
            """Nothing."""

    monkeypatch.setattr(log_module, "HAND_OVER_SECONDS_MAX", 0.01)
    async with asyncio.timeout(2):
        await ExecutionLog([Stuck()]).handed_over()


def test_what_nobody_wants_is_not_even_made() -> None:
    class Picky:
        def wants(self, policy: LogPolicy) -> bool:
            return False

        def write(self, *given: object) -> None:
            raise AssertionError("not wanted")

    one: Origin = origin({})
    log = ExecutionLog([Picky()])  # type: ignore[list-item]
    assert not log.wants(POLICY)
    log.write(POLICY, one, 0, 1, 0, [(CODE["ExecutionStarted"], 0, Payload({}))])
    log.write(OFF, one, 0, 1, 0, [(CODE["ExecutionStarted"], 0, Payload({}))])
