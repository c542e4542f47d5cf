"""StartExecution's view of state machines: kept for a second, forgotten at once by the process that changes them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from services.api.errors import ApiError
from services.api.request import Request
from services.api.targets import Route, Target, Targets
from services.store.records import Alias, Revision, StateMachine, Version
from tests.fixtures.virtual_loop import VirtualClock, run_virtually

ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:m"
MACHINE = UUID(int=9)


def revision(number: int) -> Revision:
    return Revision(id=UUID(int=number), machine_id=MACHINE, number=number, definition="{}", role_arn="r", created_ms=0)


class Store:
    """One state machine with two versions and an alias; counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.machine = StateMachine(
            id=MACHINE,
            account="000000000000",
            region="us-east-1",
            name="m",
            type="STANDARD",
            status="ACTIVE",
            created_ms=0,
            revision=revision(3),
        )

    async def machine_by_name(self, account: str, region: str, name: str) -> StateMachine | None:
        self.asked += 1
        machine = self.machine
        await self.gate.wait()
        return machine if name == "m" else None

    async def version(self, machine_id: UUID, number: int) -> Version | None:
        if number > 2:
            return None
        return Version(
            machine_id=machine_id,
            number=number,
            revision_id=UUID(int=number),
            revision_number=number,
            description="",
            created_ms=0,
        )

    async def alias(self, machine_id: UUID, name: str) -> Alias | None:
        routes = ((1, 20), (2, 80))
        alias = Alias(machine_id=machine_id, name="live", description="", routes=routes, created_ms=0, updated_ms=0)
        return alias if name == "live" else None


def request(arn: str, account: str = "000000000000") -> Request:
    return Request("StartExecution", {"stateMachineArn": arn}, account, "us-east-1")


def targets(store: Store) -> Targets:
    return Targets(store, VirtualClock(), 1.0)  # type: ignore[arg-type]


def test_machine_version_and_alias_resolve_to_their_revisions() -> None:
    async def play() -> None:
        found = targets(Store())
        machine = await found.find(request(ARN))
        assert machine.routes == (Route(UUID(int=3), None, 100),)
        assert machine.execution_prefix == "arn:aws:states:us-east-1:000000000000:execution:m:"
        assert (await found.find(request(f"{ARN}:2"))).routes == (Route(UUID(int=2), 2, 100),)
        alias = await found.find(request(f"{ARN}:live"))
        assert alias.routes == (Route(UUID(int=1), 1, 20), Route(UUID(int=2), 2, 80))
        assert alias.alias_name == "live"

    run_virtually(play())


@pytest.mark.parametrize(
    ("arn", "account", "code"),
    [
        pytest.param(f"{ARN}x", "000000000000", "StateMachineDoesNotExist", id="unknown"),
        pytest.param(f"{ARN}:9", "000000000000", "StateMachineDoesNotExist", id="unknown-version"),
        pytest.param(f"{ARN}:other", "000000000000", "StateMachineDoesNotExist", id="unknown-alias"),
        pytest.param(ARN, "111111111111", "StateMachineDoesNotExist", id="foreign"),
        pytest.param(f"{ARN}/label", "000000000000", "ValidationException", id="labelled"),
        pytest.param("arn:aws:states:us-east-1:000000000000:activity:m", "000000000000", "InvalidArn", id="activity"),
    ],
)
def test_what_cannot_be_started_is_refused(arn: str, account: str, code: str) -> None:
    async def play() -> None:
        with pytest.raises(ApiError) as caught:
            await targets(Store()).find(request(arn, account))
        assert caught.value.code == code

    run_virtually(play())


def test_the_store_is_asked_once_a_second() -> None:
    async def play() -> None:
        store = Store()
        found = targets(store)
        await asyncio.gather(*(found.find(request(ARN)) for _ in range(50)))
        await found.find(request(ARN))
        assert store.asked == 1
        await asyncio.sleep(1.1)
        await found.find(request(ARN))
        assert store.asked == 2

    run_virtually(play())


def test_a_change_is_seen_at_once_also_by_those_who_come_while_the_old_one_is_being_read() -> None:
    async def play() -> None:
        store = Store()
        found = targets(store)
        store.gate.clear()
        early = asyncio.create_task(found.find(request(ARN)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        store.machine = replace(store.machine, revision=revision(4))
        found.forget(MACHINE)
        late = asyncio.create_task(found.find(request(ARN)))
        await asyncio.sleep(0)
        store.gate.set()
        assert (await early).routes[0].revision_id == UUID(int=3)
        assert (await late).routes[0].revision_id == UUID(int=4)
        assert (await found.find(request(ARN))).routes[0].revision_id == UUID(int=4)

    run_virtually(play())


def test_a_state_machine_in_deletion_is_told_apart() -> None:
    async def play() -> None:
        store = Store()
        store.machine = replace(store.machine, status="DELETING")
        with pytest.raises(ApiError) as caught:
            await targets(store).find(request(f"{ARN}:1"))
        assert caught.value.message == f"State Machine is being deleted: '{ARN}'"

    run_virtually(play())


class Draws:
    """Entropy that comes as it is told."""

    def __init__(self, number: int) -> None:
        self._number = number

    def entropy(self, count: int) -> bytes:
        return self._number.to_bytes(count)


@pytest.mark.parametrize(("number", "version"), [(0, 1), (19, 1), (20, 2), (99, 2), (119, 1)])
def test_routes_are_drawn_by_weight(number: int, version: int) -> None:
    target = Target(
        machine_id=MACHINE,
        machine_name="m",
        machine_arn=ARN,
        execution_prefix="",
        express=False,
        deleting=False,
        routes=(Route(UUID(int=1), 1, 20), Route(UUID(int=2), 2, 80)),
    )
    assert target.draw(Draws(number)).version_number == version  # type: ignore[arg-type]
