"""Whether an execution may be redriven, and the reason if not, in AWS's words.

Source: reference of redrive, section 1.
"""

from __future__ import annotations

from typing import Final

from engine.execution.execution import Status
from services.api.context import Context
from services.store.description import shown as with_shown_status
from services.store.records import StoredExecution

PERIOD_MS: Final = 14 * 24 * 3600 * 1000
AGE_MS: Final = 365 * 24 * 3600 * 1000
EVENTS_MAX: Final = 24_999


async def refusal(context: Context, row: StoredExecution, shown: bool = False) -> str | None:
    """Why the execution cannot be redriven; None if it can.

    Args:
        context: of the process.
        row: the execution.
        shown: for DescribeExecution, which shows executions of a state machine in deletion as redrivable.
    """
    row = with_shown_status(row)
    if row.status in (Status.RUNNING, Status.SUCCEEDED, Status.PENDING_REDRIVE):
        return f"Execution is {row.status.name} and cannot be redriven"
    assert row.stop_ms is not None
    if row.machine_deleting and not shown:
        return "State machine is in DELETING status"
    if row.map_child is not None and row.map_child.express:
        return None
    now_ms = context.clock.now_ms()
    if now_ms - row.start_ms >= AGE_MS:
        return "Execution has exceeded the max execution time"
    if now_ms - row.stop_ms >= PERIOD_MS:
        return "Execution redrivable period exceeded"
    pages = await context.store.history_pages(row.id, None, 1, reverse=True)
    if pages and pages[0].last_event_id >= EVENTS_MAX:
        return "Execution history event limit exceeded"
    return None
