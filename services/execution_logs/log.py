"""ExecutionLog: the one object that lanes hand their turns to."""

from __future__ import annotations

from collections.abc import Sequence

from engine.execution.execution import Origin
from engine.history.page_codec import DecodedEvents, RecordedEvent
from services.execution_logs.record import LogPolicy, log_records
from services.execution_logs.sinks import Sink


class ExecutionLog:
    """Writes the turns of executions to every sink."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        """Keep the sinks; none means that nothing is ever rendered."""
        self._sinks = list(sinks)

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
        if policy.off or not self._sinks:
            return
        records = log_records(policy, origin.arn, redrive_count, first_event_id, timestamp_ms, events, redelivered)
        if records:
            for sink in self._sinks:
                sink.write(policy, origin.machine_name, records)

    async def close(self) -> None:
        """Write what is left and close the sinks."""
        for sink in self._sinks:
            await sink.close()
