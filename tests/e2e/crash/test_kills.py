"""kill -9 in the middle of 200 executions: every one ends, and no attempt of a task ran twice."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from services.cli.client import Client
from tests.e2e.crash.cluster import cluster
from tests.e2e.crash.ledger import definition, judge
from tests.fixtures.redis import RedisServer
from tests.fixtures.server import Server

COUNT = 200
END_SECONDS = 120.0
ROLE = "arn:aws:iam::000000000000:role/any"

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where everything is kept; Postgres may enter it."""
    tmp_path.chmod(0o755)
    return tmp_path


@pytest.fixture
def functions(folder: Path) -> Path:
    """A map that leads to the function with the ledger."""
    target = f"{Path(__file__).parent / 'handlers.py'}:work"
    path = folder / "functions.json"
    path.write_text(
        json.dumps({"functions": {"work": {"target": target, "environment": {"LEDGER": str(folder / "ledger")}}}})
    )
    return path


def start_all(client: Client) -> tuple[str, set[str]]:
    """Start the executions; returns the machine and their names."""
    machine = client.call("CreateStateMachine", name="crash", definition=definition(), roleArn=ROLE)["stateMachineArn"]
    names = {f"run-{number}" for number in range(COUNT)}
    for name in names:
        client.call("StartExecution", stateMachineArn=machine, name=name)
    return machine, names


def wait_for(condition: Callable[[], bool]) -> None:
    """Look now and then until it is so."""
    deadline = time.monotonic() + END_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def ran(folder: Path, least: int) -> Callable[[], bool]:
    """Whether that many attempts have run."""
    ledger = folder / "ledger"
    return lambda: ledger.exists() and ledger.read_text().count("\n") >= least


def none_runs(client: Client, machine: str) -> Callable[[], bool]:
    """Whether every execution has ended."""
    return lambda: (
        not client.call("ListExecutions", stateMachineArn=machine, statusFilter="RUNNING", maxResults=1)["executions"]
    )


def test_the_whole_server_is_killed_twice(folder: Path, functions: Path) -> None:
    server = Server(folder, ["--functions", str(functions)])
    server.start()
    try:
        machine, names = start_all(server.client)
        for share in (100, 300):
            wait_for(ran(folder, share))
            server.kill()
            server.start()
        client = server.client
        wait_for(none_runs(client, machine))
        counts = judge(client, machine, names, folder / "ledger")
        assert counts["executions"] == COUNT
    finally:
        server.stop()


@pytest.mark.parametrize("victim", ["scheduler", "worker"])
def test_one_of_two_is_killed_and_replaced(
    folder: Path, functions: Path, redis_server: RedisServer, victim: str
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    broker = f"{redis_server.url.rpartition('/')[0]}/{3 if victim == 'scheduler' else 4}"
    names = ["scheduler-1", "scheduler-2", "worker-1", "worker-2", "api"]
    with cluster(folder, port, broker, functions, names) as running:
        client = running.client
        machine, started = start_all(client)
        wait_for(ran(folder, 150))
        running.kill(f"{victim}-1")
        running.start(f"{victim}-3")
        wait_for(none_runs(client, machine))
        counts = judge(client, machine, started, folder / "ledger")
        assert counts["executions"] == COUNT
