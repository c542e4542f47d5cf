"""Rows to write in the tests of the store."""

from __future__ import annotations

from itertools import count
from uuid import UUID

from engine.execution.execution import Status
from engine.execution.page import Page
from services.runtime.clock import SystemClock
from services.runtime.ids import SystemIds
from services.store.postgres import PostgresStore
from services.store.records import (
    Batch,
    ExecutionChange,
    NewExecution,
    Revision,
    ShardTenure,
    StateMachine,
    shard_of,
)

IDS = SystemIds()
ACCOUNT = "000000000000"
REGION = "eu-central-1"
NOW_MS = 1_763_636_400_000  # some afternoon
_NUMBERS = count(1)


class StandingClock(SystemClock):
    """A clock that shows what it is told."""

    def __init__(self) -> None:
        self.ms = NOW_MS

    def now_ms(self) -> int:
        return self.ms


def machine(name: str = "Order", created_ms: int = NOW_MS, **changes: object) -> StateMachine:
    """A state machine that nobody has written yet."""
    machine_id = IDS.uuid()
    first = Revision(
        id=IDS.uuid(),
        machine_id=machine_id,
        number=0,
        definition='{"StartAt":"A"}',
        role_arn="arn:aws:iam::000000000000:role/r",
        created_ms=created_ms,
    )
    values: dict[str, object] = {
        "id": machine_id,
        "account": ACCOUNT,
        "region": REGION,
        "name": name,
        "type": "STANDARD",
        "status": "ACTIVE",
        "created_ms": created_ms,
        "revision": first,
    }
    return StateMachine(**{**values, **changes})  # type: ignore[arg-type]


def revision_after(former: Revision, **changes: object) -> Revision:
    """The next revision of the same machine."""
    values: dict[str, object] = {
        "id": IDS.uuid(),
        "machine_id": former.machine_id,
        "number": former.number + 1,
        "definition": former.definition,
        "role_arn": former.role_arn,
        "created_ms": former.created_ms + 1,
    }
    return Revision(**{**values, **changes})  # type: ignore[arg-type]


def execution(of: StateMachine, shards: int = 16, start_ms: int = NOW_MS, **changes: object) -> NewExecution:
    """A new execution with a name of its own."""
    execution_id = IDS.execution_id(start_ms)
    values: dict[str, object] = {
        "id": execution_id,
        "shard": shard_of(execution_id, shards),
        "machine_id": of.id,
        "revision_id": of.revision.id,
        "name": f"run-{next(_NUMBERS)}",
        "input": b'{"a":1}',
        "start_ms": start_ms,
    }
    return NewExecution(**{**values, **changes})  # type: ignore[arg-type]


def page(number: int, events: int = 2, first: int | None = None, checkpoint: bool = False, size: int = 20) -> Page:
    """A page with opaque bytes; by default every page holds two events."""
    begin = 1 + 2 * (number - 1) if first is None else first
    return Page(number, begin, begin + events - 1, b"e" * size, b"f" * size, checkpoint)


def end(of: UUID, status: Status = Status.SUCCEEDED, stop_ms: int = NOW_MS + 5, **changes: object) -> ExecutionChange:
    """The end of an execution."""
    values: dict[str, object] = {
        "id": of,
        "status": status,
        "wake_at_ms": None,
        "output": b"{}" if status is Status.SUCCEEDED else None,
        "stop_ms": stop_ms,
    }
    return ExecutionChange(**{**values, **changes})  # type: ignore[arg-type]


async def written_machine(store: PostgresStore, name: str = "Order") -> StateMachine:
    """A state machine in the store."""
    new = machine(name)
    assert await store.create_machine(new, {}) is None
    return new


async def all_shards(store: PostgresStore, scheduler: str = "s1") -> dict[int, ShardTenure]:
    """Every shard, taken by one owner for a minute."""
    taken = await store.take_shards(IDS.uuid(), scheduler, store.shards, 60)
    return {tenure.shard: tenure for tenure in taken}


async def write_history(store: PostgresStore, of: NewExecution, pages: list[Page], ended: bool = False) -> None:
    """Commit pages of one execution under a tenure taken for it and given back."""
    tenures = await all_shards(store)
    batch = Batch([tenures[of.shard]], pages=[(of.shard, of.id, written) for written in pages])
    if ended:
        batch.changes.append((of.shard, end(of.id)))
    committed = await store.commit(batch, 60)
    assert committed.shards == {of.shard}
    tenures[of.shard] = ShardTenure(of.shard, tenures[of.shard].owner, tenures[of.shard].seq + 1)
    await store.release_shards(list(tenures.values()))
