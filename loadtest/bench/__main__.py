"""`python -m loadtest.bench`: run the workloads and print a table; `--json FILE` keeps the figures."""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any

import uvloop

from loadtest.bench.measure import Bench, Load
from loadtest.bench.meter import Meter
from loadtest.bench.report import print_report
from loadtest.bench.server import started
from loadtest.bench.workloads import WORKLOADS

CASES = ("READY", "IDLE", "LONE", "LONETASK", "W1", "W2", "W2e", "W2r", "W3", "W4", "W5", "NEST")
LAYOUTS = ("up", "up+redis", "roles")
_LONE_COUNT = 200


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"any of {' '.join(CASES)}; all by default")
    parser.add_argument("--layout", choices=LAYOUTS, default="up", help="processes of the server (default: up)")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each load (default: 10)")
    parser.add_argument("--connections", type=int, default=16, help="connections that start executions (default: 16)")
    parser.add_argument("--window", type=int, default=2048, help="executions in flight at most (default: 2048)")
    parser.add_argument("--workers", type=int, default=1, help="worker processes of the layout `roles` (default: 1)")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    given = parser.parse_args()
    unknown = [case for case in given.cases if case not in CASES]
    if unknown:
        parser.error(f"unknown case {' '.join(unknown)}; there are {' '.join(CASES)}")
    results = uvloop.run(_measure(given))
    print_report(results)
    if given.json:
        given.json.write_text(json.dumps(results, indent=2) + "\n")


async def _measure(given: argparse.Namespace) -> dict[str, Any]:
    cases: dict[str, Any] = {}
    load = Load(given.connections, given.window, given.seconds)
    with started(given.layout, workers=given.workers) as server:
        meter = Meter(server.pids)
        bench = Bench(server.endpoint, meter)
        for case in given.cases or CASES:
            print(f"{case} ...", file=sys.stderr, flush=True)
            cases[case] = await _one(case, bench, meter, load, server.ready_seconds)
    return {
        "layout": given.layout,
        "machine": f"{platform.machine()}, {_cores()} cores, Python {platform.python_version()}",
        "measured": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "connections": load.connections,
        "window": load.window,
        "cases": cases,
    }


async def _one(case: str, bench: Bench, meter: Meter, load: Load, ready_seconds: float) -> dict[str, Any]:
    match case:
        case "READY":
            return {"seconds": round(ready_seconds, 2)}
        case "IDLE":
            await asyncio.sleep(2)
            return {"rss_mib": {group: round(value / 2**20) for group, value in meter.rss().items()}}
        case "LONE":
            return await bench.lone(WORKLOADS["W1"], _LONE_COUNT)
        case "LONETASK":
            return await bench.lone(WORKLOADS["W2"], _LONE_COUNT)
        case "W5":
            return await bench.starts(WORKLOADS["W5"], load)
        case _:
            return await bench.sustained(WORKLOADS[case], load)


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    main()
