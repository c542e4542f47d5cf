"""Moments as text and back: Unix milliseconds inside, RFC 3339 outside."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_RFC3339: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def iso_from_ms(moment_ms: int) -> str:
    """`2026-09-24T02:56:28.731Z`, the form of the context object."""
    moment = _EPOCH + timedelta(milliseconds=moment_ms)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment_ms % 1000:03d}Z"


def ms_from_iso(text: str) -> int | None:
    """Unix milliseconds of an RFC 3339 text with upper-case T and Z (or an offset); None when it is none."""
    found = _RFC3339.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    except ValueError:
        return None
    offset_minutes = 0
    if zone != "Z":
        offset_minutes = (60 * int(zone[1:3]) + int(zone[4:6])) * (-1 if zone[0] == "-" else 1)
    milliseconds = int(float(fraction or 0) * 1000)
    return (moment - _EPOCH) // timedelta(milliseconds=1) + milliseconds - offset_minutes * 60_000
