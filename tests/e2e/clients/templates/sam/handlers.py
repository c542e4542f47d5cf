"""The function of the template."""

from __future__ import annotations

from typing import Any


def check_stock(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A price for every symbol."""
    return {"price": 10 * len(event["symbol"])}
