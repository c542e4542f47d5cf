"""Owners are believed for a while, and a burst of callers asks the store once."""

from __future__ import annotations

import asyncio

from services.api.owners import Owners
from tests.fixtures.virtual_loop import VirtualClock, run_virtually


class Store:
    """Counts how often it is asked."""

    shards = 2

    def __init__(self) -> None:
        self.asked = 0
        self.owned = self.shards

    async def shard_owners(self) -> dict[int, str]:
        self.asked += 1
        await asyncio.sleep(0.01)
        return dict.fromkeys(range(self.owned), f"s{self.asked}")


def test_a_burst_of_callers_asks_the_store_once_and_believes_it_for_a_while() -> None:
    async def play() -> None:
        store = Store()
        owners = Owners(store, VirtualClock(), 1.0)
        assert await asyncio.gather(*(owners.queues() for _ in range(200))) == [{0: "s1", 1: "s1"}] * 200
        await asyncio.sleep(0.9)
        assert await owners.queues() == {0: "s1", 1: "s1"}
        await asyncio.sleep(0.2)
        assert await asyncio.gather(*(owners.queues() for _ in range(200))) == [{0: "s2", 1: "s2"}] * 200

    run_virtually(play())


def test_an_owner_that_did_not_react_is_looked_up_at_once() -> None:
    async def play() -> None:
        owners = Owners(Store(), VirtualClock(), 1.0)
        assert await owners.queues() == {0: "s1", 1: "s1"}
        assert await owners.refresh() == {0: "s2", 1: "s2"}
        assert await owners.queues() == {0: "s2", 1: "s2"}

    run_virtually(play())


def test_while_a_shard_has_no_owner_nothing_is_believed() -> None:
    async def play() -> None:
        store = Store()
        owners = Owners(store, VirtualClock(), 1.0)
        store.owned = 1
        assert await owners.queues() == {0: "s1"}
        assert [owners.complete] == [False]
        store.owned = 2
        assert await owners.queues() == {0: "s2", 1: "s2"}
        assert [owners.complete] == [True]
        assert await owners.queues() == {0: "s2", 1: "s2"}

    run_virtually(play())
