"""Execution logs on the wire: what an endpoint for CloudWatch Logs is sent, who signs it, and when it is away."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from services.execution_logs.cloudwatch import CloudWatchLogGroups, CloudWatchSink
from services.execution_logs.policy import LogPolicy
from services.integrations.aws import Aws
from services.integrations.credentials import RoleEntry, RoleMap
from services.runtime.clock import SystemClock
from services.runtime.ids import SystemIds
from tests.integration.integrations.stand_ins import CountingServer

NAME = "/aws/vendedlogs/states/g"
GROUP = f"arn:aws:logs:eu-central-1:111111111111:log-group:{NAME}:*"
ROLE = "arn:aws:iam::111111111111:role/machine"
POLICY = LogPolicy("ALL", True, (GROUP,), ROLE)
Answer = tuple[int, list[tuple[str, str]], bytes]


class Service:
    """One log group over HTTP, in the protocol of CloudWatch Logs."""

    def __init__(self) -> None:
        self.streams: dict[str, list[dict[str, Any]]] = {}
        self.signers: set[str] = set()

    def __call__(self, request: bytes) -> Answer:
        head, _, body = request.partition(b"\r\n\r\n")
        self.signers |= set(re.findall(r"Credential=([^,]+),", head.decode()))
        operation = re.search(r"(?i)x-amz-target: Logs_20140328\.(\w+)", head.decode())
        assert operation is not None
        given = json.loads(body)
        match operation[1]:
            case "DescribeLogGroups":
                return self._answer({"logGroups": [{"logGroupName": NAME}, {"logGroupName": NAME + "x"}]})
            case "CreateLogStream":
                self.streams[given["logStreamName"]] = []
                return self._answer({})
            case "PutLogEvents" if given["logStreamName"] in self.streams:
                self.streams[given["logStreamName"]] += given["logEvents"]
                return self._answer({"nextSequenceToken": "1"})
            case _:
                return self._answer({"__type": "ResourceNotFoundException", "message": "no such stream"}, 400)

    @staticmethod
    def _answer(body: dict[str, Any], status: int = 200) -> Answer:
        return status, [("Content-Type", "application/x-amz-json-1.1")], json.dumps(body).encode()


class World:
    def __init__(self, server: CountingServer, service: Service) -> None:
        self.server, self.service = server, service
        roles = RoleMap({ROLE: RoleEntry(access_key_id="AKIDROLE", secret_access_key="secret")})
        self.aws = Aws({"AWS_ENDPOINT_URL_LOGS": server.url}, roles, SystemClock())
        self.dropped = self.written = 0
        self.sink = CloudWatchSink(self.aws, SystemClock(), SystemIds(), self._drop, self._write)

    def _drop(self, lines: int) -> None:
        self.dropped += lines

    def _write(self, lines: int) -> None:
        self.written += lines


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    service = Service()
    server = CountingServer(service)
    await server.start()
    made = World(server, service)
    yield made
    await made.sink.close()
    await server.stop()


async def test_lines_arrive_in_a_stream_signed_with_the_keys_of_the_machines_role(world: World) -> None:
    world.sink.write(POLICY, "machine", 1_700_000_000_123, ['{"id":"1"}', '{"id":"2","cause":"ü\\u0000"}'])
    await world.sink.handed_over()
    ((name, events),) = world.service.streams.items()
    assert re.fullmatch(r"states/machine/\d{4}-\d\d-\d\d-\d\d-\d\d/[0-9a-f]{8}", name)
    assert events == [
        {"timestamp": 1_700_000_000_123, "message": '{"id":"1"}'},
        {"timestamp": 1_700_000_000_123, "message": '{"id":"2","cause":"ü\\u0000"}'},
    ]
    (signer,) = world.service.signers
    assert re.fullmatch(r"AKIDROLE/\d{8}/eu-central-1/logs/aws4_request", signer)
    assert (world.written, world.dropped) == (2, 0)


async def test_an_endpoint_that_goes_away_costs_lines_and_gets_the_next_ones(world: World) -> None:
    world.server.conduct = "close"
    world.sink.write(POLICY, "machine", 1, ["lost"])
    await world.sink.handed_over()
    world.server.conduct = (503, [], b"")
    world.sink.write(POLICY, "machine", 1, ["lost"])
    await world.sink.handed_over()
    world.server.conduct = world.service
    world.sink.write(POLICY, "machine", 1, ["kept"])
    await world.sink.handed_over()
    assert (world.written, world.dropped) == (1, 2)


async def test_without_keys_for_the_real_aws_lines_are_dropped_and_nothing_is_sent() -> None:
    dropped: list[int] = []
    sink = CloudWatchSink(Aws({}, RoleMap(), SystemClock()), SystemClock(), SystemIds(), dropped.append, lambda _: None)
    sink.write(POLICY, "machine", 1, ["one", "two"])
    await sink.handed_over()
    assert dropped == [2]
    await sink.close()


async def test_a_log_group_is_asked_for_by_its_name(world: World) -> None:
    groups = CloudWatchLogGroups(world.aws)
    assert await groups.exists(GROUP, ROLE)
    assert not await groups.exists(GROUP.replace("/g:", "/none:"), ROLE)
    world.server.conduct = "close"
    assert await groups.exists(GROUP.replace("/g:", "/none:"), ROLE)
