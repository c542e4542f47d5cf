"""`python -m loadtest.bench.express`: W6, synchronous express executions, and W7, asynchronous ones, end to end.

With `--overload` three times as much as the server can do is offered for a minute, whatever it answers.
Every request is signed and every signature is checked. W6 looks at each answer; W7 counts what ended in the server's
metrics and fails unless it is what was accepted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import uvloop

from loadtest.bench.meter import Meter
from loadtest.bench.server import Server, started
from loadtest.bench.sign import ACCESS_KEY, SECRET_KEY, SignedRequest
from loadtest.bench.wire import Connection, Refused
from loadtest.bench.workloads import ACCOUNT, chain

_ROLE = f"arn:aws:iam::{ACCOUNT}:role/bench"
_GROUP = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/vendedlogs/states/bench:*"
_STATES = 3
_INPUT = '{"x": 1}'
_DRAIN_SECONDS_MAX = 120.0
_THROTTLED_SECONDS = 0.005
_OVERLOAD_SECONDS = 60.0
_FLOOD_CONNECTIONS = 1_000


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench.express", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="W6, W7; both by default")
    parser.add_argument("--layout", choices=("up", "up+redis", "roles"), default="up", help="processes of the server")
    parser.add_argument("--lanes", type=int, default=1, help="express processes of the layout `roles` (default: 1)")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each load (default: 10)")
    parser.add_argument("--connections", default="1,16,64", help="connections, one load after the other")
    parser.add_argument("--level", choices=("OFF", "ALL"), default="OFF", help="logging level of the machine")
    parser.add_argument("--overload", action="store_true", help="offer three times the peak for 60 s instead")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stepwell-bench-log-") as folder:
        os.environ["STEPWELL_ACCESS_KEYS"] = f"{ACCESS_KEY}:{SECRET_KEY}"
        if given.level != "OFF":
            os.environ["STEPWELL_EXECUTION_LOG"] = f"{folder}/execution.log"
        results = uvloop.run(_measure(given))
    print(json.dumps(results, indent=2))
    if given.json:
        given.json.write_text(json.dumps(results, indent=2) + "\n")


async def _measure(given: argparse.Namespace) -> dict[str, Any]:
    loads = [int(number) for number in given.connections.split(",")]
    found: dict[str, Any] = {}
    with started(given.layout, workers=1, lanes=given.lanes if given.layout == "roles" else 0) as server:
        machine = await create_machine(server.endpoint, given.level)
        for case in given.cases or ("W6", "W7"):
            if given.overload:
                print(f"{case} overload ...", file=sys.stderr, flush=True)
                found[f"{case} overload"] = await overload(server, machine, case == "W6")
                continue
            for connections in loads:
                name = f"{case} x{connections}"
                print(f"{name} ...", file=sys.stderr, flush=True)
                run = synchronous if case == "W6" else asynchronous
                found[name] = await run(server, machine, connections, given.seconds)
    return {
        "layout": given.layout,
        "lanes": given.lanes if given.layout == "roles" else 1,
        "level": given.level,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "load_average_1m": round(os.getloadavg()[0], 2),
        "measured": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cases": found,
    }


async def create_machine(endpoint: str, level: str, definition: dict[str, Any] | None = None) -> str:
    """Create the express machine of the workloads; returns its ARN."""
    destination = {"cloudWatchLogsLogGroup": {"logGroupArn": _GROUP}}
    logging = {"level": level, "includeExecutionData": True, "destinations": [destination]}
    parameters = {
        "name": f"express-{time.time_ns()}",
        "type": "EXPRESS",
        "definition": orjson.dumps(definition or chain(_STATES)).decode(),
        "roleArn": _ROLE,
        **({"loggingConfiguration": logging} if level != "OFF" else {}),
    }
    connection = await Connection.open(endpoint)
    answer = await connection.call_prepared(SignedRequest(endpoint, "CreateStateMachine", parameters).on_the_wire())
    connection.close()
    return str(orjson.loads(answer)["stateMachineArn"])


async def synchronous(server: Server, machine: str, connections: int, seconds: float) -> dict[str, Any]:
    """StartSyncExecution on so many connections, each sending the next request when it has the answer."""
    request = SignedRequest(server.endpoint, "StartSyncExecution", {"stateMachineArn": machine, "input": _INPUT})

    async def one(connection: Connection) -> None:
        answer = await connection.call_prepared(request.on_the_wire())
        if b'"status":"SUCCEEDED"' not in answer:
            raise SystemExit(f"an execution ended otherwise: {answer.decode()}")

    await _load(server, one, connections, min(1.0, seconds))
    meter = Meter(server.pids)
    meter.begin()
    taken, throttled, span = await _load(server, one, connections, seconds)
    usage = meter.end()
    return _figures(taken, throttled, span) | {
        "cpu_us_per_execution": {name: round(1e6 * it / len(taken), 1) for name, it in usage.cpu_seconds.items()},
        "rss_mib": {name: round(it / 2**20) for name, it in usage.rss_bytes.items()},
    }


async def asynchronous(server: Server, machine: str, connections: int, seconds: float) -> dict[str, Any]:
    """StartExecution on so many connections; the rate is that of the ends, over the time until the last one."""
    request = SignedRequest(server.endpoint, "StartExecution", {"stateMachineArn": machine, "input": _INPUT})

    async def one(connection: Connection) -> None:
        await connection.call_prepared(request.on_the_wire())

    before = await asyncio.to_thread(_ended, server)
    warmed, _, _ = await _load(server, one, connections, min(1.0, seconds))
    await _all_ended(server, before + len(warmed))
    meter = Meter(server.pids)
    meter.begin()
    begun = time.perf_counter()
    taken, throttled, span = await _load(server, one, connections, seconds)
    await _all_ended(server, before + len(warmed) + len(taken))
    whole = time.perf_counter() - begun
    usage = meter.end()
    return _figures(taken, throttled, span) | {
        "ended_per_s": round(len(taken) / whole, 1),
        "accepted_per_s": round(len(taken) / span, 1),
        "cpu_us_per_execution": {name: round(1e6 * it / len(taken), 1) for name, it in usage.cpu_seconds.items()},
        "rss_mib": {name: round(it / 2**20) for name, it in usage.rss_bytes.items()},
    }


async def overload(server: Server, machine: str, is_synchronous: bool) -> dict[str, Any]:
    """Measure the peak, then offer three times that for a minute; goodput is what ended, second by second."""
    measure = synchronous if is_synchronous else asynchronous
    peak_figures = await measure(server, machine, 64, 10.0)
    peak = peak_figures["per_s"] if is_synchronous else peak_figures["ended_per_s"]
    operation = "StartSyncExecution" if is_synchronous else "StartExecution"
    request = SignedRequest(server.endpoint, operation, {"stateMachineArn": machine, "input": _INPUT})
    before = await asyncio.to_thread(_ended, server)
    meter = Meter(server.pids)
    flood = _Flood([await Connection.open(server.endpoint) for _ in range(_FLOOD_CONNECTIONS)], request, 3 * peak)
    rss: dict[str, int] = {}
    meter.begin()
    flooding = asyncio.create_task(flood.run(_OVERLOAD_SECONDS))
    while not flooding.done():
        await asyncio.sleep(2)
        rss = {name: max(size, rss.get(name, 0)) for name, size in meter.rss().items()}
    span = await flooding
    usage = meter.end()
    good = flood.answered if is_synchronous else await asyncio.to_thread(_ended, server) - before
    if not is_synchronous:
        await _all_ended(server, before + flood.answered)
    return {
        "peak_per_s": peak,
        "offered_per_s": round(flood.offered / span, 1),
        "sent_per_s": round(flood.sent / span, 1),
        "good_per_s": round(good / span, 1),
        "share_of_peak": round(good / span / peak, 3),
        "throttled": flood.throttled,
        "peak_cpu_us_per_execution": peak_figures["cpu_us_per_execution"],
        "cpu_us_per_execution": {name: round(1e6 * it / good, 1) for name, it in usage.cpu_seconds.items()},
        "rss_before_mib": peak_figures["rss_mib"],
        "rss_most_mib": {name: round(it / 2**20) for name, it in rss.items()},
    }


class _Flood:
    """An open loop: requests come at their rate, whether the server keeps up or not.

    Without a free connection a request stays away, as it would behind a full accept queue.
    """

    def __init__(self, connections: list[Connection], request: SignedRequest, per_second: float) -> None:
        self.offered = self.sent = self.answered = self.throttled = 0
        self._free = connections
        self._request = request
        self._per_second = per_second
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, seconds: float) -> float:
        """Flood the server; returns how long it took until the last answer."""
        begun = time.perf_counter()
        while (passed := time.perf_counter() - begun) < seconds:
            due = int(passed * self._per_second)
            for _ in range(min(due - self.offered, len(self._free))):
                task = asyncio.create_task(self._send(self._free.pop()))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            self.offered = due
            await asyncio.sleep(0.002)
        await asyncio.gather(*self._tasks)
        return time.perf_counter() - begun

    async def _send(self, connection: Connection) -> None:
        self.sent += 1
        try:
            await connection.call_prepared(self._request.on_the_wire())
            self.answered += 1
        except Refused as refused:
            if refused.code != "ThrottlingException":
                raise
            self.throttled += 1
        self._free.append(connection)


async def _all_ended(server: Server, wanted: int) -> None:
    """Wait until exactly so many have ended.

    Raises:
        SystemExit: they did not, or more did.
    """
    begun = time.perf_counter()
    while (ended := await asyncio.to_thread(_ended, server)) < wanted:
        if time.perf_counter() - begun > _DRAIN_SECONDS_MAX:
            raise SystemExit(f"{wanted - ended} of {wanted} executions have not ended")
        await asyncio.sleep(0.02)
    if ended != wanted:
        raise SystemExit(f"{ended - wanted} executions more than were accepted ended")


async def _load(server: Server, one: Any, connections: int, seconds: float) -> tuple[list[float], int, float]:
    """Run `one` on every connection for so long; the time of each answer, the refusals, and the whole time."""
    taken: list[float] = []
    throttled = 0
    clock = time.perf_counter
    until = clock() + seconds

    async def client() -> None:
        nonlocal throttled
        connection = await Connection.open(server.endpoint)
        while clock() < until:
            begun = clock()
            try:
                await one(connection)
            except Refused as refused:
                if refused.code != "ThrottlingException":
                    raise
                throttled += 1
                await asyncio.sleep(_THROTTLED_SECONDS)
                continue
            taken.append(clock() - begun)
        connection.close()

    begun = clock()
    await asyncio.gather(*(client() for _ in range(connections)))
    return taken, throttled, clock() - begun


def _figures(taken: Sequence[float], throttled: int, span: float) -> dict[str, Any]:
    ordered = sorted(taken)
    return {
        "executions": len(ordered),
        "per_s": round(len(ordered) / span, 1),
        "throttled": throttled,
        "p50_ms": round(1000 * ordered[len(ordered) // 2], 2),
        "p99_ms": round(1000 * ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))], 2),
    }


def _ended(server: Server) -> int:
    """Asynchronous executions that the server's processes have counted as ended."""
    total = 0.0
    for url in server.metrics or [f"{server.endpoint}/metrics"]:
        with _opened(url) as lines:
            for line in lines:
                if line.startswith("stepwell_express_executions_total{") and 'kind="async"' in line:
                    total += float(line.rsplit(" ", 1)[1])
    return int(total)


@contextlib.contextmanager
def _opened(url: str) -> Iterator[list[str]]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        yield answer.read().decode().splitlines()


if __name__ == "__main__":
    main()
