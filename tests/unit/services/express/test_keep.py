"""Keeping ended executions: in batches, at most twice tried, never in the way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.execution.execution import Status
from engine.history.page_codec import decode_events
from engine.history.render import render
from services.execution_logs.log import ExecutionLog
from services.execution_logs.policy import OFF
from services.express import keep as keep_module
from services.express.keep import ExpressKeep
from services.express.lane import Lane
from services.express.settings import ExpressSettings
from services.express.watch import Silent
from services.runtime.faults import StoreUnavailable
from services.runtime.ids import SystemIds
from services.store.express_history import ExpressRow
from tests.fixtures.virtual_loop import VirtualClock, run_virtually
from tests.unit.services.express.material import Calls, compiled, echo, inline, machine, origin, task

TASK = machine(T=task())


class Table:
    def __init__(self) -> None:
        self.rows: list[ExpressRow] = []
        self.writes = 0
        self.away = 0
        self.maintained: list[float] = []

    async def write(self, rows: list[ExpressRow]) -> None:
        self.writes += 1
        await asyncio.sleep(0.1)
        if self.away:
            self.away -= 1
            raise StoreUnavailable("Postgres is away")
        self.rows += rows

    async def maintain(self, retention_days: float) -> None:
        self.maintained.append(retention_days)

    async def close(self) -> None:
        """Nothing."""


class Losses(Silent):
    def __init__(self) -> None:
        self.count = 0

    def lost(self, executions: int) -> None:
        self.count += executions


def lane_with(keep: ExpressKeep) -> Lane:
    return Lane(Calls(echo), ExecutionLog([]), VirtualClock(), SystemIds(), ExpressSettings(), inline(), keep)


async def run_some(keep: ExpressKeep, count: int, definition: Any = TASK) -> None:
    lane = lane_with(keep)
    await asyncio.gather(*(lane.run(origin({"n": n}, n), compiled(definition), OFF) for n in range(1, count + 1)))


def test_every_turn_is_kept_whatever_is_logged() -> None:
    async def main() -> None:
        table, watch = Table(), Losses()
        keep = ExpressKeep(table, VirtualClock(), 7, watch)
        await run_some(keep, 1)
        await keep.handed_over()
        (row,) = table.rows
        assert (row.status, row.output, row.last_event_id) == (Status.SUCCEEDED, b'{"n":1}', 7)
        types = [event["type"] for first, page in row.pages for event in render(first, decode_events(page))]
        assert (len(types), types[0], types[-1]) == (7, "ExecutionStarted", "ExecutionSucceeded")
        assert table.maintained == [7]

    run_virtually(main())


def test_what_ends_while_a_write_is_under_way_goes_into_the_next_one() -> None:
    async def main() -> None:
        table, watch = Table(), Losses()
        keep = ExpressKeep(table, VirtualClock(), 7, watch)
        await run_some(keep, 50)
        await asyncio.sleep(0.1)
        await run_some(keep, 50)
        await keep.handed_over()
        assert (len(table.rows), table.writes) == (100, 2)

    run_virtually(main())


@pytest.mark.parametrize(("times", "kept"), [(1, 5), (2, 0)])
def test_a_write_that_fails_is_tried_once_more(times: int, kept: int) -> None:
    async def main() -> None:
        table, watch = Table(), Losses()
        table.away = times
        keep = ExpressKeep(table, VirtualClock(), 7, watch)
        await run_some(keep, 5)
        await keep.handed_over()
        assert (len(table.rows), watch.count) == (kept, 5 - kept)

    run_virtually(main())


def test_beyond_its_bound_of_memory_executions_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monkeypatch.setattr(keep_module, "_WAITING_BYTES_MAX", 3_000)
        table, watch = Table(), Losses()
        keep = ExpressKeep(table, VirtualClock(), 7, watch)
        await run_some(keep, 50)
        await keep.handed_over()
        assert 0 < len(table.rows) < 50
        assert watch.count == 50 - len(table.rows)
        await run_some(keep, 1)
        await keep.handed_over()
        assert len(table.rows) == 50 - watch.count + 1

    run_virtually(main())


def test_a_history_beyond_its_bound_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monkeypatch.setattr(keep_module, "_EXECUTION_BYTES_MAX", 100)
        table, watch = Table(), Losses()
        keep = ExpressKeep(table, VirtualClock(), 7, watch)
        processor = machine(I=task())
        wide = machine(M={"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": processor, "End": True})
        await lane_with(keep).run(origin({"items": list(range(50))}), compiled(wide), OFF)
        await keep.handed_over()
        assert table.rows[0].last_event_id > sum(len(decode_events(page).events) for _, page in table.rows[0].pages)

    run_virtually(main())
