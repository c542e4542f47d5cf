"""The API at its limits: ten thousand idle polls, callbacks per second, a million executions, a full history.

    python -m loadtest.api_limits                    # all of it
    python -m loadtest.api_limits polls callbacks    # some of it

Each part starts a server of its own as a user would and prints what it measured beside what it must reach. Exit
status 1 if something is not reached, or an answer is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from loadtest.bench.server import command, free_port, wait_ready
from loadtest.bench.wire import Connection
from services.store.embedded import EmbeddedPostgres

ROLE = "arn:aws:iam::000000000000:role/any"
PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
LOOP = {
    "StartAt": "A",
    "States": {
        "A": {"Type": "Pass", "Next": "More?"},
        "More?": {"Type": "Choice", "Choices": [{"Variable": "$.no", "IsPresent": True, "Next": "B"}], "Default": "A"},
        "B": {"Type": "Succeed"},
    },
}
STOP_SECONDS = 20.0

# Ended executions of the last ten hours: names as people give them, nine of ten succeeded.
FILL_EXECUTIONS = """
    WITH new AS (
        SELECT
            i, md5(i::text) AS luck,
            (extract(epoch FROM clock_timestamp()) * 1000)::bigint - (i * (36000000.0 / $3))::bigint AS start_ms
        FROM generate_series(1, $3::bigint) AS i
    ), rows AS (
        SELECT
            (lpad(to_hex(start_ms), 12, '0') || '7' || substr(luck, 1, 3) || '8' || substr(luck, 4, 15))::uuid AS id,
            'order-' || i AS name, start_ms,
            CASE WHEN i % 10 = 0 THEN 2 ELSE 1 END AS status
        FROM new
    ), names AS (
        INSERT INTO execution_names (machine_id, name, execution_id) SELECT $1, name, id FROM rows
    )
    INSERT INTO executions (
        id, machine_id, revision_id, start_ms, stop_ms, shard, status, name, input, output, error
    )
    SELECT
        id, $1, $2, start_ms, start_ms + 5, 0, status, name, '{"order":1}', '{"ok":true}',
        CASE WHEN status = 2 THEN 'States.TaskFailed' END
    FROM rows
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value; `most` and `least` are what it must reach."""

    name: str
    value: float
    unit: str
    most: float | None = None
    least: float | None = None

    @property
    def reached(self) -> bool:
        """Whether it is within its bounds."""
        return (self.most is None or self.value <= self.most) and (self.least is None or self.value >= self.least)

    def __str__(self) -> str:
        bound = f"at most {self.most:g}" if self.most is not None else f"at least {self.least:g}" if self.least else ""
        mark = "  " if self.reached else "!!"
        return f"{mark} {self.name:<58} {self.value:>10.1f} {self.unit:<8} {bound}"


@dataclass(frozen=True, slots=True)
class Running:
    """A server under test."""

    endpoint: str
    database_url: str
    process: psutil.Process


@contextlib.contextmanager
def started(**settings: str) -> Iterator[Running]:
    """`stepwell up` on a Postgres whose URL is known, for the length of a `with` block."""
    with tempfile.TemporaryDirectory(prefix="stepwell-limits-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        postgres = EmbeddedPostgres(folder / "data")
        url = postgres.start()
        port = free_port()
        environment = os.environ | {f"STEPWELL_{key.upper()}": value for key, value in settings.items()}
        with (folder / "server.log").open("wb") as log:
            line = command(["up", "--port", str(port), "--database-url", url])
            server = subprocess.Popen(line, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)
        try:
            wait_ready(f"http://127.0.0.1:{port}")
            yield Running(f"http://127.0.0.1:{port}", url, psutil.Process(server.pid))
        finally:
            server.terminate()
            try:
                server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
            postgres.stop()


async def make_machine(connection: Connection, name: str, definition: dict[str, Any], kind: str = "STANDARD") -> str:
    """A state machine of a type, STANDARD or EXPRESS; its ARN."""
    given = {"name": name, "definition": json.dumps(definition), "roleArn": ROLE, "type": kind}
    return str((await connection.call("CreateStateMachine", given))["stateMachineArn"])


async def timed(call: Callable[[], Awaitable[Any]], count: int) -> list[float]:
    """Milliseconds of each of so many calls, one after another, sorted."""
    found = []
    for _ in range(count):
        begun = time.perf_counter()
        await call()
        found.append((time.perf_counter() - begun) * 1000)
    return sorted(found)


def share(values: list[float], part: float) -> float:
    """The value that this part of the (sorted) values does not exceed."""
    return values[min(len(values) - 1, int(len(values) * part))]


# --- polls ------------------------------------------------------------------------------------------------------------


async def polls(server: Running, options: argparse.Namespace) -> list[Figure]:
    """Idle GetActivityTask calls: what they cost, and what they cost others."""
    connection = await Connection.open(server.endpoint)
    arn = await make_machine(connection, "pass", PASS)
    activities = [
        (await connection.call("CreateActivity", {"name": f"a{number}"}))["activityArn"]
        for number in range(-(-options.polls // options.polls_per_activity))
    ]

    async def start() -> None:
        await connection.call("StartExecution", {"stateMachineArn": arn, "input": "{}"})

    await timed(start, options.starts)  # everything is loaded and warm
    before = await timed(start, options.starts)
    await asyncio.sleep(2)
    rss, threads = server.process.memory_info().rss, server.process.num_threads()
    waiting = await _open_polls(server, activities, options.polls)
    await asyncio.sleep(2)
    more = server.process.memory_info().rss - rss
    more_threads = server.process.num_threads() - threads
    during = await timed(start, options.starts)
    answered = sum(task.done() for task in waiting)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    return [
        Figure(f"{options.polls} idle polls: memory", more / (1 << 20), "MiB", most=100),
        Figure("threads more", more_threads, "", most=0),
        Figure("polls that ended before their time", answered, "", most=0),
        Figure("StartExecution p50 without them", share(before, 0.5), "ms"),
        Figure("StartExecution p50 with them", share(during, 0.5), "ms"),
        Figure("StartExecution p99 without them", share(before, 0.99), "ms"),
        Figure("StartExecution p99 with them", share(during, 0.99), "ms", most=2 * share(before, 0.99)),
    ]


async def _open_polls(server: Running, activities: list[str], count: int) -> list[asyncio.Task[bytes]]:
    """Open so many polls, some hundred at a time."""
    waiting: list[asyncio.Task[bytes]] = []
    for first in range(0, count, 200):
        opened = await asyncio.gather(*(Connection.open(server.endpoint) for _ in range(min(200, count - first))))
        for number, connection in enumerate(opened, first):
            body = json.dumps({"activityArn": activities[number % len(activities)], "workerName": "idle"}).encode()
            waiting.append(asyncio.create_task(connection.call_raw("GetActivityTask", body)))
        await asyncio.sleep(0)
    return waiting


# --- callbacks --------------------------------------------------------------------------------------------------------


async def callbacks(server: Running, options: argparse.Namespace) -> list[Figure]:
    """SendTaskSuccess: how many a second are answered, each after its commit."""
    first = await Connection.open(server.endpoint)
    activity = (await first.call("CreateActivity", {"name": "work"}))["activityArn"]
    task = {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": activity, "End": True}}}
    arn = await make_machine(first, "callback", task)
    connections = [first, *[await Connection.open(server.endpoint) for _ in range(options.connections - 1)]]

    async def start(connection: Connection, number: int) -> None:
        await connection.call("StartExecution", {"stateMachineArn": arn, "name": f"e{number}", "input": "{}"})

    tokens: list[str] = []

    async def lease(connection: Connection, number: int) -> None:
        answer = await connection.call("GetActivityTask", {"activityArn": activity})
        tokens.append(answer["taskToken"])

    async def succeed(connection: Connection, number: int) -> None:
        await connection.call("SendTaskSuccess", {"taskToken": tokens[number], "output": f"{number}"})

    await _spread(connections, options.callbacks, start)
    await _spread(connections, options.callbacks, lease)
    doubled = len(tokens) - len(set(tokens))
    cpu = sum(server.process.cpu_times()[:2])
    seconds = await _spread(connections, options.callbacks, succeed)
    cpu = sum(server.process.cpu_times()[:2]) - cpu
    left = await _running(first, arn)
    ended = await _count(first, arn, "SUCCEEDED")
    return [
        Figure("SendTaskSuccess accepted", options.callbacks / seconds, "/s", least=2_000),
        Figure("CPU time of the server for each", cpu * 1e6 / options.callbacks, "us"),
        Figure("tasks that were given out twice", doubled, "", most=0),
        Figure("executions that did not end with it", left + options.callbacks - ended, "", most=0),
    ]


async def _spread(
    connections: list[Connection], count: int, act: Callable[[Connection, int], Awaitable[None]]
) -> float:
    """Do it so many times, on all connections at once; the seconds that it took."""
    numbers = iter(range(count))

    async def work(connection: Connection) -> None:
        for number in numbers:
            await act(connection, number)

    begun = time.perf_counter()
    await asyncio.gather(*map(work, connections))
    return time.perf_counter() - begun


async def _running(connection: Connection, arn: str) -> int:
    """How many executions still run, after some patience."""
    for _ in range(100):
        given = {"stateMachineArn": arn, "statusFilter": "RUNNING"}
        found = len((await connection.call("ListExecutions", given))["executions"])
        if not found:
            break
        await asyncio.sleep(0.1)
    return found


async def _count(connection: Connection, arn: str, status: str) -> int:
    found = 0
    token: dict[str, str] = {}
    while True:
        given = {"stateMachineArn": arn, "statusFilter": status, "maxResults": 1000, **token}
        answer = await connection.call("ListExecutions", given)
        found += len(answer["executions"])
        if "nextToken" not in answer:
            return found
        token = {"nextToken": answer["nextToken"]}


# --- lists ------------------------------------------------------------------------------------------------------------


async def lists(server: Running, options: argparse.Namespace) -> list[Figure]:
    """ListExecutions of a state machine with very many executions."""
    connection = await Connection.open(server.endpoint)
    arn = await make_machine(connection, "many", PASS)
    await _fill(server.database_url, options.executions)
    figures = []
    wanted: dict[str, dict[str, Any]] = {
        "first page of 100": {},
        "first page of 1,000": {"maxResults": 1000},
        "first page of 1,000 that failed": {"maxResults": 1000, "statusFilter": "FAILED"},
        "first page of those that run (there is none)": {"statusFilter": "RUNNING"},
    }
    for name, given in wanted.items():

        async def page(given: dict[str, Any] = given) -> None:
            await connection.call("ListExecutions", {"stateMachineArn": arn} | given)

        await timed(page, 5)
        figures.append(Figure(f"ListExecutions, {name}: p99", share(await timed(page, 100), 0.99), "ms", most=50))
    figures.append(Figure("rows that the last page shows wrongly", await _pages_agree(connection, arn), "", most=0))
    return figures


async def _fill(url: str, count: int) -> None:
    database = await asyncpg.connect(url)
    try:
        machine, revision = await database.fetchrow("SELECT id, revision_id FROM state_machines WHERE name = 'many'")
        await database.execute(FILL_EXECUTIONS, machine, revision, count)
        await database.execute("VACUUM ANALYZE executions")
        await database.execute("VACUUM ANALYZE execution_names")
    finally:
        await database.close()


async def _pages_agree(connection: Connection, arn: str) -> int:
    """Whether two pages of 100 are what one page of 200 is."""
    whole = (await connection.call("ListExecutions", {"stateMachineArn": arn, "maxResults": 200}))["executions"]
    one = await connection.call("ListExecutions", {"stateMachineArn": arn, "maxResults": 100})
    given = {"stateMachineArn": arn, "maxResults": 100, "nextToken": one["nextToken"]}
    two = await connection.call("ListExecutions", given)
    return sum(left != right for left, right in zip(one["executions"] + two["executions"], whole, strict=True))


# --- history ----------------------------------------------------------------------------------------------------------


async def history(server: Running, options: argparse.Namespace) -> list[Figure]:
    """GetExecutionHistory of an execution that went on until its history was full."""
    connection = await Connection.open(server.endpoint)
    arn = await make_machine(connection, "loop", LOOP)
    given = {"stateMachineArn": arn, "input": json.dumps({"text": "x" * options.input_bytes})}
    execution = (await connection.call("StartExecution", given))["executionArn"]
    while (await connection.call("DescribeExecution", {"executionArn": execution}))["status"] == "RUNNING":  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    figures = []
    for name, backwards in (("forwards", False), ("backwards", True)):
        pages: list[float] = []
        for _ in range(6):
            took, ids = await _read_all(connection, execution, backwards)
            pages += took
        pages.sort()
        figures.append(Figure(f"GetExecutionHistory, {name}, pages of 1,000: p50", share(pages, 0.5), "ms", most=50))
        figures.append(Figure("p95", share(pages, 0.95), "ms", most=50))
        figures.append(Figure("slowest of 150", pages[-1], "ms"))
        expected = list(range(1, 25_001))
        figures.append(Figure("events missing", 25_000 - len(ids), "", most=0))
        wrong = sum(one != other for one, other in zip(ids, expected[::-1] if backwards else expected, strict=False))
        figures.append(Figure("events out of order", wrong, "", most=0))
    return figures


async def _read_all(connection: Connection, execution: str, backwards: bool) -> tuple[list[float], list[int]]:
    """Milliseconds of every page, and the ids of all events."""
    took: list[float] = []
    ids: list[int] = []
    given: dict[str, Any] = {"executionArn": execution, "maxResults": 1000, "reverseOrder": backwards}
    while True:
        body = json.dumps(given).encode()
        begun = time.perf_counter()
        raw = await connection.call_raw("GetExecutionHistory", body)
        took.append((time.perf_counter() - begun) * 1000)
        answer = json.loads(raw)
        ids += [event["id"] for event in answer["events"]]
        if "nextToken" not in answer:
            return took, ids
        given["nextToken"] = answer["nextToken"]


PARTS: dict[str, Callable[[Running, argparse.Namespace], Coroutine[Any, Any, list[Figure]]]] = {
    "polls": polls,
    "callbacks": callbacks,
    "lists": lists,
    "history": history,
}


def main() -> int:
    """Measure the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--polls", type=int, default=10_000)
    parser.add_argument("--polls-per-activity", type=int, default=500)
    parser.add_argument("--starts", type=int, default=3_000)
    parser.add_argument("--callbacks", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--executions", type=int, default=1_000_000)
    parser.add_argument("--input-bytes", type=int, default=500)
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < options.polls + 1_000:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, options.polls + 1_000), hard))
    figures = []
    for name in options.parts or PARTS:
        print(f"-- {name}", flush=True)
        with started() as server:
            found = asyncio.run(PARTS[name](server, options))
        print(*found, sep="\n", flush=True)
        figures += found
    return 0 if all(figure.reached for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
