"""A worker with a scheduler's desk beside it: the test plays the scheduler, message by message, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from itertools import count
from typing import Any, TypeVar

from services.broker import queues
from services.broker.messages import (
    Ack,
    Beat,
    Claim,
    Grant,
    Message,
    Offer,
    Poll,
    Refusal,
    Result,
    TaskJob,
    decode,
    encode,
)
from services.integrations.interface import Call, Failed, Outcome, Pending, Submitted, Succeeded
from services.worker.settings import WorkerSettings
from services.worker.worker import Worker
from tests.fixtures.local_broker import LocalBroker, Mischief
from tests.fixtures.virtual_loop import VirtualClock, run_virtually

M = TypeVar("M")

SCHEDULER = queues.scheduler("one")
OTHER = queues.scheduler("two")
SHARD = 5
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:m:e"


class CountingIds:
    """Ids one after the other."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def entropy(self, size: int) -> bytes:
        return next(self._numbers).to_bytes(size)

    def execution_id(self, now_ms: int) -> Any:
        raise NotImplementedError

    def uuid(self) -> Any:
        raise NotImplementedError


class Integration:
    """Calls that last as long as the test says; remembers them."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.seconds = 0.0
        self.answer: Callable[[Call], Outcome] = lambda call: Succeeded(call.input)
        self.calls: list[Call] = []
        self.killed: list[Call] = []
        self.poll_answer: Succeeded | Failed | Pending = Pending(3.5)
        self.polled: list[Mapping[str, Any]] = []
        self.cancelled: list[Mapping[str, Any]] = []

    async def call(self, call: Call) -> Outcome:
        self.calls.append(call)
        try:
            await self._clock.sleep(self.seconds)
        except asyncio.CancelledError:
            self.killed.append(call)
            raise
        return self.answer(call)

    async def poll(self, call: Call, job: Mapping[str, Any]) -> Succeeded | Failed | Pending:
        self.polled.append(job)
        return self.poll_answer

    async def cancel(self, call: Call, job: Mapping[str, Any]) -> None:
        self.cancelled.append(job)

    async def close(self) -> None:
        """Nothing is open."""


class Desk:
    """The scheduler's side. Create it inside `run_virtually`."""

    def __init__(self, mischief: Mischief | None = None, **settings: Any) -> None:
        self.clock = VirtualClock()
        self.broker = LocalBroker(mischief)
        self.integration = Integration(self.clock)
        self.observed: list[str] = []
        self.worker = Worker(
            self.broker, self.integration, self.clock, CountingIds(), WorkerSettings(**settings), observer=self
        )
        self.running = asyncio.create_task(self.worker.run())
        self.inbox: list[Message] = []
        self._numbers = count(1)
        for queue in (SCHEDULER, OTHER, queues.shard(SHARD)):
            self.broker.subscribe([queue], self._on_bodies)

    def begun(self) -> None:
        self.observed.append("begun")

    def ended(self, service: str, outcome: str, seconds: float) -> None:
        self.observed.append(f"{service} {outcome} {seconds:.1f}")

    def _on_bodies(self, bodies: list[bytes]) -> None:
        for body in bodies:
            self.inbox += decode(body)

    def got(self, kind: type[M]) -> list[M]:
        """Messages of one kind so far."""
        return [message for message in self.inbox if isinstance(message, kind)]

    @property
    def results(self) -> list[Result]:
        return self.got(Result)

    @property
    def beats(self) -> list[Beat]:
        return self.got(Beat)

    @property
    def last_beat(self) -> Beat:
        return self.beats[-1]

    def stop_soon(self) -> asyncio.Task[None]:
        """Ask the worker to stop, as SIGTERM does."""
        return asyncio.create_task(self.worker.stop())

    def tell(self, *messages: Message, incarnation: str = "") -> None:
        """Send to the worker."""
        self.broker.send(queues.incarnation(incarnation or self.worker.incarnation), encode(messages))

    def offer(self, number: int = 1, reply_to: str = SCHEDULER) -> bytes:
        token = number.to_bytes(16)
        self.broker.send(queues.offers("default"), encode([Offer(b"e" * 16, SHARD, "0", token, reply_to)]))
        return token

    def grant(self, number: int | None = None, **changes: Any) -> Grant:
        """A grant, sent to the worker."""
        one = self.a_grant(number, **changes)
        self.tell(one, incarnation=one.incarnation)
        return one

    def a_grant(
        self,
        number: int | None = None,
        *,
        incarnation: str = "",
        reply_to: str = SCHEDULER,
        timeout_ms: int | None = None,
    ) -> Grant:
        token = (number or next(self._numbers)).to_bytes(16)
        to = incarnation or self.worker.incarnation
        return Grant(b"e" * 16, SHARD, "0", token, token, to, reply_to, job(timeout_ms))

    def acknowledge(self, *grants: Grant) -> None:
        self.tell(Ack([grant.grant for grant in grants]))

    def refuse(self, token: bytes) -> None:
        self.tell(Refusal(token))

    def poll(self, cancel: bool = False) -> Poll:
        one = Poll(b"e" * 16, SHARD, "0", b"t" * 16, b"g" * 16, SCHEDULER, job(None), b'{"Job":"j-1"}', cancel)
        self.broker.send(queues.polls("default"), encode([one]))
        return one

    @property
    def claims(self) -> list[Claim]:
        return self.got(Claim)

    async def pass_time(self, seconds: float = 0.001) -> None:
        await self.clock.sleep(seconds)

    def submitted(self, output: bytes, work: Mapping[str, Any] | None) -> None:
        self.integration.answer = lambda _: Submitted(output, work)


def job(timeout_ms: int | None) -> TaskJob:
    """A Lambda task."""
    return TaskJob(
        FUNCTION,
        "",
        "",
        "request_response",
        b'{"a":1}',
        EXECUTION,
        "machine",
        "S",
        "us-east-1",
        "",
        timeout_ms,
        None,
        "",
        "k",
    )


def on_virtual_time(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Run a test on a fresh virtual loop."""

    @wraps(test)
    def run() -> None:
        async def main() -> None:
            await test()

        run_virtually(main())

    del run.__wrapped__  # type: ignore[attr-defined]
    return run
