"""Table `history`: one row per page. Written by the group commit only; nothing is decoded here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg

from engine.execution.page import Page
from services.store.records import EventsPage

# Plan: primary key, twice per execution: backwards to the newest checkpoint, then forwards from it.
SINCE_CHECKPOINT: Final = """
    SELECT w.id, h.page_number, h.first_event_id, h.last_event_id, h.events, h.frames, h.checkpoint
    FROM unnest($1::uuid[]) AS w (id)
    CROSS JOIN LATERAL (
        SELECT * FROM history
        WHERE execution_id = w.id AND page_number >= COALESCE(
            (
                SELECT page_number FROM history AS c
                WHERE c.execution_id = w.id AND c.checkpoint
                ORDER BY c.page_number DESC
                LIMIT 1
            ),
            0
        )
        ORDER BY page_number
    ) AS h
"""

# Plan: primary key, forwards; pages before the wanted events are stepped over without reading their events.
FORWARDS: Final = """
    SELECT page_number, first_event_id, last_event_id, events
    FROM history
    WHERE execution_id = $1 AND last_event_id >= first_event_id
        AND last_event_id >= $2 AND first_event_id < $2::integer + $3::integer
    ORDER BY page_number
    LIMIT $3
"""

# Plan: primary key, backwards.
BACKWARDS: Final = """
    SELECT page_number, first_event_id, last_event_id, events
    FROM history
    WHERE execution_id = $1 AND last_event_id >= first_event_id
        AND first_event_id <= $2 AND last_event_id > $2::integer - $3::integer
    ORDER BY page_number DESC
    LIMIT $3
"""

# Plan: primary key, backwards, one row.
LAST_EVENT: Final = "SELECT last_event_id FROM history WHERE execution_id = $1 ORDER BY page_number DESC LIMIT 1"

# Plan: primary key.
BETWEEN: Final = """
    SELECT page_number, first_event_id, last_event_id, events, frames, checkpoint
    FROM history
    WHERE execution_id = $1 AND page_number BETWEEN $2 AND $3
    ORDER BY page_number
"""


async def since_checkpoint(connection: asyncpg.Connection, ids: Sequence[UUID]) -> dict[UUID, list[Page]]:
    """The pages that loading needs, oldest first, by execution."""
    found: dict[UUID, list[Page]] = {wanted: [] for wanted in ids}
    for execution_id, *page in await connection.fetch(SINCE_CHECKPOINT, ids):
        found[execution_id].append(Page(*page))
    return found


async def events(
    connection: asyncpg.Connection, execution_id: UUID, from_event: int | None, limit: int, reverse: bool
) -> list[EventsPage]:
    """The pages that hold `limit` events from `from_event` on, in the order asked for."""
    if reverse and from_event is None:
        from_event = await connection.fetchval(LAST_EVENT, execution_id)
    statement = BACKWARDS if reverse else FORWARDS
    return [EventsPage(*row) for row in await connection.fetch(statement, execution_id, from_event or 1, limit)]


async def between(connection: asyncpg.Connection, execution_id: UUID, first: int, last: int) -> list[Page]:
    """Whole pages by number, both ends included."""
    return [Page(*row) for row in await connection.fetch(BETWEEN, execution_id, first, last)]
