"""The function that workload W2 calls."""

from __future__ import annotations

from typing import Any


def handler(event: Any, context: Any) -> Any:
    """Return the event."""
    return event
