"""How long others wait while an attacker's expressions work for as long as they may.

    python -m loadtest.neighbours                      # 100 attackers' state machines, 20 s
    python -m loadtest.neighbours --attackers 0        # nobody attacks: what to compare with
    python -m loadtest.neighbours --by express         # with StartSyncExecution; `--by test-state` with TestState

Every attacker has a state machine of its own whose JSONata expression never ends by itself, and starts it again and
again. Meanwhile one neighbour runs a Pass state, one after another, and somebody asks the same process for a list.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from loadtest.api_limits import PASS, ROLE, Figure, Running, make_machine, share, started
from loadtest.bench.wire import Connection

ENDLESS = "{% ($f := function($x){ $f($x + 1) }; $f(0)) %}"
GREEDY_STATE = {"Type": "Pass", "Output": ENDLESS, "End": True}
GREEDY = {"QueryLanguage": "JSONata", "StartAt": "G", "States": {"G": GREEDY_STATE}}
PAUSE_SECONDS = 0.01
TICK_MS_MAX = 100.0


async def attack(connection: Connection, number: int, until: float, by: str) -> int:
    """Run one greedy state machine again and again; how often it ended."""
    run = await attacker(connection, number, until, by)
    ended = 0
    try:
        async with asyncio.timeout(until - time.monotonic()):
            while True:
                await run()
                ended += 1
    except TimeoutError:
        return ended


async def attacker(connection: Connection, number: int, until: float, by: str) -> Callable[[], Awaitable[object]]:
    """What one attacker does again and again."""
    if by == "test-state":
        tested = {"definition": json.dumps({"QueryLanguage": "JSONata", **GREEDY_STATE}), "roleArn": ROLE}
        return lambda: connection.call("TestState", tested)
    arn = await make_machine(connection, f"greedy-{number}", GREEDY, "EXPRESS" if by == "express" else "STANDARD")
    given = {"stateMachineArn": arn, "input": "{}"}
    if by == "express":
        return lambda: connection.call("StartSyncExecution", given)

    async def start_and_wait() -> None:
        execution = (await connection.call("StartExecution", given))["executionArn"]
        while await running(connection, execution, 0.2):
            pass

    return start_and_wait


async def running(connection: Connection, execution: str, pause_seconds: float) -> bool:
    """Whether an execution runs; after a pause if it does."""
    answer = await connection.call("DescribeExecution", {"executionArn": execution})
    found = bool(answer["status"] == "RUNNING")
    await asyncio.sleep(pause_seconds if found else 0)
    return found


async def neighbour(connection: Connection, until: float) -> list[float]:
    """Milliseconds from a start to the end that is seen, one execution after another."""
    arn = await make_machine(connection, "neighbour", PASS)
    took = []
    while time.monotonic() < until:
        begun = time.monotonic()
        given = {"stateMachineArn": arn, "input": "{}"}
        execution = (await connection.call("StartExecution", given))["executionArn"]
        while await running(connection, execution, 0.002):
            pass
        took.append((time.monotonic() - begun) * 1000)
        await asyncio.sleep(PAUSE_SECONDS)
    return sorted(took)


async def ticks(connection: Connection, until: float) -> list[float]:
    """Milliseconds until the process answers a question that costs it nothing, again and again."""
    took = []
    given = json.dumps({"maxResults": 1}).encode()
    while time.monotonic() < until:
        begun = time.monotonic()
        await connection.call_raw("ListActivities", given)
        took.append((time.monotonic() - begun) * 1000)
        await asyncio.sleep(PAUSE_SECONDS)
    return sorted(took)


async def measure(server: Running, options: argparse.Namespace) -> list[Figure]:
    """All of them at once."""
    connections = [await Connection.open(server.endpoint) for _ in range(options.attackers + 2)]
    until = time.monotonic() + options.seconds
    found: list[Any] = await asyncio.gather(
        ticks(connections[-1], until),
        neighbour(connections[-2], until),
        *(attack(connection, number, until, options.by) for number, connection in enumerate(connections[:-2])),
    )
    answers, took, *ended = found
    return [
        Figure("an answer of the process, p50", share(answers, 0.5), "ms"),
        Figure("p99", share(answers, 0.99), "ms", most=TICK_MS_MAX),
        Figure("slowest", answers[-1], "ms"),
        Figure("a neighbour's execution, p50", share(took, 0.5), "ms"),
        Figure("p99", share(took, 0.99), "ms"),
        Figure("slowest", took[-1], "ms"),
        Figure("neighbour's executions", len(took), ""),
        Figure("attackers' executions that ended", sum(ended), ""),
    ]


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--attackers", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--by", choices=("standard", "express", "test-state"), default="standard")
    options = parser.parse_args()
    with started() as server:
        figures = asyncio.run(measure(server, options))
    print(*figures, sep="\n")
    return 0 if all(figure.reached for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
