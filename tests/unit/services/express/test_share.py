"""The share of the event loop: as much as the others take, within bounds."""

from __future__ import annotations

import asyncio

import pytest

from services.express.share import LoopShare


class Time:
    """A clock that others move."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("others", "mine"), [(0.0, 0.005), (0.03, 0.03), (5.0, 0.1)])
async def test_a_turn_is_as_long_as_what_the_others_took(others: float, mine: float) -> None:
    time = Time()
    share = LoopShare(time)
    turns: list[float] = []

    async def flood() -> None:
        while True:
            turns.append(time.now)
            time.now += others
            await asyncio.sleep(0)

    flooding = asyncio.create_task(flood())
    await share.pause()
    begun, seen = time.now, len(turns)
    while len(turns) == seen:
        time.now += 0.001
        await share.pause_if_used_up()
    flooding.cancel()
    assert turns[-1] - begun == pytest.approx(mine, abs=0.0011)
