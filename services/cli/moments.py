"""Moments as people type them: `2025-11-20T09:30`, `2025-11-20`, `90m`, `2d`."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from services.cli.errors import CommandError

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_AGO = re.compile(r"(\d{1,9})([smhdw])(?: ago)?", re.ASCII)


def read_moment(text: str | None, now_seconds: float) -> float | None:
    """Unix seconds of a moment; a length of time is that long ago, a date without a zone is in UTC."""
    if text is None:
        return None
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        return max(0.0, now_seconds - int(ago[1]) * _UNITS[ago[2]])
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise CommandError(
            f"{text!r} is no time: write 2025-11-20, 2025-11-20T09:30, 2025-11-20T09:30+01:00, or 90m, 6h, 2d ago"
        ) from None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
