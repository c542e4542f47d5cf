"""Fixtures: integrations made and closed, counting servers, and moto's services where the recordings are at hand."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from services.integrations.registry import World, WorldIntegrations
from services.runtime.clock import SystemClock
from services.runtime.ids import SystemIds
from tests.fixtures.shared import CONFORMANCE
from tests.integration.integrations.stand_ins import REGION, CountingServer, await_port, free_ports


@pytest_asyncio.fixture
async def counting() -> AsyncIterator[Any]:
    """Makes counting servers and stops them."""
    made: list[CountingServer] = []

    async def make(conduct: Any) -> CountingServer:
        server = CountingServer(conduct)
        await server.start()
        made.append(server)
        return server

    yield make
    for server in made:
        await server.stop()


@pytest_asyncio.fixture
async def world() -> AsyncIterator[Any]:
    """Makes the integrations for an environment and closes them."""
    made: list[WorldIntegrations] = []

    def make(environment: dict[str, str], **parts: Any) -> WorldIntegrations:
        integrations = WorldIntegrations(World(clock=SystemClock(), ids=SystemIds(), environment=environment, **parts))
        made.append(integrations)
        return integrations

    yield make
    for integrations in made:
        await integrations.close()


@pytest.fixture(scope="session")
def stand_ins() -> Iterator[dict[str, str]]:
    """The environment under which the recorded services answer; skipped where the recordings are absent."""
    if not CONFORMANCE.exists():
        pytest.skip("the recordings are not at hand")
    ports = free_ports(2)
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports[0]}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
    }
    processes = [
        subprocess.Popen(
            [sys.executable, str(CONFORMANCE / name), "--port", str(port)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name, port in (("aws_standin.py", ports[0]), ("lambda_shim.py", ports[1]))
    ]
    try:
        for port in ports:
            await_port(port)
        yield {
            **{name: value for name, value in environment.items() if name.startswith("AWS_")},
            "AWS_ENDPOINT_URL_LAMBDA": f"http://127.0.0.1:{ports[1]}",
        }
    finally:
        for process in processes:
            process.kill()
            process.wait()
