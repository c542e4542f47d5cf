"""RFC 3339 timestamps as the service compares them: upper-case `T` and `Z`, or an offset; any number of fractions."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

_TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,30}))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Moment = tuple[int, str]
"""Whole seconds since 1970 and the digits of the fraction without trailing zeros; compares as time does."""


def parse_timestamp(value: Any) -> Moment | None:
    """The moment that a text names; None when it is no timestamp."""
    if not isinstance(value, str):
        return None
    found = _TIMESTAMP.fullmatch(value)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    fraction, sign, offset_hours, offset_minutes = found.groups()[6:]
    try:
        # A leap second counts as the first second of the next minute.
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return None
    seconds = (moment - _EPOCH) // timedelta(seconds=1) + (1 if second == 60 else 0)
    if second > 60 or (sign and (int(offset_hours) > 23 or int(offset_minutes) > 59)):
        return None
    if sign:
        offset = int(offset_hours) * 3600 + int(offset_minutes) * 60
        seconds -= offset if sign == "+" else -offset
    return seconds, (fraction or "").rstrip("0")
