"""Where log records go: stdout, a file, CloudWatch Logs. Best effort, as in AWS: a sink never fails an execution."""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from typing import IO, Any, Final, Protocol

from engine.payload import encode_json
from services.execution_logs.record import LogPolicy

_QUEUE_RECORDS_MAX: Final = 100_000
_BATCH_RECORDS: Final = 5_000
_BATCH_BYTES: Final = 1_000_000
_RECORD_OVERHEAD_BYTES: Final = 26


class Sink(Protocol):
    """Takes log records; must not block."""

    def write(self, policy: LogPolicy, stream: str, records: Sequence[dict[str, Any]]) -> None:
        """Take records of one execution; `stream` names its state machine."""
        ...

    async def close(self) -> None:
        """Write what is left."""
        ...


class LinesSink:
    """JSON lines into a text stream or a file."""

    def __init__(self, output: IO[bytes]) -> None:
        """Write to `output`, which is flushed after every turn's records."""
        self._output = output

    @classmethod
    def to_stdout(cls) -> LinesSink:
        """JSON lines on standard output."""
        return cls(sys.stdout.buffer)

    @classmethod
    def to_file(cls, path: str) -> LinesSink:
        """JSON lines appended to a file."""
        return cls(open(path, "ab"))

    def write(self, policy: LogPolicy, stream: str, records: Sequence[dict[str, Any]]) -> None:
        """One line per record."""
        self._output.write(b"".join(encode_json(record) + b"\n" for record in records))
        self._output.flush()

    async def close(self) -> None:
        """Close a file; standard output stays open."""
        self._output.flush()
        if self._output is not sys.stdout.buffer:
            self._output.close()


class CloudWatchSink:
    """CloudWatch Logs through a function that calls PutLogEvents; batches gather while a call is under way.

    Beyond a bound the oldest records are dropped and counted: logs are best effort and memory is not endless.
    """

    def __init__(self, put: Callable[[str, str, list[dict[str, Any]]], Any], on_dropped: Callable[[int], None]) -> None:
        """Keep `put(log_group_arn, stream, events)`, an awaitable call that makes the stream when it is missing."""
        self._put = put
        self._on_dropped = on_dropped
        self._waiting: dict[tuple[str, str], deque[dict[str, Any]]] = defaultdict(deque)
        self._waiting_records = 0
        self._sender: asyncio.Task[None] | None = None

    def write(self, policy: LogPolicy, stream: str, records: Sequence[dict[str, Any]]) -> None:
        """Queue the records for each of the policy's log groups."""
        for arn in policy.log_group_arns:
            self._waiting[arn, stream].extend(
                {"timestamp": int(record["event_timestamp"]), "message": encode_json(record).decode()}
                for record in records
            )
            self._waiting_records += len(records)
        self._drop_excess()
        if self._waiting and self._sender is None:
            self._sender = asyncio.get_running_loop().create_task(self._send())

    async def close(self) -> None:
        """Wait until everything was sent."""
        if self._sender is not None:
            await self._sender

    async def _send(self) -> None:
        try:
            while self._waiting:
                (arn, stream), queue = next(iter(self._waiting.items()))
                batch = _next_batch(queue)
                self._waiting_records -= len(batch)
                if not queue:
                    del self._waiting[arn, stream]
                if not await self._put(arn, stream, batch):
                    self._on_dropped(len(batch))
        finally:
            self._sender = None

    def _drop_excess(self) -> None:
        while self._waiting_records > _QUEUE_RECORDS_MAX:
            key, queue = next(iter(self._waiting.items()))
            queue.popleft()
            self._waiting_records -= 1
            self._on_dropped(1)
            if not queue:
                del self._waiting[key]


def _next_batch(queue: deque[dict[str, Any]]) -> list[dict[str, Any]]:
    """As much as one PutLogEvents takes."""
    batch: list[dict[str, Any]] = []
    size = 0
    while queue and len(batch) < _BATCH_RECORDS:
        size += len(queue[0]["message"].encode()) + _RECORD_OVERHEAD_BYTES
        if batch and size > _BATCH_BYTES:
            break
        batch.append(queue.popleft())
    return batch
