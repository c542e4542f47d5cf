"""Traces of executions: when one has ended, its spans are written, with the times from its history.

Best effort: what is traced is read again from the store, behind everything else, and dropped where too much waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Protocol
from uuid import UUID

from engine.execution.execution import Execution, Status
from engine.execution.page import Page
from engine.history.page_codec import decode_events
from services.execution_logs.spans import HistorySpans
from services.runtime.faults import Fault
from services.runtime.trace import ROOT_KEY, Tracer
from services.store.records import EventsPage, Revision

SPANS_MAX: Final = 1_000
"""Of one execution; a tracing backend would cut more off anyway."""
WAITING_MAX: Final = 1_000
_READERS: Final = 2
_EVENTS_AT_ONCE: Final = 500

log = logging.getLogger("stepwell.trace")


class History(Protocol):
    """Reads histories."""

    async def history_pages(
        self, execution_id: UUID, from_event: int | None, limit: int, reverse: bool = False
    ) -> Sequence[EventsPage]:
        """The pages that hold so many events from that one on."""
        ...


class Traces:
    """Told of ended executions, standard and express."""

    def __init__(self, history: History, tracer: Tracer, *, asked_only: bool) -> None:
        """`asked_only`: trace what AWS would: where tracing is on, or the caller's trace header says it is sampled."""
        self._history = history
        self._tracer = tracer
        self._asked_only = asked_only
        self._readers = asyncio.Semaphore(_READERS)
        self._waiting: set[asyncio.Task[None]] = set()

    def committed(self, revision: Revision, execution: Execution, page: Page) -> None:
        """A page of a standard execution is in the store; the last one has the execution traced."""
        if not execution.ended or page.last_event_id < page.first_event_id or not self._wanted(revision, execution):
            return
        if len(self._waiting) >= WAITING_MAX:
            return
        task = asyncio.get_running_loop().create_task(self._write(execution), name="trace")
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    def express_ended(self, execution: Execution) -> None:
        """An express execution has ended: it is one span, for its history is nowhere."""
        if not self._asked_only or _sampled(execution.origin.trace_header):
            self._root(execution, 0)

    async def close(self) -> None:
        """Write what waits, then let the tracer send it."""
        if self._waiting:
            await asyncio.wait(list(self._waiting), timeout=5.0)
        for task in self._waiting:
            task.cancel()
        await asyncio.to_thread(self._tracer.close)

    def _wanted(self, revision: Revision, execution: Execution) -> bool:
        if not self._asked_only:
            return True
        return bool((revision.tracing or {}).get("enabled")) or _sampled(execution.origin.trace_header)

    async def _write(self, execution: Execution) -> None:
        origin, found = execution.origin, HistorySpans(SPANS_MAX)
        async with self._readers:
            try:
                await self._read(origin.id, execution.last_event_id, found)
            except Fault as fault:
                log.warning("an execution is not traced: %s", fault)
                return
        assert execution.stop_ms is not None
        self._root(execution, found.left_out)
        for span in found.ended(execution.stop_ms, execution.error):
            self._tracer.span(
                origin.id,
                span.key,
                span.name,
                span.start_ms,
                span.end_ms,
                parent_key=span.parent_key,
                attributes=span.attributes,
                error=span.error,
            )

    async def _read(self, execution_id: UUID, last_event_id: int, found: HistorySpans) -> None:
        start = 1
        while start <= last_event_id:
            pages = await self._history.history_pages(execution_id, start, _EVENTS_AT_ONCE)
            fresh = [page for page in pages if page.first_event_id >= start]
            if not fresh:
                return
            for page in fresh:
                events = decode_events(page.events)
                found.add(page.first_event_id, events.timestamp_ms, events.events)
            start = fresh[-1].last_event_id + 1

    def _root(self, execution: Execution, left_out: int) -> None:
        origin = execution.origin
        assert execution.stop_ms is not None
        attributes: dict[str, str | int] = {
            "stepwell.execution.arn": origin.arn,
            "stepwell.state_machine.arn": origin.machine_arn,
            "stepwell.execution.status": execution.status.name,
            "stepwell.execution.events": execution.last_event_id,
        }
        if origin.trace_header:
            attributes["aws.xray.trace_header"] = origin.trace_header
        if left_out:
            attributes["stepwell.spans.left_out"] = left_out
        error = None if execution.status is Status.SUCCEEDED else execution.error or execution.status.name
        self._tracer.span(
            origin.id, ROOT_KEY, origin.machine_name, origin.start_ms, execution.stop_ms,
            attributes=attributes, error=error,
        )  # fmt: skip


def _sampled(header: str | None) -> bool:
    """Whether an X-Ray trace header asks for the trace: `Root=...;Sampled=1`."""
    return header is not None and "Sampled=1" in header.replace(" ", "").split(";")
