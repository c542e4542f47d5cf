"""CloudWatch Logs: execution logs in the log groups that loggingConfiguration names, and whether such a group exists.

A stream has AWS's name, `states/<machine>/<yyyy-mm-dd-hh-mm>/<random>`, and is made when the first line comes. Each
stream has one call under way at most, so that lines stay in order; all streams together a bounded number.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from services.execution_logs.policy import LogPolicy
from services.integrations.aws import Aws
from services.integrations.failures import ApiRefused, NoCredentials, TooLarge, Unreachable
from services.runtime.clock import Clock
from services.runtime.ids import Ids

CALLS_MAX: Final = 8
LINES_MAX: Final = 100_000
STREAMS_MAX: Final = 10_000
# Limits of PutLogEvents.
_BATCH_LINES: Final = 10_000
_BATCH_BYTES: Final = 1_000_000
_LINE_OVERHEAD_BYTES: Final = 26
_ANSWER_SECONDS: Final = 10.0
_CHECK_SECONDS: Final = 5.0
_SERVICE: Final = "logs"
_FAILED: Final = (ApiRefused, Unreachable, NoCredentials, TooLarge, TimeoutError)


class LogGroup(NamedTuple):
    """A log group, taken out of its ARN."""

    region: str
    account: str
    name: str


def log_group_of(arn: str) -> LogGroup:
    """`arn:aws:logs:<region>:<account>:log-group:<name>:*`, which the API has checked."""
    parts = arn.split(":")
    return LogGroup(parts[3], parts[4], parts[6])


class _Stream:
    """The lines for one machine's stream in one log group."""

    __slots__ = ("busy", "group", "lines", "machine_name", "name", "role_arn")

    def __init__(self, group: LogGroup, machine_name: str, role_arn: str) -> None:
        self.group = group
        self.machine_name = machine_name
        self.role_arn = role_arn
        self.name = ""
        self.lines: deque[tuple[int, str]] = deque()
        self.busy = False


class CloudWatchSink:
    """Delivers lines in batches that gather while calls are under way; beyond a bound the oldest are dropped."""

    def __init__(
        self, aws: Aws, clock: Clock, ids: Ids, on_dropped: Callable[[int], None], on_written: Callable[[int], None]
    ) -> None:
        """Nothing is loaded or connected before the first line; `aws` is closed with the sink."""
        self._aws = aws
        self._clock = clock
        self._ids = ids
        self._on_dropped = on_dropped
        self._on_written = on_written
        self._streams: dict[tuple[str, str, str], _Stream] = {}
        self._ready: deque[_Stream] = deque()
        self._waiting = 0
        self._taken = 0
        self._settled = 0
        self._calls: set[asyncio.Task[None]] = set()

    def wants(self, policy: LogPolicy) -> bool:
        """What has a log group."""
        return bool(policy.log_group_arns)

    def write(self, policy: LogPolicy, machine_name: str, timestamp_ms: int, lines: Sequence[str]) -> None:
        """Queue the lines for each of the policy's log groups."""
        for arn in policy.log_group_arns:
            stream = self._stream(arn, machine_name, policy.role_arn)
            if not stream.lines and not stream.busy:
                self._ready.append(stream)
            stream.lines.extend((timestamp_ms, line) for line in lines)
            self._waiting += len(lines)
            self._taken += len(lines)
            while self._waiting > LINES_MAX and stream.lines:
                stream.lines.popleft()
                self._waiting -= 1
                self._settled += 1
                self._on_dropped(1)
        self._begin_calls()

    async def handed_over(self) -> None:
        """Wait until as many lines are delivered or given up as have come until now."""
        wanted = self._taken
        while self._settled < wanted:
            if self._calls:
                await asyncio.wait(self._calls, return_when=asyncio.FIRST_COMPLETED)
            else:
                await asyncio.sleep(0)

    async def close(self) -> None:
        """Deliver the rest, as long as one call may take, then disconnect."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self.handed_over()
        except TimeoutError:
            self._on_dropped(self._waiting)
        for call in self._calls:
            call.cancel()
        if self._calls:
            await asyncio.wait(self._calls)
        await self._aws.close()

    def _stream(self, arn: str, machine_name: str, role_arn: str) -> _Stream:
        key = (arn, machine_name, role_arn)
        stream = self._streams.get(key)
        if stream is None:
            if len(self._streams) >= STREAMS_MAX:
                self._streams = {key: one for key, one in self._streams.items() if one.lines or one.busy}
            stream = self._streams[key] = _Stream(log_group_of(arn), machine_name, role_arn)
        return stream

    def _begin_calls(self) -> None:
        while self._ready and len(self._calls) < CALLS_MAX:
            stream = self._ready.popleft()
            if stream.lines:
                stream.busy = True
                call = asyncio.get_running_loop().create_task(self._deliver(stream))
                self._calls.add(call)
                call.add_done_callback(self._calls.discard)

    async def _deliver(self, stream: _Stream) -> None:
        """One batch; what else has come for the stream waits for its next turn."""
        batch = _next_batch(stream.lines)
        self._waiting -= len(batch)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._put(stream, batch)
            self._on_written(len(batch))
        except _FAILED:
            self._on_dropped(len(batch))
        except asyncio.CancelledError:
            self._on_dropped(len(batch))
            raise
        finally:
            self._settled += len(batch)
            stream.busy = False
            if stream.lines:
                self._ready.append(stream)
            asyncio.get_running_loop().call_soon(self._begin_calls)

    async def _put(self, stream: _Stream, batch: list[dict[str, Any]]) -> None:
        """PutLogEvents; a stream that is not there (any more) is made first."""
        if stream.name:
            try:
                return await self._put_events(stream, batch)
            except ApiRefused as refused:
                if refused.code != "ResourceNotFoundException":
                    raise
        await self._make(stream)
        return await self._put_events(stream, batch)

    async def _put_events(self, stream: _Stream, batch: list[dict[str, Any]]) -> None:
        await self._call(
            stream, "PutLogEvents", logStreamName=stream.name, logEvents=sorted(batch, key=lambda it: it["timestamp"])
        )

    async def _make(self, stream: _Stream) -> None:
        stream.name = ""
        minute = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC).strftime("%Y-%m-%d-%H-%M")
        name = f"states/{stream.machine_name}/{minute}/{self._ids.entropy(4).hex()}"
        await self._call(stream, "CreateLogStream", logStreamName=name)
        stream.name = name

    async def _call(self, stream: _Stream, operation: str, **parameters: Any) -> None:
        group = stream.group
        await self._aws.request_as(
            stream.role_arn, group.account, group.region, _SERVICE, operation, {"logGroupName": group.name} | parameters
        )


class CloudWatchLogGroups:
    """Knows which log groups exist; as far as nobody can tell, they do."""

    def __init__(self, aws: Aws) -> None:
        """`aws` is closed by its owner."""
        self._aws = aws

    async def exists(self, arn: str, role_arn: str) -> bool:
        """Whether the log group of this ARN exists, as the role sees it."""
        group = log_group_of(arn)
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                answer = await self._aws.request_as(
                    role_arn,
                    group.account,
                    group.region,
                    _SERVICE,
                    "DescribeLogGroups",
                    {"logGroupNamePrefix": group.name, "limit": 50},
                )
        except _FAILED:
            return True
        return any(found.get("logGroupName") == group.name for found in answer.parsed.get("logGroups", ()))


def _next_batch(lines: deque[tuple[int, str]]) -> list[dict[str, Any]]:
    """As much as one PutLogEvents takes."""
    batch: list[dict[str, Any]] = []
    size = 0
    while lines and len(batch) < _BATCH_LINES:
        timestamp_ms, line = lines[0]
        size += len(line.encode("utf-8", "replace")) + _LINE_OVERHEAD_BYTES
        if batch and size > _BATCH_BYTES:
            break
        lines.popleft()
        batch.append({"timestamp": timestamp_ms, "message": line})
    return batch
