"""`python -m loadtest.sdk_calls`: calls of `aws-sdk` tasks by one worker process, and what they cost beside botocore.

The stand-in, a process of its own, answers every request at once with the same body. For comparison botocore itself
builds the request, signs it and parses the answer, without sending anything.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import time
from multiprocessing.connection import Connection
from typing import Any

import uvloop

from engine.asl.resource import parse_resource
from services.integrations.interface import Call, Succeeded
from services.integrations.registry import World, WorldIntegrations
from services.runtime.clock import SystemClock
from services.runtime.ids import SystemIds

_ANSWER = json.dumps({"Item": {"id": {"S": "a"}, "data": {"S": "x" * 200}}}).encode()
_HEADERS = {"x-amzn-RequestId": "0" * 36, "Content-Type": "application/x-amz-json-1.0"}
_PARAMETERS = {"TableName": "table", "Key": {"id": {"S": "a"}}}
_RESOURCE = parse_resource("arn:aws:states:::aws-sdk:dynamodb:getItem")
_ROLE = "arn:aws:iam::000000000000:role/bench"


def _serve(pipe: Connection) -> None:
    """The stand-in."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in _HEADERS.items())
        whole = f"HTTP/1.1 200 OK\r\n{lines}Content-Length: {len(_ANSWER)}\r\n\r\n".encode() + _ANSWER
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                at = head.lower().index(b"content-length:")
                await reader.readexactly(int(head[at + 15 :].split(b"\r\n", 1)[0]))
                writer.write(whole)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def live() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(live())


async def _calls(port: int, seconds: float, side_by_side: int) -> None:
    environment = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
    world = WorldIntegrations(World(clock=SystemClock(), ids=SystemIds(), environment=environment))
    count = 0

    async def work(until: float) -> None:
        nonlocal count
        while time.perf_counter() < until:
            assert isinstance(await world.call(_call(count)), Succeeded)
            count += 1

    await work(time.perf_counter() + 0.5)
    count, cpu, begun = 0, time.process_time(), time.perf_counter()
    await asyncio.gather(*(work(begun + seconds) for _ in range(side_by_side)))
    passed, used = time.perf_counter() - begun, time.process_time() - cpu
    print(f"{count / passed:,.0f} calls/s by one process, {1e6 * used / count:,.0f} us of CPU for each")
    await world.close()


def _call(number: int) -> Call:
    return Call(
        resource=_RESOURCE,
        input=json.dumps(_PARAMETERS).encode(),
        region="us-east-1",
        account="000000000000",
        role_arn=_ROLE,
        execution_arn="arn:aws:states:us-east-1:000000000000:execution:m:e",
        machine_arn="arn:aws:states:us-east-1:000000000000:stateMachine:m",
        state="Call",
        key=str(number),
    )


def _botocore(seconds: float) -> None:
    """What botocore itself takes to make a request and to read the answer; the sending is cut out."""
    import botocore.awsrequest
    import botocore.session
    from botocore.config import Config

    session = botocore.session.Session()
    client = session.create_client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )

    def answered(request: Any, **_: Any) -> Any:
        raw = type("Raw", (), {"stream": lambda *_: iter([_ANSWER]), "read": lambda *_: _ANSWER})()
        return botocore.awsrequest.AWSResponse(request.url, 200, _HEADERS, raw)

    client.meta.events.register("before-send.dynamodb.*", answered)
    client.get_item(**_PARAMETERS)
    count, cpu, begun = 0, time.process_time(), time.perf_counter()
    while time.perf_counter() < begun + seconds:
        client.get_item(**_PARAMETERS)
        count += 1
    print(f"{1e6 * (time.process_time() - cpu) / count:,.0f} us of CPU for each call by botocore without sending")


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.sdk_calls", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each half (default: 5)")
    parser.add_argument("--side-by-side", type=int, default=64, help="calls at once (default: 64)")
    given = parser.parse_args()
    here, there = multiprocessing.Pipe()
    stand_in = multiprocessing.Process(target=_serve, args=(there,), daemon=True)
    stand_in.start()
    uvloop.run(_calls(here.recv(), given.seconds, given.side_by_side))
    stand_in.terminate()
    _botocore(given.seconds)


if __name__ == "__main__":
    main()
