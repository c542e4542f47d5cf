"""Quotas of accounts: at the limit and one beyond it, and how often the store has to count."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, cast

import pytest

from engine.limits import ACTIVITIES_MAX, OPEN_EXECUTIONS_MAX, STATE_MACHINES_MAX
from services.api.errors import ApiError
from services.api.quotas import Quotas
from services.api.settings import ApiSettings
from services.store.interface import ApiStore
from tests.fixtures.virtual_loop import VirtualClock, run_virtually


class Store:
    """Has so many of everything; counting takes a while."""

    def __init__(self, there: int, seconds: float = 0.0) -> None:
        self.there = there
        self.counted = 0
        self.names: set[str] = set()
        self._seconds = seconds

    async def count_open_executions(self, account: str, region: str, most: int) -> int:
        self.counted += 1
        found = self.there
        await asyncio.sleep(self._seconds)
        return min(found, most)

    count_machines = count_activities = count_open_executions

    async def machine_by_name(self, account: str, region: str, name: str) -> object | None:
        return name if name in self.names else None

    activity_by_name = machine_by_name


def quotas(store: Store, **settings: Any) -> Quotas:
    return Quotas(cast(ApiStore, store), VirtualClock(), ApiSettings(**settings))


async def code_of(call: Awaitable[None]) -> str:
    try:
        await call
    except ApiError as refused:
        return refused.code
    return ""


def test_the_last_execution_fits_and_the_next_one_does_not() -> None:
    async def main() -> None:
        store = Store(there=7)
        asked = quotas(store, open_executions_max=10)
        codes = [await code_of(asked.take_execution("1", "r")) for _ in range(4)]
        assert codes == ["", "", "", "ExecutionLimitExceeded"]
        assert await code_of(asked.take_execution("1", "other")) == ""
        assert store.counted == 2  # once for each region

    run_virtually(main())


def test_what_has_ended_makes_room_within_a_second() -> None:
    async def main() -> None:
        store = Store(there=10)
        asked = quotas(store, open_executions_max=10)
        assert await code_of(asked.take_execution("1", "r")) == "ExecutionLimitExceeded"
        store.there = 9
        await asyncio.sleep(1.1)
        assert await code_of(asked.take_execution("1", "r")) == ""
        assert await code_of(asked.take_execution("1", "r")) == "ExecutionLimitExceeded"

    run_virtually(main())


def test_refused_starts_do_not_make_the_store_count_again_and_again() -> None:
    async def main() -> None:
        store = Store(there=10, seconds=0.5)
        asked = quotas(store, open_executions_max=10)
        for _ in range(200):
            assert await code_of(asked.take_execution("1", "r")) == "ExecutionLimitExceeded"
            await asyncio.sleep(0.1)
        assert store.counted == 1  # counting took half a second, so it pauses for 25

    run_virtually(main())


def test_a_start_waits_for_the_first_count_only() -> None:
    async def main() -> None:
        store = Store(there=0, seconds=0.1)
        asked = quotas(store, open_executions_max=1_000)
        loop = asyncio.get_running_loop()
        waited = []
        for _ in range(300):
            begun = loop.time()
            await asked.take_execution("1", "r")
            waited.append(round(loop.time() - begun, 3))
            await asyncio.sleep(0.1)
        assert (waited[0], set(waited[1:])) == (0.1, {0.0})
        assert 3 <= store.counted <= 4  # every ten seconds, behind the starts

    run_virtually(main())


def test_starts_while_the_store_counts_are_not_forgotten() -> None:
    async def main() -> None:
        store = Store(there=5, seconds=1.0)
        asked = quotas(store, open_executions_max=10)
        await asked.take_execution("1", "r")
        await asyncio.sleep(60)
        store.there = 6
        await asked.take_execution("1", "r")  # makes the store count again, behind it
        await asyncio.sleep(0.5)
        codes = [await code_of(asked.take_execution("1", "r")) for _ in range(2)]
        await asyncio.sleep(2)
        codes += [await code_of(asked.take_execution("1", "r")) for _ in range(3)]
        assert codes == ["", "", "", "", "ExecutionLimitExceeded"]

    run_virtually(main())


@pytest.mark.parametrize(
    ("settings", "limits"),
    [
        ({}, (0, 0, 0)),
        ({"throttle": "large"}, (1_000_000, 100_000, 100_000)),
        ({"throttle": "other", "open_executions_max": 5, "activities_max": 7}, (5, 100_000, 7)),
        ({"state_machines_max": 3}, (0, 3, 0)),
    ],
)
def test_awss_numbers_hold_where_its_buckets_do(settings: dict[str, Any], limits: tuple[int, int, int]) -> None:
    assert (OPEN_EXECUTIONS_MAX, STATE_MACHINES_MAX, ACTIVITIES_MAX) == (1_000_000, 100_000, 100_000)

    async def refused(there: int, kind: int) -> bool:
        asked = quotas(Store(there), **settings)
        call = (
            asked.take_execution("1", "r"),
            asked.check_machines("1", "r", "n"),
            asked.check_activities("1", "r", "n"),
        )
        codes = [await code_of(each) for each in call]
        return codes[kind] != ""

    async def main() -> None:
        for kind, most in enumerate(limits):
            if most:
                assert not await refused(most - 1, kind)
                assert await refused(most, kind)
            else:
                assert not await refused(10**9, kind)

    run_virtually(main())


def test_a_name_that_is_there_is_no_new_one() -> None:
    async def main() -> None:
        store = Store(there=5)
        store.names = {"there"}
        asked = quotas(store, state_machines_max=5, activities_max=5)
        assert await code_of(asked.check_machines("1", "r", "there")) == ""
        assert await code_of(asked.check_activities("1", "r", "there")) == ""
        assert await code_of(asked.check_machines("1", "r", "new")) == "StateMachineLimitExceeded"
        assert await code_of(asked.check_activities("1", "r", "new")) == "ActivityLimitExceeded"

    run_virtually(main())
