"""Delivery to CloudWatch Logs: streams, batches, order, and what is dropped; the service is a stand-in in memory."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from services.execution_logs import cloudwatch
from services.execution_logs.cloudwatch import CloudWatchLogGroups, CloudWatchSink
from services.execution_logs.policy import LogPolicy
from services.integrations.aws import Aws
from services.integrations.failures import ApiRefused, Unreachable
from services.runtime.ids import SystemIds
from tests.fixtures.virtual_loop import EPOCH_MS, VirtualClock, run_virtually

NAME = "/aws/vendedlogs/states/g"
GROUP = f"arn:aws:logs:eu-west-1:111111111111:log-group:{NAME}:*"
POLICY = LogPolicy("ALL", True, (GROUP,), "role")


class Service:
    """CloudWatch Logs with one log group."""

    def __init__(self) -> None:
        self.streams: dict[str, list[dict[str, Any]]] = {}
        self.calls: list[tuple[str, ...]] = []
        self.under_way = self.most = 0
        self.seconds = 0.1
        self.away = False
        self.closed = False

    async def request_as(
        self, role: str, account: str, region: str, service: str, operation: str, parameters: dict[str, Any]
    ) -> Any:
        self.calls.append((operation, role, account, region, service))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(self.seconds)
        self.under_way -= 1
        if self.away:
            raise Unreachable("nobody there")
        return getattr(self, operation)(**parameters)

    async def close(self) -> None:
        self.closed = True

    def CreateLogStream(self, logGroupName: str, logStreamName: str) -> None:  # noqa: N802, N803
        if logGroupName != NAME:
            raise ApiRefused("ResourceNotFoundException", "no such group", 400, "")
        self.streams[logStreamName] = []

    def PutLogEvents(self, logGroupName: str, logStreamName: str, logEvents: list[dict[str, Any]]) -> None:  # noqa: N802, N803
        if logStreamName not in self.streams:
            raise ApiRefused("ResourceNotFoundException", "no such stream", 400, "")
        assert len(logEvents) <= 10_000
        assert sum(len(it["message"].encode()) + 26 for it in logEvents) <= 1_048_576
        times = [it["timestamp"] for it in logEvents]
        assert times == sorted(times)
        self.streams[logStreamName] += logEvents

    def DescribeLogGroups(self, logGroupNamePrefix: str, limit: int) -> Any:  # noqa: N802, N803
        found = [NAME, NAME + "-2"] if NAME.startswith(logGroupNamePrefix) else []

        class Answer:
            parsed = {"logGroups": [{"logGroupName": it} for it in found]}

        return Answer


class World:
    def __init__(self) -> None:
        self.service = Service()
        self.dropped = self.written = 0
        self.sink = CloudWatchSink(cast(Aws, self.service), VirtualClock(), SystemIds(), self._drop, self._write)

    def _drop(self, lines: int) -> None:
        self.dropped += lines

    def _write(self, lines: int) -> None:
        self.written += lines

    def messages(self) -> list[str]:
        return [it["message"] for stream in self.service.streams.values() for it in stream]


def test_a_stream_is_made_with_awss_name_and_keeps_the_order() -> None:
    async def main() -> None:
        world = World()
        for number in range(100):
            world.sink.write(POLICY, "machine", EPOCH_MS, [f"line {number}"])
            await asyncio.sleep(0.01)
        await world.sink.handed_over()
        (name,) = world.service.streams
        assert name.rpartition("/")[0] == "states/machine/2023-11-14-22-13"
        assert world.messages() == [f"line {number}" for number in range(100)]
        assert (world.written, world.dropped, world.service.most) == (100, 0, 1)
        assert world.service.calls[0] == ("CreateLogStream", "role", "111111111111", "eu-west-1", "logs")

    run_virtually(main())


def test_a_stream_that_was_deleted_is_made_again() -> None:
    async def main() -> None:
        world = World()
        world.sink.write(POLICY, "machine", EPOCH_MS, ["one"])
        await world.sink.handed_over()
        world.service.streams.clear()
        world.sink.write(POLICY, "machine", EPOCH_MS, ["two"])
        await world.sink.handed_over()
        assert world.messages() == ["two"]

    run_virtually(main())


def test_machines_have_streams_of_their_own_and_a_bounded_number_of_calls() -> None:
    async def main() -> None:
        world = World()
        for number in range(50):
            world.sink.write(POLICY, f"machine-{number}", EPOCH_MS, ["line"])
        await world.sink.handed_over()
        assert (len(world.service.streams), world.service.most) == (50, cloudwatch.CALLS_MAX)

    run_virtually(main())


def test_batches_fit_the_service() -> None:
    async def main() -> None:
        world = World()
        world.sink.write(POLICY, "machine", EPOCH_MS, ["x" * 200_000] * 20 + ["y"] * 25_000)
        world.sink.write(POLICY, "machine", EPOCH_MS - 5, ["earlier"])
        await world.sink.handed_over()
        assert len(world.messages()) == 25_021

    run_virtually(main())


def test_a_service_that_is_away_costs_the_lines_and_nothing_else() -> None:
    async def main() -> None:
        world = World()
        world.service.away = True
        world.sink.write(POLICY, "machine", EPOCH_MS, ["lost"])
        await world.sink.handed_over()
        world.service.away = False
        world.sink.write(POLICY, "machine", EPOCH_MS, ["kept"])
        await world.sink.handed_over()
        assert (world.messages(), world.dropped) == (["kept"], 1)

    run_virtually(main())


def test_beyond_its_bound_the_oldest_lines_go(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monkeypatch.setattr(cloudwatch, "LINES_MAX", 10)
        world = World()
        world.sink.write(POLICY, "machine", EPOCH_MS, [str(number) for number in range(25)])
        await world.sink.handed_over()
        assert (world.messages(), world.dropped) == ([str(number) for number in range(15, 25)], 15)

    run_virtually(main())


def test_a_service_that_hangs_does_not_keep_the_process_from_stopping() -> None:
    async def main() -> None:
        world = World()
        world.service.seconds = 10_000.0
        world.sink.write(POLICY, "machine", EPOCH_MS, ["lost"])
        await world.sink.close()
        assert (world.service.closed, world.dropped) == (True, 1)

    run_virtually(main())


def test_a_log_group_exists_by_its_whole_name_and_in_doubt() -> None:
    async def main() -> None:
        service = Service()
        groups = CloudWatchLogGroups(cast(Aws, service))
        assert await groups.exists(GROUP, "role")
        assert not await groups.exists(GROUP.replace("/g:", "/:"), "role")
        service.away = True
        assert await groups.exists(GROUP.replace("/g:", "/nope:"), "role")

    run_virtually(main())
