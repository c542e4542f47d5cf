"""`stepwell up`: ready soon, quiet, stopped cleanly, and not impressed by kill -9."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from services.cli.follow import HistoryReader
from services.cli.timeline import Timeline
from tests.fixtures.server import Server

NAP = (
    '{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 2, "Next": "P"}, "P": {"Type": "Pass", "End": true}}}'
)
COUNT = 50


@pytest.fixture
def own(tmp_path: Path) -> Server:
    """A server that a test may kill."""
    tmp_path.chmod(0o755)
    return Server(tmp_path)


def test_it_says_little_and_stops_cleanly(own: Server) -> None:
    own.start()
    assert own.stop() == 0
    assert 1 <= len(own.log.read_text().splitlines()) <= 8


def test_a_port_in_use_is_said_and_nothing_is_started(own: Server) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", own.port))
        done = own.run("up", "--port", str(own.port), "--data", str(own.folder / "data"))
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1:{own.port}" in done.stderr
    assert not (own.folder / "data").exists()


def test_data_in_use_is_said(own: Server) -> None:
    own.start()
    other = own.run("up", "--port", "1", "--data", str(own.folder / "data"))
    assert other.returncode == 2
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = str(probe.getsockname()[1])
    other = own.run("up", "--port", free, "--data", str(own.folder / "data"))
    assert own.stop() == 0
    assert other.returncode == 2
    assert "is in use by process" in other.stderr


def test_executions_go_on_after_a_kill_as_if_nothing_had_been(own: Server) -> None:
    own.start()
    client = own.client
    machine = client.call("CreateStateMachine", name="nap", definition=NAP, roleArn="arn:aws:iam::000000000000:role/x")
    arn = machine["stateMachineArn"]
    started = [
        client.call("StartExecution", stateMachineArn=arn, name=f"nap-{number}")["executionArn"]
        for number in range(COUNT)
    ]
    own.kill()
    own.start()
    client = own.client
    deadline = time.monotonic() + 60
    while client.call("ListExecutions", stateMachineArn=arn, statusFilter="RUNNING", maxResults=1)["executions"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    ended = list(client.pages("ListExecutions", "executions", stateMachineArn=arn, statusFilter="SUCCEEDED"))
    assert {it["executionArn"] for it in ended} == set(started)
    for execution in started:
        events = HistoryReader(client, execution).new_events()
        assert [event["id"] for event in events] == list(range(1, 7))
        timeline = Timeline()
        timeline.add_all(events)
        assert timeline.status == "SUCCEEDED"
    assert max(it["stopDate"] - it["startDate"] for it in ended) < 8
    assert own.stop() == 0
