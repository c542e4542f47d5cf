"""GetExecutionHistory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias
from uuid import UUID

from engine.history.page_codec import decode_events
from engine.history.render import render
from services.api.context import Context
from services.api.operations.found import describable, find_execution, find_express
from services.api.page_token import page_size
from services.api.request import Request
from services.store.records import EventsPage, StoredExecution

ReadPages: TypeAlias = Callable[[UUID, int | None, int, bool], Awaitable[Sequence[EventsPage]]]
"""(execution, first event wanted, how many, newest first) to the pages that hold them, in that order."""

CHUNK_EVENTS: Final = 250
ANSWER_BYTES_MAX: Final = 4 << 20
"""A longer answer is cut: AWS's pages may be shorter than asked for as well."""


async def get_execution_history(context: Context, request: Request) -> dict[str, Any]:
    """The history events of an execution, oldest or newest first."""
    body = request.body
    arn = request.arn("executionArn", *describable(context))
    if arn.kind == "express":
        row, read = await find_express(context, request, arn), _kept(context)
    else:
        row, read = await find_execution(context, request, arn), context.store.history_pages
    now_ms = context.clock.now_ms()
    start = context.page_tokens.cursor(request, now_ms)
    reverse = bool(body.get("reverseOrder"))
    reader = _Reader(read, row, reverse, body.get("includeExecutionData") is not False)
    events = await reader.read(start, page_size(request))
    answer: dict[str, Any] = {"events": events}
    if reader.next_event is not None:
        answer["nextToken"] = context.page_tokens.make(request, reader.next_event, now_ms)
    return answer


def _kept(context: Context) -> ReadPages:
    """Pages of an express execution: they are kept together, so all of them are read and some are used."""

    async def read(execution_id: UUID, from_event: int | None, limit: int, reverse: bool) -> Sequence[EventsPage]:
        assert context.express_history is not None
        found: list[EventsPage] = []
        pages = await context.express_history.pages(execution_id)
        for page in reversed(pages) if reverse else pages:
            first, last = page.first_event_id, page.last_event_id
            if from_event is not None:
                first, last = (first, min(last, from_event)) if reverse else (max(first, from_event), last)
            if first <= last and limit > 0:
                found.append(page)
                limit -= last - first + 1
        return found

    return read


class _Reader:
    """Reads pages in chunks until the answer is full; `next_event` is where the next answer goes on."""

    def __init__(self, read: ReadPages, row: StoredExecution, reverse: bool, include_data: bool) -> None:
        self._read = read
        self._row = row
        self._reverse = reverse
        self._include_data = include_data
        self.next_event: int | None = None

    async def read(self, start: int | None, size: int) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        read_bytes = 0
        while True:
            wanted = min(size - len(events), CHUNK_EVENTS)
            # One more than wanted tells whether there is a next answer.
            pages = await self._read(self._row.id, start, wanted + 1, self._reverse)
            found = self._events_of(pages, start)
            read_bytes += sum(len(page.events) for page in pages)
            events += found[:wanted]
            if len(found) <= wanted:
                return events
            start = found[wanted]["id"]
            if len(events) >= size or read_bytes > ANSWER_BYTES_MAX:
                self.next_event = start
                return events

    def _events_of(self, pages: Sequence[EventsPage], start: int | None) -> list[dict[str, Any]]:
        """The events from `start` on, in the order asked for."""
        found: list[dict[str, Any]] = []
        for page in pages:
            events = render(page.first_event_id, decode_events(page.events), self._include_data)
            if self._reverse:
                events.reverse()
            if start is not None:
                events = [
                    event for event in events if (event["id"] <= start if self._reverse else event["id"] >= start)
                ]
            found += events
        return found
