"""The scheduler's one statement: the steps of many executions, guarded shard by shard (protocol R3-R7).

One statement in autocommit is one message exchange and one fsync, and the server never waits for us while it holds
the shards' rows. The guard updates the shards whose owner and seq match; every other part is joined with the shards
that it returned, so what belongs to a deposed tenure is not written.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import asyncpg

from services.store.records import Batch, Committed
from services.store.user_text import storable

FIRST_ID: Final = UUID(int=0)
LAST_ID: Final = UUID(int=(1 << 128) - 1)

# Guards come ordered by shard, so that two commits lock in one order. A batch's executions started within a span of
# ids ($23, $24): only the partitions of that span are opened.
# Plan: primary keys throughout.
COMMIT: Final = """
    WITH guard AS (
        UPDATE shards AS s
        SET seq = s.seq + 1, lease_until = clock_timestamp() + make_interval(secs => $4)
        FROM unnest($1::smallint[], $2::uuid[], $3::bigint[]) AS g (shard, owner, seq)
        WHERE s.id = g.shard AND s.owner = g.owner AND s.seq = g.seq
        RETURNING s.id
    ), written AS (
        INSERT INTO history (execution_id, page_number, first_event_id, last_event_id, checkpoint, events, frames)
        SELECT execution_id, page_number, first_event_id, last_event_id, checkpoint, events, frames
        FROM unnest(
            $5::smallint[], $6::uuid[], $7::integer[], $8::integer[], $9::integer[], $10::boolean[], $11::bytea[],
            $12::bytea[]
        ) AS p (shard, execution_id, page_number, first_event_id, last_event_id, checkpoint, events, frames)
        WHERE p.shard IN (SELECT id FROM guard)
    ), changed AS (
        UPDATE executions AS e
        SET status = c.status, wake_at_ms = c.wake_at_ms, output = c.output, error = c.error, cause = c.cause,
            stop_ms = c.stop_ms, redrive_count = c.redrive_count, redrive_ms = c.redrive_ms,
            start_ms = coalesce(c.start_ms, e.start_ms),
            redrive_tokens = coalesce(c.redrive_tokens, e.redrive_tokens),
            map_attempt = coalesce(c.map_attempt, e.map_attempt)
        FROM unnest(
            $13::smallint[], $14::uuid[], $15::smallint[], $16::bigint[], $17::bytea[], $18::text[], $19::text[],
            $20::bigint[], $21::integer[], $22::bigint[], $30::bigint[], $31::text[], $32::integer[]
        ) AS c (
            shard, id, status, wake_at_ms, output, error, cause, stop_ms, redrive_count, redrive_ms, start_ms,
            redrive_tokens, map_attempt
        )
        WHERE e.id = c.id AND e.id BETWEEN $23 AND $24 AND c.shard IN (SELECT id FROM guard)
    ), done AS (
        DELETE FROM inbox AS i
        USING unnest($25::smallint[], $26::bigint[]) AS d (shard, id)
        WHERE i.shard = d.shard AND i.id = d.id AND d.shard IN (SELECT id FROM guard)
    ), sent AS (
        INSERT INTO inbox (shard, body)
        SELECT target, body
        FROM unnest($27::smallint[], $28::smallint[], $29::bytea[]) AS n (shard, target, body)
        WHERE n.shard IN (SELECT id FROM guard)
    )
    SELECT array_agg(id), (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM guard
"""


async def write(connection: asyncpg.Connection, batch: Batch, lease_seconds: float) -> Committed:
    """Write what belongs to shards whose guard holds; the answer says which, and what the database clock shows."""
    guards = sorted(batch.guards, key=lambda guard: guard.shard)
    accepted, now_ms = await connection.fetchrow(
        COMMIT,
        [guard.shard for guard in guards],
        [guard.owner for guard in guards],
        [guard.seq for guard in guards],
        lease_seconds,
        *_pages(batch),
        *_changes(batch),
        [shard for shard, _ in batch.inbox_done],
        [row_id for _, row_id in batch.inbox_done],
        [shard for shard, _, _ in batch.inbox_new],
        [target for _, target, _ in batch.inbox_new],
        [body for _, _, body in batch.inbox_new],
        [change.start_ms for _, change in batch.changes],
        [change.redrive_tokens for _, change in batch.changes],
        [change.map_attempt for _, change in batch.changes],
    )
    return Committed(frozenset(accepted or ()), now_ms)


def _pages(batch: Batch) -> tuple[list[Any], ...]:
    pages = [page for _, _, page in batch.pages]
    return (
        [shard for shard, _, _ in batch.pages],
        [execution_id for _, execution_id, _ in batch.pages],
        [page.number for page in pages],
        [page.first_event_id for page in pages],
        [page.last_event_id for page in pages],
        [page.checkpoint for page in pages],
        [page.events for page in pages],
        [page.frames for page in pages],
    )


def _changes(batch: Batch) -> tuple[Any, ...]:
    """The columns of the changes, and the span of their ids; an empty span opens no partition at all."""
    changes = [change for _, change in batch.changes]
    ids = [change.id for change in changes]
    return (
        [shard for shard, _ in batch.changes],
        ids,
        [int(change.status) for change in changes],
        [change.wake_at_ms for change in changes],
        [change.output for change in changes],
        [storable(change.error) for change in changes],
        [storable(change.cause) for change in changes],
        [change.stop_ms for change in changes],
        [change.redrive_count for change in changes],
        [change.redrive_ms for change in changes],
        min(ids, default=LAST_ID),
        max(ids, default=FIRST_ID),
    )
