"""Moments in UTC milliseconds and the calendar around them, without Python's limits on years."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from engine.expressions.jsonata.errors import JsonataError

DAY_MS = 86_400_000
_MS_MAX = 8_640_000_000_000_000

_ISO = re.compile(
    r"(\d{4})(?:-([01]\d))?(?:-([0-3]\d))?(?:T([0-2]\d):([0-5]\d):([0-5]\d))?(?:\.(\d+))?(?:([+-])([0-2]\d):?([0-5]\d)|Z)?",
    re.ASCII,
)


class Moment(NamedTuple):
    """A date and time of day in UTC; months from 1."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    millisecond: int


def days_from_civil(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the proleptic Gregorian calendar."""
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def utc_ms(year: int, month: int, day: int = 1, hour: int = 0, minute: int = 0, second: int = 0, ms: int = 0) -> int:
    """Milliseconds since 1970; a month beyond 12 or a day beyond the month's end carry over."""
    carried, month = divmod(month - 1, 12)
    days = days_from_civil(year + carried, month + 1, 1) + day - 1
    return ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + ms


def moment_of(ms: float) -> Moment:
    """The moment at so many milliseconds since 1970.

    Raises:
        JsonataError: D3110-like, the number is no time.
    """
    if not math.isfinite(ms) or abs(ms) > _MS_MAX:
        raise JsonataError("D1001", value=ms)
    days, rest = divmod(math.trunc(ms), DAY_MS)
    shifted = days + 719_468
    era = shifted // 146_097
    of_era = shifted - era * 146_097
    year_of_era = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * of_year + 2) // 153
    day = of_year - (153 * shifted_month + 2) // 5 + 1
    month = shifted_month + (3 if shifted_month < 10 else -9)
    seconds, millisecond = divmod(rest, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return Moment(year_of_era + era * 400 + (month <= 2), month, day, hour, minute, second, millisecond)


def iso_ms(text: str) -> Any:
    """Milliseconds of an ISO 8601 timestamp; NaN for a date that does not exist.

    Raises:
        JsonataError: D3110, not of that form.
    """
    found = _ISO.fullmatch(text)
    if found is None:
        raise JsonataError("D3110", value=text)
    year, month, day, hour, minute, second, fraction, sign, zone_hours, zone_minutes = found.groups()
    if not 1 <= int(month or 1) <= 12 or not 1 <= int(day or 1) <= 31 or int(hour or 0) > 24:
        return math.nan
    ms = utc_ms(int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0))
    ms += int((fraction or "0")[:3].ljust(3, "0"))
    offset = (int(zone_hours) * 60 + int(zone_minutes)) * 60_000 if sign else 0
    return ms - offset if sign != "-" else ms + offset


def _first_week(year: int, month: int) -> int:
    """When the first ISO week of a year or month begins: the week with its first Thursday."""
    first = utc_ms(year, month)
    weekday = (first // DAY_MS + 3) % 7 + 1
    return first + (8 - weekday) * DAY_MS if weekday > 4 else first - (weekday - 1) * DAY_MS


_SIMPLE: Final[dict[str, Callable[[Moment], Any]]] = {
    "Y": lambda at: at.year,
    "M": lambda at: at.month,
    "D": lambda at: at.day,
    "H": lambda at: at.hour,
    "h": lambda at: at.hour % 12 or 12,
    "m": lambda at: at.minute,
    "s": lambda at: at.second,
    "f": lambda at: at.millisecond,
    "P": lambda at: "pm" if at.hour >= 12 else "am",
    "C": lambda at: "ISO",
    "E": lambda at: "ISO",
}


def component(at: Moment, letter: str) -> Any:
    """One component of a moment: `Y`, `M`, `D`, `F` (day of week), `W` (week of year), ...; None for none."""
    if letter in _SIMPLE:
        return _SIMPLE[letter](at)
    today = utc_ms(at.year, at.month, at.day)
    if letter == "d":
        return (today - utc_ms(at.year, 1)) // DAY_MS + 1
    if letter == "F":
        return (today // DAY_MS + 3) % 7 + 1
    if letter in "WX":
        return _week(today, letter, [(at.year - 1, 1), (at.year, 1), (at.year + 1, 1)], 52)
    if letter in "wx":
        around = [_month(at, -1), (at.year, at.month), _month(at, 1)]
        return _week(today, letter, around, 4)
    return None


def _month(at: Moment, by: int) -> tuple[int, int]:
    carried, month = divmod(at.month - 1 + by, 12)
    return at.year + carried, month + 1


def _week(today: int, letter: str, around: list[tuple[int, int]], weeks: int) -> int:
    """Number of the week in its year or month (`W`, `w`), or that year or month (`X`, `x`)."""
    before, now, after = (_first_week(*it) for it in around)
    if letter in "Xx":
        year, month = around[0] if today < now else around[2] if today >= after else around[1]
        return year if letter == "X" else month
    week = (today - now) // (7 * DAY_MS) + 1
    if week > weeks and today >= after:
        return 1
    return (today - before) // (7 * DAY_MS) + 1 if week < 1 else week
