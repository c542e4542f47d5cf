"""Moments as text and back: Unix milliseconds inside, ISO 8601 outside."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_OFFSET_DATE_TIME: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{0,9}))?)?(?:Z|([+-])(\d\d):(\d\d)(?::(\d\d))?)",
    re.ASCII | re.IGNORECASE,
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET_SECONDS_MAX: Final = 18 * 3600


def iso_from_ms(moment_ms: int) -> str:
    """`2026-09-24T02:56:28.731Z`, the form of the context object."""
    moment = _EPOCH + timedelta(milliseconds=moment_ms)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment_ms % 1000:03d}Z"


def ms_from_iso(text: str) -> int | None:
    """Unix milliseconds of an "ISO-8601 extended offset date-time"; None when it is none.

    Java gives its format of that name these words, which are the service's as well; so, as there, the seconds may be
    left out, `t` and `z` may be lower case, and no more than nine digits of a fraction are read.
    """
    found = _OFFSET_DATE_TIME.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    fraction, sign, offset_hours, offset_minutes, offset_seconds = found.groups()[6:]
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    moment_ms = (moment - _EPOCH) // timedelta(milliseconds=1) + int(f"{fraction or ''}000"[:3])
    if sign is None:
        return moment_ms
    offset = 3600 * int(offset_hours) + 60 * int(offset_minutes) + int(offset_seconds or 0)
    if int(offset_minutes) > 59 or int(offset_seconds or 0) > 59 or offset > _OFFSET_SECONDS_MAX:
        return None
    return moment_ms - 1000 * (offset if sign == "+" else -offset)
