"""Loading asks the store once for what many executions need."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

from services.scheduler.loading import Loader
from services.scheduler.shard import Shards
from services.store.interface import SchedulerStore
from services.store.programs import Programs
from tests.fixtures.virtual_loop import VirtualClock, run_virtually

HERE = "arn:aws:states:us-east-1:000000000000:activity:"


class Store:
    """Knows some activities, and remembers what it was asked."""

    def __init__(self, *names: str) -> None:
        self.names = set(names)
        self.asked: list[set[str]] = []

    async def missing_activities(self, arns: Collection[str]) -> frozenset[str]:
        self.asked.append({arn.removeprefix(HERE) for arn in arns})
        return frozenset(arn for arn in arns if arn.removeprefix(HERE) not in self.names)


def loader(store: Store, clock: VirtualClock) -> Loader:
    def ignore(_: Any = None) -> None:
        return

    return Loader(
        cast(SchedulerStore, store),
        Shards(10, ignore),
        cast(Programs, None),
        clock,
        10,
        loaded=ignore,
        missing=ignore,
        lost=ignore,
        done=ignore,
    )


def test_an_activity_that_was_there_a_moment_ago_is_not_looked_up_again() -> None:
    async def play() -> None:
        clock, store = VirtualClock(), Store("a", "b")
        one = loader(store, clock)
        for _ in range(5):
            assert await one._missing_activities([HERE + "a"]) == frozenset()
        assert await one._missing_activities([HERE + "a", HERE + "b"]) == frozenset()
        assert store.asked == [{"a"}, {"b"}]
        await clock.sleep(1.1)
        store.names.remove("a")
        assert await one._missing_activities([HERE + "a"]) == {HERE + "a"}

    run_virtually(play())


def test_an_activity_that_is_missing_is_looked_up_every_time() -> None:
    async def play() -> None:
        clock, store = VirtualClock(), Store()
        one = loader(store, clock)
        assert await one._missing_activities([HERE + "a"]) == {HERE + "a"}
        store.names.add("a")
        assert await one._missing_activities([HERE + "a"]) == frozenset()

    run_virtually(play())
