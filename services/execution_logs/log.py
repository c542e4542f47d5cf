"""ExecutionLog: the one object that lanes and schedulers hand their turns to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from engine.execution.execution import Origin
from engine.history.page_codec import DecodedEvents, RecordedEvent
from services.execution_logs.policy import LogPolicy
from services.execution_logs.record import log_lines
from services.execution_logs.sinks import Sink

HAND_OVER_SECONDS_MAX: Final = 2.0
"""How long an acknowledgement waits for slow sinks; then best effort is all there is, as in AWS."""


class ExecutionLog:
    """Writes the turns of executions to every sink."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        """Keep the sinks; none means that nothing is ever rendered."""
        self._sinks = list(sinks)

    def wants(self, policy: LogPolicy) -> bool:
        """Whether turns under this policy go anywhere."""
        return not policy.off and any(sink.wants(policy) for sink in self._sinks)

    def write(
        self,
        policy: LogPolicy,
        origin: Origin,
        redrive_count: int,
        first_event_id: int,
        timestamp_ms: int,
        events: Sequence[RecordedEvent] | DecodedEvents,
        redelivered: bool = False,
    ) -> None:
        """Log one turn as its state machine's policy wants it."""
        takers = [sink for sink in self._sinks if sink.wants(policy)]
        if policy.off or not takers:
            return
        lines = log_lines(policy, origin.arn, redrive_count, first_event_id, timestamp_ms, events, redelivered)
        if lines:
            for sink in takers:
                sink.write(policy, origin.machine_name, timestamp_ms, lines)

    async def handed_over(self) -> None:
        """Wait, but not for ever, until what was written so far has left this process."""
        for sink in self._sinks:
            try:
                async with asyncio.timeout(HAND_OVER_SECONDS_MAX):
                    await sink.handed_over()
            except TimeoutError:
                continue

    async def close(self) -> None:
        """Write what is left and close the sinks."""
        for sink in self._sinks:
            await sink.close()
