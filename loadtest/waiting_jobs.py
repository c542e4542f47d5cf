"""`python -m loadtest.waiting_jobs`: many `.sync` jobs wait at once; what that costs, and how soon an end is seen.

An AWS Batch stand-in in this process submits at once and lets jobs run until they are released. One process for each
role, Redis between them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections import Counter
from typing import Any

import psutil
import uvloop

from loadtest.bench.server import Server, free_port, started
from loadtest.bench.wire import Connection
from loadtest.bench.workloads import ACCOUNT

_ROLE = f"arn:aws:iam::{ACCOUNT}:role/bench"
_CONNECTIONS = 8
_DEFINITION = {
    "StartAt": "Job",
    "States": {
        "Job": {
            "Type": "Task",
            "Resource": "arn:aws:states:::batch:submitJob.sync",
            "Parameters": {"JobName.$": "$$.Execution.Name", "JobQueue": "q", "JobDefinition": "d"},
            "End": True,
        }
    },
}


class Batch:
    """SubmitJob and DescribeJobs, as little of them as is needed."""

    def __init__(self, count: int) -> None:
        """Nothing submitted; `complete` is set when so many are."""
        self.complete = asyncio.Event()
        self._count = count
        self.submitted: Counter[str] = Counter()
        self.released: set[str] = set()
        self.looks = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                at = head.lower().index(b"content-length:")
                length = int(head[at + 15 :].split(b"\r\n", 1)[0])
                answer = json.dumps(self._answer(head, json.loads(await reader.readexactly(length)))).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, head: bytes, given: dict[str, Any]) -> dict[str, Any]:
        if head.startswith(b"POST /v1/submitjob"):
            self.submitted[given["jobName"]] += 1
            if len(self.submitted) >= self._count:
                self.complete.set()
            return {"jobId": given["jobName"], "jobName": given["jobName"]}
        self.looks += 1
        status = {True: "SUCCEEDED", False: "RUNNING"}
        return {"jobs": [{"jobId": name, "status": status[name in self.released]} for name in given["jobs"]]}


async def _measure(count: int, seconds: float, released: int) -> None:
    batch = Batch(count)
    port = free_port()
    server = await asyncio.start_server(batch.serve, "127.0.0.1", port)
    os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
    with started("roles") as cluster:
        machine = await _create(cluster)
        begun = time.perf_counter()
        shares = [range(number, count, _CONNECTIONS) for number in range(_CONNECTIONS)]
        await asyncio.gather(*(_start(cluster, machine, share) for share in shares))
        await batch.complete.wait()
        print(f"{count:,} jobs submitted after {time.perf_counter() - begun:.1f} s")
        await _watch(cluster, batch, seconds)
        await _release(cluster, machine, batch, released)
        assert set(batch.submitted.values()) == {1}, "a job was submitted twice"
    server.close()


async def _create(cluster: Server) -> str:
    connection = await Connection.open(cluster.endpoint)
    answer = await connection.call(
        "CreateStateMachine", {"name": "jobs", "definition": json.dumps(_DEFINITION), "roleArn": _ROLE}
    )
    connection.close()
    return str(answer["stateMachineArn"])


async def _start(cluster: Server, machine: str, numbers: range) -> None:
    connection = await Connection.open(cluster.endpoint)
    for number in numbers:
        await connection.call("StartExecution", {"stateMachineArn": machine, "name": f"job-{number}"})
    connection.close()


async def _watch(cluster: Server, batch: Batch, seconds: float) -> None:
    """Show what waiting costs, every ten seconds."""
    roles = {name: psutil.Process(cluster.pids[name]) for name in ("worker1", "scheduler")}
    for _ in range(int(seconds // 10)):
        looks = batch.looks
        cpu = {name: sum(process.cpu_times()[:2]) for name, process in roles.items()}
        await asyncio.sleep(10)
        shown = [f"{(batch.looks - looks) / 10:.0f} looks/s"]
        for name, process in roles.items():
            share = 10 * (sum(process.cpu_times()[:2]) - cpu[name])
            shown.append(f"{name} {process.memory_info().rss / 2**20:.0f} MiB, {share:.0f} % of a core")
        print("; ".join(shown), flush=True)


async def _release(cluster: Server, machine: str, batch: Batch, count: int) -> None:
    """Let some jobs end, and wait until their executions have."""
    arns = {f"{machine.replace(':stateMachine:', ':execution:')}:job-{number}" for number in range(count)}
    batch.released |= {f"job-{number}" for number in range(count)}
    begun, seen = time.time(), []
    connection = await Connection.open(cluster.endpoint)
    while arns:
        for arn in list(arns):
            answer = await connection.call("DescribeExecution", {"executionArn": arn})
            if answer["status"] == "SUCCEEDED":
                seen.append(answer["stopDate"] - begun)
                arns.discard(arn)
        await asyncio.sleep(0.2)
    connection.close()
    seen.sort()
    print(f"{count} released: the end is seen after {seen[len(seen) // 2]:.1f} s (median), {seen[-1]:.1f} s (latest)")


def main() -> None:
    """Measure with the numbers given."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.waiting_jobs", description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000, help="jobs that wait at once (default: 10,000)")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long they are watched (default: 60)")
    parser.add_argument("--released", type=int, default=100, help="jobs that end at last (default: 100)")
    given = parser.parse_args()
    uvloop.run(_measure(given.jobs, given.seconds, given.released))


if __name__ == "__main__":
    main()
