"""A real server for boto3: API and scheduler in one thread, on an embedded Postgres, with a broker in memory."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import boto3
import pytest
import uvicorn
from botocore.config import Config

from services.api.app import Api
from services.api.map_run_reader import MapRunReader
from services.api.server import make_server
from services.api.settings import ApiSettings
from services.broker.kombu_broker import open_broker
from services.runtime.clock import SystemClock
from services.runtime.ids import SystemIds
from services.scheduler.scheduler import Scheduler
from services.store.postgres import open_store
from tests.fixtures.postgres import Databases
from tests.fixtures.service_model import answer_faults

ROLE = "arn:aws:iam::000000000000:role/any"
PASS = json.dumps({"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}})
NAP = json.dumps({"StartAt": "Nap", "States": {"Nap": {"Type": "Wait", "Seconds": 3600, "End": True}}})
FAIL = json.dumps({"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "Broken", "Cause": "on purpose"}}})

_NUMBERS = itertools.count(1)


class Server:
    """A running server; `url` is where it listens, `api` the application inside."""

    def __init__(self, database_url: str, settings: ApiSettings) -> None:
        self._database_url = database_url
        self._settings = settings
        self._started: Future[int] = Future()
        self._loop = asyncio.new_event_loop()
        self._server: uvicorn.Server | None = None
        self.api: Api
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._live()), daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._started.result(timeout=30)}"
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.should_exit = True
        self._thread.join(timeout=20)

    async def _live(self) -> None:
        clock, ids = SystemClock(), SystemIds()
        store = await open_store(self._database_url, clock)
        broker = open_broker(f"memory://{ids.entropy(6).hex()}", clock, ids)
        scheduler = Scheduler(store, broker, clock, ids)
        running = asyncio.create_task(scheduler.run())
        self.api = Api(store, broker, clock, ids, self._settings, map_runs=MapRunReader(store))
        self._server = make_server(self.api, "127.0.0.1", 0)
        serving = asyncio.create_task(self._server.serve())
        while not self._server.started:  # noqa: ASYNC110 (uvicorn signals nothing)
            await asyncio.sleep(0.005)
        self._started.set_result(self._server.servers[0].sockets[0].getsockname()[1])
        await serving
        await scheduler.stop()
        await running
        await broker.close()
        await store.close()

    def client(self, region: str = "us-east-1", key: str = "test", **config: Any) -> Any:
        """A boto3 client as users make it, without retries; every answer is checked against the service model."""
        options = {"retries": {"mode": "legacy", "total_max_attempts": 1}, "inject_host_prefix": False} | config
        client = boto3.client(
            "stepfunctions",
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=key,
            aws_secret_access_key="secret",
            config=Config(**options),
        )
        client.meta.events.register("response-received.sfn", _check_answer)
        return client


def _check_answer(response_dict: dict[str, Any], event_name: str, **_: Any) -> None:
    found = answer_faults(event_name.rpartition(".")[2], response_dict["status_code"], response_dict["body"])
    assert not found, found


@pytest.fixture(scope="session")
def server(postgres_server: Databases) -> Iterator[Server]:
    """The server of the session; tests share it and make their own resources."""
    url = asyncio.run(postgres_server.create())
    with Server(url, ApiSettings(node="e2e", poll_seconds=1.0)) as running:
        yield running


@pytest.fixture
def sfn(server: Server) -> Any:
    """A boto3 client of an account of its own, so that lists hold this test's resources only."""
    return server.client(key=f"{next(_NUMBERS):012d}")


@pytest.fixture
def machine(sfn: Any) -> Callable[..., str]:
    """Creates a state machine from a definition; returns its ARN."""

    def create(definition: str = PASS, **more: Any) -> str:
        name = more.pop("name", f"machine-{next(_NUMBERS)}")
        answer = sfn.create_state_machine(name=name, definition=definition, roleArn=ROLE, **more)
        return str(answer["stateMachineArn"])

    return create


def napping(sfn: Any, execution: str) -> str:
    """The execution, once its Wait state is entered."""
    for _ in range(600):
        events = sfn.get_execution_history(executionArn=execution)["events"]
        if events and events[-1]["type"] == "WaitStateEntered":
            return execution
        time.sleep(0.05)
    raise AssertionError("the Wait state is not entered")


def ended(sfn: Any, execution_arn: str, seconds: float = 10.0) -> dict[str, Any]:
    """Ask until the execution has ended; its description."""
    for _ in range(int(seconds / 0.01)):
        description: dict[str, Any] = sfn.describe_execution(executionArn=execution_arn)
        if description["status"] != "RUNNING":
            return description
        threading.Event().wait(0.01)
    raise AssertionError(f"still running after {seconds} s")
