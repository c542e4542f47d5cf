"""What grows without end: nested Maps, wide Parallels, endless objects. Each test names its threat."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.e2e.api.conftest import PASS, ROLE
from tests.security.conftest import Process

SECONDS = 60.0
GROWTH_BYTES_MAX = 450 << 20
"""Far above what these cost (a quarter of a gigabyte at most), far below what they hold without a limit."""


class Watched:
    """Runs executions, looking at the server's memory and at how long others wait meanwhile."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.before = self.peak = process.rss()
        self.slowest = 0.0

    @property
    def grown(self) -> int:
        return self.peak - self.before

    def run(self, name: str, definition: dict[str, Any], given: Any) -> dict[str, Any]:
        client = self._process.client
        machine = client.call("CreateStateMachine", name=name, definition=json.dumps(definition), roleArn=ROLE)
        text = json.dumps(given, separators=(",", ":"))
        arn = client.call("StartExecution", stateMachineArn=machine["stateMachineArn"], input=text)["executionArn"]
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            begun = time.perf_counter()
            described: dict[str, Any] = client.call("DescribeExecution", executionArn=arn)
            self.slowest = max(self.slowest, time.perf_counter() - begun)
            self.peak = max(self.peak, self._process.rss())
            if described["status"] != "RUNNING":
                return described
            time.sleep(0.02)
        raise AssertionError(f"{name} still runs")


def mapped(levels: int) -> dict[str, Any]:
    """Maps inside one another, each over the same items."""
    inner: dict[str, Any] = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    for level in range(levels):
        state = {
            "Type": "Map", "ItemsPath": "$.items", "ItemSelector": {"items.$": "$.items"}, "ItemProcessor": inner,
            "End": True,
        }  # fmt: skip
        inner = {"StartAt": f"M{level}", "States": {f"M{level}": state}}
    return inner


@pytest.mark.parametrize("levels", [3, 5, 8])
def test_v10_forty_to_the_power_of_n_iterations_end_at_the_limit_of_events(process: Process, levels: int) -> None:
    watched = Watched(process)
    ended = watched.run(f"nested-{levels}", mapped(levels), {"items": list(range(40))})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")
    assert watched.grown < GROWTH_BYTES_MAX
    assert watched.slowest < 3.0


def test_v10_a_hundred_thousand_small_items_end_at_the_limit_of_events(process: Process) -> None:
    watched = Watched(process)
    processor = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    state = {"Type": "Map", "ItemsPath": "$", "ItemProcessor": processor, "End": True}
    ended = watched.run("wide", {"StartAt": "M", "States": {"M": state}}, [1] * 130_000)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")
    assert watched.grown < GROWTH_BYTES_MAX


OWN_COPY = {"Type": "Pass", "Parameters": {"a.$": "States.Format('{}{}', $.big, $.n)"}, "End": True}


def test_v10_a_map_that_collects_gigabytes_fails_before_it_holds_them(process: Process) -> None:
    """6,000 iterations of 250 KB each have room in the history, and nowhere else."""
    watched = Watched(process)
    selector = {"big.$": "$.big", "n.$": "$$.Map.Item.Index"}
    processor = {"StartAt": "P", "States": {"P": OWN_COPY}}
    state = {
        "Type": "Map", "ItemsPath": "$.items", "ItemSelector": selector, "ItemProcessor": processor, "End": True
    }  # fmt: skip
    given = {"big": "x" * 245_000, "items": [1] * 6_000}
    ended = watched.run("collecting", {"StartAt": "M", "States": {"M": state}}, given)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.DataLimitExceeded")
    assert watched.grown < GROWTH_BYTES_MAX
    assert watched.slowest < 3.0


def test_v10_a_parallel_of_a_thousand_branches_that_each_make_a_copy_fails(process: Process) -> None:
    watched = Watched(process)
    copy = {"Type": "Pass", "Parameters": {"a.$": "$.big", "b.$": "$$.State.EnteredTime"}, "End": True}
    branches = [{"StartAt": f"P{n}", "States": {f"P{n}": copy}} for n in range(1_000)]
    state = {"Type": "Parallel", "Branches": branches, "End": True}
    ended = watched.run("copies", {"StartAt": "X", "States": {"X": state}}, {"big": "x" * 250_000})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.DataLimitExceeded")
    assert watched.grown < GROWTH_BYTES_MAX
    assert watched.slowest < 3.0


def test_v10_the_neighbours_of_all_that_are_alive(process: Process) -> None:
    definition = json.loads(PASS)
    assert Watched(process).run("alive", definition, {})["status"] == "SUCCEEDED"
