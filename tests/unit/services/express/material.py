"""What the tests of the express lane share: machines, origins, calls that a function answers, a log that is kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from engine.asl.parse import compile_definition
from engine.execution.execution import Origin
from engine.payload import Payload
from services.execution_logs.policy import LogPolicy
from services.express.aside import Aside
from services.integrations.interface import Call, Outcome, Succeeded
from services.store.programs import CompiledRevision
from services.store.records import Revision
from tests.fixtures.virtual_loop import EPOCH_MS

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
Answer = Callable[[Call], Awaitable[Outcome]]


class Calls:
    """Answers calls and remembers which were cut off."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.cancelled = 0

    async def call(self, call: Call) -> Outcome:
        try:
            return await self.answer(call)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def poll(self, call: Call, job: Any) -> Any:
        raise AssertionError("express has no jobs")

    async def cancel(self, call: Call, job: Any) -> None:
        raise AssertionError("express has no jobs")

    async def close(self) -> None:
        """Nothing to close."""


class Records:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []

    def wants(self, policy: LogPolicy) -> bool:
        return True

    def write(self, policy: LogPolicy, machine_name: str, timestamp_ms: int, lines: Sequence[str]) -> None:
        self.records.extend(map(json.loads, lines))

    async def handed_over(self) -> None:
        """Nothing waits."""

    async def close(self) -> None:
        """Nothing to close."""


async def echo(call: Call) -> Outcome:
    return Succeeded(call.input)


def origin(value: Any, number: int = 1) -> Origin:
    return Origin(
        id=UUID(int=number),
        arn=f"arn:aws:states:us-east-1:000000000000:express:m:e:{number}",
        name="e",
        machine_arn="arn:aws:states:us-east-1:000000000000:stateMachine:m",
        machine_name="m",
        role_arn="role",
        input=Payload(value),
        start_ms=EPOCH_MS,
        express=True,
        synchronous=True,
    )


def machine(**states: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def task(**fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": FUNCTION, "End": True, **fields}


def compiled(definition: dict[str, Any]) -> CompiledRevision:
    revision = Revision(
        id=UUID(int=7), machine_id=UUID(int=8), number=0, definition=json.dumps(definition), role_arn="r", created_ms=0
    )
    return CompiledRevision(revision, compile_definition(revision.definition, "EXPRESS"), frozenset())


def inline() -> Aside:
    """No thread: turns that may take long are advanced on the virtual loop, when their turn comes."""

    async def at_once(work: Callable[[], None]) -> None:
        work()

    return Aside(lambda: 0.0, at_once)
