"""Scheduler and worker on a real Postgres: executions end, survive a takeover, and cannot hurt the table."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from engine.execution.execution import Status
from services.broker.memory_broker import MemoryBroker
from services.broker.messages import Hint, encode
from services.integrations.interface import Call, Succeeded
from services.runtime.clock import SystemClock
from services.runtime.faults import StoreUnavailable
from services.runtime.ids import SystemIds
from services.scheduler.scheduler import Scheduler
from services.scheduler.settings import SchedulerSettings
from services.store.postgres import PostgresStore
from services.store.records import NewExecution, Revision, StateMachine, StoredExecution, shard_of
from services.worker.worker import Worker
from tests.fixtures.scheduler_world import ACCOUNT, PASS, REGION, RETRIED, TASK, states, wait

SETTINGS = SchedulerSettings(lease_seconds=2.0, tenure_seconds=0.2, scan_seconds=0.5)


class Echo:
    """A worker's world: every call succeeds with its input and is written down."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def call(self, call: Call) -> Succeeded:
        self.keys.append(call.key)
        return Succeeded(call.input)


class Site:
    """One store and broker with what users do."""

    def __init__(self, store: PostgresStore) -> None:
        self.store = store
        self.clock, self.ids = SystemClock(), SystemIds()
        self.broker = MemoryBroker(f"memory://{self.ids.entropy(4).hex()}", asyncio.get_running_loop())
        self.world = Echo()
        self.tasks: list[asyncio.Task[None]] = []

    def scheduler(self) -> tuple[Scheduler, asyncio.Task[None]]:
        scheduler = Scheduler(self.store, self.broker, self.clock, self.ids, SETTINGS)
        task = asyncio.create_task(scheduler.run())
        self.tasks.append(task)
        return scheduler, task

    def worker(self) -> None:
        worker = Worker(self.broker, self.world, self.clock, self.ids)
        self.tasks.append(asyncio.create_task(worker.run()))

    async def machine(self, definition: dict[str, Any]) -> StateMachine:
        machine_id, now_ms = self.ids.uuid(), self.clock.now_ms()
        machine = StateMachine(
            id=machine_id,
            account=ACCOUNT,
            region=REGION,
            name=f"m{machine_id.hex}",
            type="STANDARD",
            status="ACTIVE",
            created_ms=now_ms,
            revision=Revision(
                id=self.ids.uuid(),
                machine_id=machine_id,
                number=0,
                definition=json.dumps(definition),
                role_arn=f"arn:aws:iam::{ACCOUNT}:role/r",
                created_ms=now_ms,
            ),
        )
        assert await self.store.create_machine(machine, {}) is None
        return machine

    async def start(self, machine: StateMachine, count: int = 1) -> list[UUID]:
        now_ms = self.clock.now_ms()
        rows = []
        for _ in range(count):
            execution_id = self.ids.execution_id(now_ms)
            rows.append(
                NewExecution(
                    id=execution_id,
                    shard=shard_of(execution_id, self.store.shards),
                    machine_id=machine.id,
                    revision_id=machine.revision.id,
                    name=execution_id.hex,
                    input=b'{"a":1}',
                    start_ms=now_ms,
                )
            )
        await self.store.admit(rows)
        for row in rows:
            queue = (await self.store.shard_owners()).get(row.shard)
            if queue is not None:
                self.broker.send(queue, encode([Hint([row.id.bytes])]))
        return [row.id for row in rows]

    async def ended(self, ids: list[UUID], seconds: float = 60.0) -> list[StoredExecution]:
        async with asyncio.timeout(seconds):
            while True:
                for task in self.tasks:
                    if task.done() and not task.cancelled():
                        task.result()  # a scheduler or worker that has broken ends the test at once
                rows: list[StoredExecution] = []
                with contextlib.suppress(StoreUnavailable):  # the connection was cut off; there is another
                    rows = [row for one in ids if (row := await self.store.execution_by_id(one)) is not None]
                if len(rows) == len(ids) and all(row.status is not Status.RUNNING for row in rows):
                    return rows
                await asyncio.sleep(0.02)


async def until(condition: Callable[[], bool], seconds: float) -> None:
    """Look until it holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture
async def site(store: PostgresStore) -> AsyncIterator[Site]:
    site = Site(store)
    yield site
    for task in site.tasks:
        task.cancel()
    await asyncio.gather(*site.tasks, return_exceptions=True)
    await site.broker.close()


async def test_executions_end_with_their_whole_history(site: Site):
    site.scheduler()
    site.worker()
    machine = await site.machine(states("p", "t", "w", "u", p=PASS, t=TASK, w=wait(1), u=TASK))
    ids = await site.start(machine, 50)
    rows = await site.ended(ids)
    assert {(row.status, row.output) for row in rows} == {(Status.SUCCEEDED, b'{"a":1}')}
    assert len(site.world.keys) == len(set(site.world.keys)) == 100
    for one in ids:
        pages = await site.store.history_pages(one, None, 1000)
        assert [page.first_event_id for page in pages] == [1, *(page.last_event_id + 1 for page in pages[:-1])]
        assert pages[-1].last_event_id == 2 + 2 + 2 * 5 + 2


async def test_a_takeover_after_a_kill_repeats_nothing(site: Site):
    _, first = site.scheduler()
    site.worker()
    ids = await site.start(await site.machine(states("a", "w", "b", a=RETRIED, w=wait(1), b=RETRIED)), 60)
    await asyncio.sleep(0.3)
    first.cancel()
    site.scheduler()
    rows = await site.ended(ids)
    assert {row.status for row in rows} == {Status.SUCCEEDED}
    assert len(site.world.keys) == len(set(site.world.keys)) == 120


async def test_two_schedulers_share_and_a_graceful_stop_hands_over_quickly(site: Site):
    (one, _), (two, _) = site.scheduler(), site.scheduler()
    await until(lambda: len(one.shards) == len(two.shards) == site.store.shards // 2, 60)
    began = site.clock.monotonic()
    await one.stop()
    await until(lambda: len(two.shards) == site.store.shards, 60)
    assert site.clock.monotonic() - began < SETTINGS.lease_seconds


@pytest.mark.parametrize("character", ["\\u0000", "\\u00e9", "\\ud83d\\ude00"])
async def test_no_error_text_of_a_user_can_break_a_commit(site: Site, character: str):
    site.scheduler()
    definition = states("p", p=PASS)
    definition["States"]["p"] = {"Type": "Fail", "Error": json.loads(f'"E{character}"'), "Cause": "c"}
    (row,) = await site.ended(await site.start(await site.machine(definition)))
    assert row.status is Status.FAILED
    assert (row.error or "").startswith("E")


async def test_a_group_commit_that_postgres_cuts_off_costs_time_only(site: Site, database_url: str):
    import asyncpg

    site.scheduler()
    site.worker()
    ids = await site.start(await site.machine(states("a", "b", "c", a=RETRIED, b=RETRIED, c=RETRIED)), 100)
    connection = await asyncpg.connect(database_url)
    try:
        for _ in range(3):
            await asyncio.sleep(0.05)
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
    finally:
        await connection.close()
    rows = await site.ended(ids)
    assert {row.status for row in rows} == {Status.SUCCEEDED}
    assert len(site.world.keys) == len(set(site.world.keys)) == 300
