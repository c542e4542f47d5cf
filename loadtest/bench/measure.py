"""The ways to measure: sustained load, starts alone, and one execution at a time.

Every execution that was started is looked up afterwards; one that is not SUCCEEDED fails the run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from loadtest.bench.meter import Meter
from loadtest.bench.wire import Connection, Refused
from loadtest.bench.workloads import ACCOUNT, CHILD_ARN, Workload

DRAIN_SECONDS_MAX = 120.0
_ROLE = f"arn:aws:iam::{ACCOUNT}:role/bench"
_PROBE_EVERY = 32
_WINDOW_MIN = 4 * _PROBE_EVERY
_THROTTLED_SECONDS = 0.02


class LostExecutions(Exception):
    """Executions that the server accepted were not found SUCCEEDED."""


@dataclass(frozen=True, slots=True)
class Load:
    """How hard to push: connections that start executions, how many of W1 may be in flight, and for how long."""

    connections: int = 16
    window: int = 2048
    seconds: float = 10.0


class Bench:
    """Measurements on one server."""

    def __init__(self, endpoint: str, meter: Meter) -> None:
        """Connect lazily."""
        self._endpoint = endpoint
        self._meter = meter
        self._names = 0

    async def sustained(self, workload: Workload, load: Load) -> dict[str, Any]:
        """Keep a window of executions in flight for some seconds, then let them end."""
        machine = await self._create(workload)
        await self._warm_up(machine, workload)
        # The window is meant for executions of ten transitions; wider ones get a narrower one.
        window = max(_WINDOW_MIN, min(load.window, load.window * 10 // workload.transitions))
        run = _Run(self, machine, workload, replace(load, window=window))
        self._meter.begin()
        begun = time.perf_counter()
        await run.start_all()
        accepted_seconds = time.perf_counter() - begun
        found = await self._await_all(machine, run.arns)
        usage = self._meter.end()
        spans = [(it["startDate"], it["stopDate"]) for it in found]
        span = max(stop for _, stop in spans) - min(start for start, _ in spans)
        count = len(run.arns)
        return {
            "executions": count,
            "seconds": round(span, 3),
            "executions_per_s": round(count / span, 1),
            "transitions_per_s": round(count * workload.transitions / span, 1),
            "accepted_per_s": round(count / accepted_seconds, 1),
            "throttled": run.throttled,
            "p50_ms": _quantile([1000 * (stop - start) for start, stop in spans], 0.50),
            "p99_ms": _quantile([1000 * (stop - start) for start, stop in spans], 0.99),
            "start_p50_ms": _quantile(run.start_ms, 0.50),
            "start_p99_ms": _quantile(run.start_ms, 0.99),
            "cpu_us_per_execution": {group: round(1e6 * it / count, 1) for group, it in usage.cpu_seconds.items()},
            "rss_mib": _mebibytes(usage.rss_bytes),
        }

    async def starts(self, workload: Workload, load: Load) -> dict[str, Any]:
        """Start as fast as the server accepts; the rate is that of the answers."""
        machine = await self._create(workload)
        await self._warm_up(machine, workload)
        run = _Run(self, machine, workload, Load(load.connections, 1 << 30, load.seconds))
        self._meter.begin()
        begun = time.perf_counter()
        await run.start_all()
        seconds = time.perf_counter() - begun
        usage = self._meter.end()
        await self._await_all(machine, run.arns)
        count = len(run.arns)
        return {
            "executions": count,
            "seconds": round(seconds, 3),
            "accepted_per_s": round(count / seconds, 1),
            "throttled": run.throttled,
            "p50_ms": _quantile(run.start_ms, 0.50),
            "p99_ms": _quantile(run.start_ms, 0.99),
            "cpu_us_per_execution": {group: round(1e6 * it / count, 1) for group, it in usage.cpu_seconds.items()},
            "rss_mib": _mebibytes(usage.rss_bytes),
        }

    async def lone(self, workload: Workload, count: int) -> dict[str, Any]:
        """One execution at a time: from sending StartExecution until SUCCEEDED is seen."""
        machine = await self._create(workload)
        await self._warm_up(machine, workload)
        connection = await Connection.open(self._endpoint)
        whole, answered, inside = [], [], []
        self._meter.begin()
        for _ in range(count):
            begun = time.perf_counter()
            arn = await self.start(connection, machine, workload.input)
            answered.append(1000 * (time.perf_counter() - begun))
            seen = await _seen_ended(connection, arn)
            whole.append(1000 * (time.perf_counter() - begun))
            _require_succeeded(seen)
            inside.append(1000 * (seen["stopDate"] - seen["startDate"]))
        usage = self._meter.end()
        tasks = [await _task_ms(connection, arn)] if workload.name.startswith("W2") else []
        connection.close()
        return {
            "executions": count,
            "p50_ms": _quantile(whole, 0.50),
            "p99_ms": _quantile(whole, 0.99),
            "start_p50_ms": _quantile(answered, 0.50),
            "execution_p50_ms": _quantile(inside, 0.50),
            **({"last_task_ms": tasks[0]} if tasks else {}),
            "cpu_us_per_execution": {group: round(1e6 * it / count, 1) for group, it in usage.cpu_seconds.items()},
            "rss_mib": _mebibytes(usage.rss_bytes),
        }

    async def start(self, connection: Connection, machine: str, given: dict[str, Any]) -> str:
        """Start one execution under a name of our own."""
        self._names += 1
        parameters = {"stateMachineArn": machine, "name": f"bench-{self._names}", "input": orjson.dumps(given).decode()}
        return str((await connection.call("StartExecution", parameters))["executionArn"])

    async def open(self) -> Connection:
        """A new connection."""
        return await Connection.open(self._endpoint)

    async def _create(self, workload: Workload) -> str:
        definition = orjson.dumps(workload.definition).decode()
        if workload.child is not None:
            child = await self._create_machine(f"{workload.name}-child", orjson.dumps(workload.child).decode())
            definition = definition.replace(CHILD_ARN, child)
        return await self._create_machine(workload.name, definition)

    async def _create_machine(self, name: str, definition: str) -> str:
        connection = await self.open()
        answer = await connection.call(
            "CreateStateMachine", {"name": f"{name}-{time.time_ns()}", "definition": definition, "roleArn": _ROLE}
        )
        connection.close()
        return str(answer["stateMachineArn"])

    async def _warm_up(self, machine: str, workload: Workload) -> None:
        connection = await self.open()
        for _ in range(20):
            _require_succeeded(await _seen_ended(connection, await self.start(connection, machine, workload.input)))
        connection.close()

    async def _await_all(self, machine: str, arns: Sequence[str]) -> list[dict[str, Any]]:
        """Wait until every execution has ended; all must be listed as SUCCEEDED."""
        connection = await self.open()
        deadline = time.perf_counter() + DRAIN_SECONDS_MAX
        for arn in reversed(arns[-_PROBE_EVERY:]):
            while (await connection.call("DescribeExecution", {"executionArn": arn}))["status"] == "RUNNING":
                if time.perf_counter() > deadline:
                    raise LostExecutions(f"{arn} still runs {DRAIN_SECONDS_MAX:.0f} s after the last start")
                await asyncio.sleep(0.02)
        while True:
            found = await _list_succeeded(connection, machine)
            missing = set(arns) - found.keys()
            if not missing:
                connection.close()
                return [found[arn] for arn in arns]
            example = await connection.call("DescribeExecution", {"executionArn": next(iter(missing))})
            if example["status"] not in ("RUNNING", "SUCCEEDED") or time.perf_counter() > deadline:
                raise LostExecutions(f"{len(missing)} of {len(arns)} executions did not succeed, such as {example}")
            await asyncio.sleep(0.1)


class _Run:
    """Starts executions on several connections, never more than the window ahead of what has ended."""

    def __init__(self, bench: Bench, machine: str, workload: Workload, load: Load) -> None:
        self.arns: list[str] = []
        self.start_ms: list[float] = []
        self.throttled = 0
        self._bench = bench
        self._machine = machine
        self._workload = workload
        self._load = load
        self._until = 0.0
        self._ended = 0  # executions before this one count as ended: they start and end in about the same order
        self._room = asyncio.Event()

    async def start_all(self) -> None:
        self._until = time.perf_counter() + self._load.seconds
        self._room.set()
        probe = asyncio.create_task(self._watch())
        await asyncio.gather(*(self._start_some() for _ in range(self._load.connections)))
        probe.cancel()

    async def _start_some(self) -> None:
        connection = await self._bench.open()
        clock = time.perf_counter
        while clock() < self._until:
            if len(self.arns) - self._ended >= self._load.window:
                self._room.clear()
                await self._room.wait()
                continue
            begun = clock()
            try:
                arn = await self._bench.start(connection, self._machine, self._workload.input)
            except Refused as error:
                if error.code != "ThrottlingException":
                    raise
                self.throttled += 1
                await asyncio.sleep(_THROTTLED_SECONDS)
                continue
            self.start_ms.append(1000 * (clock() - begun))
            self.arns.append(arn)
        connection.close()

    async def _watch(self) -> None:
        """Look at every so-manieth execution in turn, and make room as they end."""
        connection = await self._bench.open()
        while True:
            nearest = self._ended + _PROBE_EVERY
            if nearest < len(self.arns):
                answer = await connection.call("DescribeExecution", {"executionArn": self.arns[nearest]})
                if answer["status"] != "RUNNING":
                    self._ended = nearest
                    self._room.set()
                    continue
            if time.perf_counter() > self._until:
                self._room.set()
            await asyncio.sleep(0.01)


async def _seen_ended(connection: Connection, arn: str) -> dict[str, Any]:
    while True:
        answer = await connection.call("DescribeExecution", {"executionArn": arn})
        if answer["status"] != "RUNNING":
            return answer
        await asyncio.sleep(0.0003)


def _require_succeeded(answer: dict[str, Any]) -> None:
    if answer["status"] != "SUCCEEDED":
        raise LostExecutions(f"an execution ended otherwise: {answer}")


async def _list_succeeded(connection: Connection, machine: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    parameters = {"stateMachineArn": machine, "statusFilter": "SUCCEEDED", "maxResults": 1000}
    while True:
        answer = await connection.call("ListExecutions", parameters)
        found |= {it["executionArn"]: it for it in answer["executions"]}
        if not answer.get("nextToken"):
            return found
        parameters["nextToken"] = answer["nextToken"]


async def _task_ms(connection: Connection, arn: str) -> float:
    """From TaskScheduled (or LambdaFunctionScheduled) to its success, by the history."""
    events = (await connection.call("GetExecutionHistory", {"executionArn": arn}))["events"]
    at = {event["type"]: event["timestamp"] for event in events}
    begun = next(value for kind, value in at.items() if kind.endswith("Scheduled"))
    ended = next(value for kind, value in at.items() if kind in ("TaskSucceeded", "LambdaFunctionSucceeded"))
    return round(1000 * float(ended - begun), 1)


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))], 2)


def _mebibytes(values: dict[str, int] | Any) -> dict[str, int]:
    return {group: round(value / 2**20) for group, value in values.items()}
