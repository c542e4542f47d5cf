"""Kill express lanes with `kill -9` while they work, again and again, and account for every execution.

`python -m loadtest.lane_kills --kills 20 --executions 2000`

Two lanes share a queue. In each round executions are started, one lane is killed while they are under way, and a new
one takes its place. Afterwards the lanes' logs must show an end for every execution that was accepted, and whatever
was started again must say so.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import uvloop

from loadtest.bench.server import Server, command, free_port, redis_server, wait_ready
from loadtest.bench.wire import Connection
from loadtest.bench.workloads import ACCOUNT

_GROUP = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/vendedlogs/states/kills:*"
_DEFINITION = {
    "StartAt": "Wait",
    "States": {"Wait": {"Type": "Wait", "Seconds": 5, "Next": "Pass"}, "Pass": {"Type": "Pass", "End": True}},
}
_DRAIN_SECONDS_MAX = 60.0
_CONNECTIONS = 8


@dataclass(slots=True)
class Report:
    """What came of it.

    Attributes:
        accepted, ended: executions; all that were accepted must have ended.
        redelivered: executions that were started again, each marked in the log.
        unmarked: started more often than once without saying so.
        recovery_seconds: by kill, from the kill to the first execution that was started again.
        whole_seconds: by kill, from the kill until every execution of the round had ended.
    """

    accepted: int = 0
    ended: int = 0
    redelivered: int = 0
    unmarked: int = 0
    recovery_seconds: list[float] = field(default_factory=list)
    whole_seconds: list[float] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """Accepted and never ended."""
        return self.accepted - self.ended


class Lanes:
    """An API and express lanes as processes; each lane writes a log of its own."""

    def __init__(self, folder: Path, database_url: str, broker_url: str) -> None:
        """Nothing runs yet."""
        self.endpoint = f"http://127.0.0.1:{free_port()}"
        self._folder = folder
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STEPWELL_"))},
            "STEPWELL_DATABASE_URL": database_url,
            "STEPWELL_BROKER_URL": broker_url,
            "PYTHONPATH": os.getcwd(),
        }

    def migrate(self) -> None:
        """Make the tables."""
        subprocess.run(command(["migrate"]), env=self._environment, check=True, capture_output=True)

    def start_api(self) -> None:
        """Start the API and wait until it is ready."""
        self._start("api", ["api", "--port", self.endpoint.rpartition(":")[2]], {})
        wait_ready(self.endpoint)

    def start_lane(self, name: str) -> None:
        """Start a lane."""
        self._start(name, ["express"], {"STEPWELL_EXECUTION_LOG": str(self._folder / f"{name}.jsonl")})

    def kill(self, name: str) -> None:
        """SIGKILL."""
        self._processes[name].kill()
        self._processes.pop(name).wait()

    def stop(self) -> None:
        """End everything."""
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self._processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()

    @property
    def lanes(self) -> list[str]:
        """The lanes that run."""
        return [name for name in self._processes if name != "api"]

    def records(self, lane: str = "*") -> Iterator[dict[str, Any]]:
        """Every whole line of a lane's log, or of all."""
        for path in sorted(self._folder.glob(f"{lane}.jsonl")):
            for line in path.read_bytes().split(b"\n")[:-1]:
                # A killed lane may have left half a line behind.
                with contextlib.suppress(orjson.JSONDecodeError):
                    yield orjson.loads(line)

    def _start(self, name: str, arguments: list[str], extra: dict[str, str]) -> None:
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command(arguments), env=self._environment | extra, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )


async def run(lanes: Lanes, kills: int, executions: int) -> Report:
    """Play so many rounds; the lane that has most of a round's executions under way is killed.

    Raises:
        SystemExit: executions of a round have not ended in time.
    """
    report = Report()
    lanes.migrate()
    lanes.start_api()
    lanes.start_lane("lane-0")
    lanes.start_lane("lane-1")
    connections = [await Connection.open(lanes.endpoint) for _ in range(_CONNECTIONS)]
    machine = await _machine(connections[0])
    arns: set[str] = set()
    for number in range(kills):
        started = await _start_all(connections, machine, executions)
        arns |= started
        _await(lambda wanted=started: _begun(lanes) >= wanted, "begun")
        killed = time.monotonic()
        killed_ms = time.time() * 1000
        lanes.kill(_busiest(lanes, started))
        lanes.start_lane(f"lane-{number + 2}")
        _await(lambda wanted=arns: _ended(lanes) >= wanted, "ended")
        report.whole_seconds.append(round(time.monotonic() - killed, 2))
        again = [int(it["event_timestamp"]) for it in lanes.records() if it.get("redelivered")]
        after = [moment - killed_ms for moment in again if moment > killed_ms]
        report.recovery_seconds.append(round(min(after, default=0.0) / 1000, 2))
        print(f"kill {number + 1}: recovery {report.recovery_seconds[-1]} s, {len(started)} ended", flush=True)
    for connection in connections:
        connection.close()
    report.accepted, report.ended = len(arns), len(arns & _ended(lanes))
    report.redelivered, report.unmarked = _redeliveries(lanes)
    return report


def _await(happened: Any, what: str) -> None:
    deadline = time.monotonic() + _DRAIN_SECONDS_MAX
    while not happened():
        if time.monotonic() > deadline:
            raise SystemExit(f"not all executions have {what} after {_DRAIN_SECONDS_MAX:.0f} s")
        time.sleep(0.1)


def _busiest(lanes: Lanes, arns: set[str]) -> str:
    """The lane that has begun most of these."""
    return max(lanes.lanes, key=lambda lane: len(_begun(lanes, lane) & arns))


def _begun(lanes: Lanes, lane: str = "*") -> set[str]:
    return {it["execution_arn"] for it in lanes.records(lane) if it["type"] == "ExecutionStarted"}


def _ended(lanes: Lanes) -> set[str]:
    return {it["execution_arn"] for it in lanes.records() if it["type"] == "ExecutionSucceeded"}


def _redeliveries(lanes: Lanes) -> tuple[int, int]:
    """How many executions were started again, and how many starts more than one do not say so."""
    first: dict[str, int] = {}
    marked: set[str] = set()
    for record in lanes.records():
        if record["type"] == "ExecutionStarted":
            if record.get("redelivered"):
                marked.add(record["execution_arn"])
            else:
                first[record["execution_arn"]] = first.get(record["execution_arn"], 0) + 1
    return len(marked), sum(count - 1 for count in first.values())


async def _machine(connection: Connection) -> str:
    destination = {"cloudWatchLogsLogGroup": {"logGroupArn": _GROUP}}
    answer = await connection.call(
        "CreateStateMachine",
        {
            "name": "kills",
            "type": "EXPRESS",
            "definition": json.dumps(_DEFINITION),
            "roleArn": f"arn:aws:iam::{ACCOUNT}:role/kills",
            "loggingConfiguration": {"level": "ALL", "includeExecutionData": False, "destinations": [destination]},
        },
    )
    return str(answer["stateMachineArn"])


async def _start_all(connections: list[Connection], machine: str, count: int) -> set[str]:
    async def some(connection: Connection, count: int) -> list[str]:
        calls = (connection.call("StartExecution", {"stateMachineArn": machine}) for _ in range(count))
        return [str((await call)["executionArn"]) for call in calls]

    share = -(-count // len(connections))
    counts = [min(share, count - share * number) for number in range(len(connections))]
    started = await asyncio.gather(*map(some, connections, counts))
    return {arn for some_arns in started for arn in some_arns}


def main() -> None:
    """Play it on a Postgres and a Redis of our own."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.lane_kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--executions", type=int, default=2000, help="started in each round (default: 2000)")
    given = parser.parse_args()
    from services.store.embedded import EmbeddedPostgres

    with tempfile.TemporaryDirectory(prefix="stepwell-kills-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        postgres = EmbeddedPostgres(folder / "data")
        url = postgres.start()
        stack.callback(postgres.stop)
        broker = stack.enter_context(redis_server(folder, Server("", folder)))
        lanes = Lanes(folder, url, broker)
        stack.callback(lanes.stop)
        report = uvloop.run(run(lanes, given.kills, given.executions))
    print(
        f"{given.kills} kills: {report.accepted} accepted, {report.lost} lost, {report.redelivered} started again, "
        f"{report.unmarked} of them unmarked; recovery {max(report.recovery_seconds)} s at most"
    )
    raise SystemExit(1 if report.lost or report.unmarked else 0)


if __name__ == "__main__":
    main()
