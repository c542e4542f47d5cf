"""Kept express executions: written by COPY, found by id and by machine, dropped by the day."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from engine.execution.execution import Status
from services.runtime.ids import uuid7
from services.store import express_history
from services.store.express_history import DAY_MS, ExpressHistory, ExpressRow
from services.store.postgres import PostgresStore
from services.store.records import ExecutionFilter, StateMachine
from tests.integration.store.samples import ACCOUNT, NOW_MS, REGION, StandingClock, written_machine

pytestmark = pytest.mark.asyncio


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest_asyncio.fixture
async def kept(database_url: str, clock: StandingClock) -> AsyncIterator[ExpressHistory]:
    opened = ExpressHistory(database_url, clock)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def machine(store: PostgresStore) -> StateMachine:
    return await written_machine(store)


def row(machine: StateMachine, number: int, start_ms: int = NOW_MS, **more: object) -> ExpressRow:
    values: dict[str, object] = {
        "id": uuid7(start_ms, number.to_bytes(10, "big")),
        "machine_id": machine.id,
        "revision_id": machine.revision.id,
        "name": f"e{number}",
        "status": Status.SUCCEEDED,
        "input": b'{"a": 1}',
        "output": b"2",
        "start_ms": start_ms,
        "stop_ms": start_ms + 5,
        "last_event_id": 8,
        "pages": [(1, b"first"), (6, b"second")],
    }
    return ExpressRow(**{**values, **more})  # type: ignore[arg-type]


async def test_what_is_written_is_found_by_its_id(kept: ExpressHistory, machine: StateMachine) -> None:
    one = row(machine, 1, error="E\x00", cause="C", status=Status.FAILED, output=None, version_number=3, alias_name="a")
    await kept.write([one, row(machine, 2)])
    found = await kept.by_id(one.id)
    assert found is not None
    assert (found.account, found.region, found.machine_name) == (ACCOUNT, REGION, machine.name)
    assert (found.status, found.error, found.cause, found.output) == (Status.FAILED, "E\ufffd", "C", None)
    assert (found.version_number, found.alias_name, found.stop_ms) == (3, "a", NOW_MS + 5)
    pages = await kept.pages(one.id)
    assert [(it.first_event_id, it.last_event_id, it.events) for it in pages] == [(1, 5, b"first"), (6, 8, b"second")]
    assert await kept.by_id(UUID(int=1)) is None
    assert await kept.pages(UUID(int=1)) == []


async def test_of_two_ends_the_later_one_counts(kept: ExpressHistory, machine: StateMachine) -> None:
    await kept.write([row(machine, 1, stop_ms=NOW_MS + 9, output=b"later"), row(machine, 1)])
    found = await kept.by_id(row(machine, 1).id)
    assert found is not None
    assert found.output == b"later"


async def test_lists_are_newest_first_and_go_on_at_a_cursor(kept: ExpressHistory, machine: StateMachine) -> None:
    rows = [row(machine, number, NOW_MS + number) for number in range(5)]
    rows.append(row(machine, 9, NOW_MS + 9, status=Status.TIMED_OUT, alias_name="a", version_number=1))
    await kept.write(rows)

    async def names(**more: object) -> list[str]:
        wanted = ExecutionFilter(machine_ids=(machine.id,), **more)  # type: ignore[arg-type]
        return [it.name for it in await kept.listed(wanted, 3)]

    assert await names() == ["e9", "e4", "e3"]
    assert await names(before=rows[3].id) == ["e2", "e1", "e0"]
    assert await names(statuses=(Status.TIMED_OUT,)) == ["e9"]
    assert await names(alias_name="a", version_number=1) == ["e9"]
    assert await names(alias_name="b") == []


async def test_days_are_made_ahead_and_dropped_when_they_are_old(
    kept: ExpressHistory, machine: StateMachine, clock: StandingClock, database_url: str
) -> None:
    await kept.maintain(2)
    await kept.maintain(2)
    await kept.write([row(machine, 1), row(machine, 2, NOW_MS + DAY_MS), row(machine, 3, NOW_MS - 50 * DAY_MS)])
    connection = await asyncpg.connect(database_url)
    place = "SELECT DISTINCT tableoid::regclass::text FROM express_history"
    assert len(await connection.fetch(place)) == 3  # two days, and the default one for what is far off
    clock.ms += 3 * DAY_MS
    await kept.maintain(2)
    assert await kept.by_id(row(machine, 1).id) is None
    assert await kept.by_id(row(machine, 3, NOW_MS - 50 * DAY_MS).id) is None
    assert await kept.by_id(row(machine, 2, NOW_MS + DAY_MS).id) is not None
    await connection.close()


@pytest.mark.parametrize(
    ("statement", "arguments", "index"),
    [
        (express_history.BY_ID, "gen_random_uuid()", "id_idx"),
        (express_history.EVENTS, "gen_random_uuid()", "id_idx"),
        (
            express_history.LIST,
            f"ARRAY[gen_random_uuid()], '{{1,2}}', '{UUID(int=(1 << 128) - 1)}', 100, NULL, NULL",
            "machine_id_status_id_idx",
        ),
    ],
)
async def test_plans_go_by_index(
    kept: ExpressHistory, machine: StateMachine, database_url: str, statement: str, arguments: str, index: str
) -> None:
    await kept.maintain(2)
    await kept.write([row(machine, number) for number in range(3_000)])
    connection = await asyncpg.connect(database_url, server_settings={"enable_seqscan": "off"})
    await connection.execute("ANALYZE express_history")
    await connection.execute(f"PREPARE wanted AS {statement}")
    plan = "\n".join(line for (line,) in await connection.fetch(f"EXPLAIN EXECUTE wanted({arguments})"))
    await connection.close()
    assert index in plan
    assert "Seq Scan on express_history" not in plan
