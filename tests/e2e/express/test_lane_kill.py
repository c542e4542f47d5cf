"""kill -9 of an express lane that has 1,000 executions under way: none is lost, and those started again say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtest.lane_kills import Lanes, run


@pytest.mark.slow
async def test_no_execution_of_a_killed_lane_is_lost(tmp_path: Path, database_url: str, redis_url: str) -> None:
    lanes = Lanes(tmp_path, database_url, redis_url)
    try:
        report = await run(lanes, kills=1, executions=2_000)
    finally:
        lanes.stop()
    assert (report.accepted, report.lost, report.unmarked) == (2_000, 0, 0)
    assert report.redelivered > 0
    assert report.recovery_seconds[0] <= 10
