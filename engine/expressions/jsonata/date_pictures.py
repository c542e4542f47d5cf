"""`$fromMillis`, `$toMillis`: moments by a picture as in XPath (`[Y0001]-[M01]-[D01]`)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from engine.expressions.jsonata.dates import DAY_MS, Moment, component, iso_ms, moment_of, utc_ms
from engine.expressions.jsonata.errors import OUT_OF_MEMORY, JsonataError, LimitExceeded
from engine.expressions.jsonata.integers import IntegerFormat, analyse_picture, formatted, parsed, pattern_of
from engine.expressions.jsonata.run import Run
from engine.expressions.jsonata.values import UNDEFINED
from engine.expressions.linear_regex import Pattern, compile_pattern
from engine.expressions.scope import ExpressionSyntaxError

DAYS: Final = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_DEFAULTS: Final = {
    "Y": "1", "M": "1", "D": "1", "d": "1", "F": "n", "W": "1", "w": "1", "X": "1", "x": "1", "H": "1", "h": "1",
    "P": "n", "m": "01", "s": "01", "f": "1", "Z": "01:01", "z": "01:01", "C": "n", "E": "n",
}  # fmt: skip
_NUMERIC: Final = "YMDdFWwXxHhmsf"
_ISO_PICTURE: Final = "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]"
_PICTURE_CHARACTERS_MAX: Final = 1_000
_LEADING_INTEGER = re.compile(r"\s*[-+]?[0-9]+")


@dataclass(slots=True)
class Part:
    """A literal text or a component with its presentation."""

    literal: str | None = None
    letter: str = ""
    names: str = ""
    number: IntegerFormat | None = None
    width_max: int | None = None
    year_digits: int = -1
    traditional: bool = False


@lru_cache(maxsize=256)
def analyse(picture: str) -> tuple[Part, ...]:
    """Parse a picture.

    Raises:
        JsonataError: D3132, D3135, D3131.
    """
    if len(picture) > _PICTURE_CHARACTERS_MAX:
        raise LimitExceeded(OUT_OF_MEMORY)
    parts: list[Part] = []
    start = at = 0
    while at < len(picture):
        if picture[at] != "[":
            at += 1
            continue
        _add_literal(parts, picture[start:at])
        if picture.startswith("[[", at):
            parts.append(Part(literal="["))
            at += 2
        else:
            end = picture.find("]", at)
            if end < 0:
                raise JsonataError("D3135")
            parts.append(_component("".join(picture[at + 1 : end].split()), parts))
            at = end + 1
        start = at
    _add_literal(parts, picture[start:])
    return tuple(parts)


def _add_literal(parts: list[Part], text: str) -> None:
    if text:
        parts.append(Part(literal=text.replace("]]", "]")))


def _component(marker: str, before: list[Part]) -> Part:
    part = Part(letter=marker[:1])
    presentation, comma, width = marker[1:].rpartition(",")
    if not comma:
        presentation, width = marker[1:], ""
    width_min, part.width_max = _widths(width)
    second = presentation[-1] if len(presentation) > 1 and presentation[-1] in "atco" else ""
    presentation = presentation.removesuffix(second) if second else presentation
    presentation = presentation or _DEFAULTS.get(part.letter, "")
    if not presentation:
        raise JsonataError("D3132", value=part.letter)
    part.traditional = second == "t"
    if presentation[0] in "nN":
        part.names = "lower" if presentation[0] == "n" else "title" if presentation[1:2] == "n" else "upper"
    elif part.letter in _NUMERIC:
        part.number = analyse_picture(presentation + (f";{second}" if second else ""))
        part.number.mandatory = max(part.number.mandatory, width_min or 0)
        if part.letter == "Y":
            _limit_year(part)
        if before and before[-1].number is not None:
            before[-1].number.parse_width = before[-1].number.mandatory
    if part.letter in ("Z", "z"):
        part.number = analyse_picture(presentation)
    return part


def _widths(text: str) -> tuple[int | None, int | None]:
    least, _, most = text.partition("-")
    return _width(least), _width(most)


def _width(text: str) -> int | None:
    found = _LEADING_INTEGER.match(text)
    return min(int(found[0]), _PICTURE_CHARACTERS_MAX) if found and len(found[0]) < 10 else None


def _limit_year(part: Part) -> None:
    assert part.number is not None
    if part.width_max is not None:
        part.year_digits = part.number.mandatory = part.width_max
    elif part.number.mandatory + part.number.optional >= 2:
        part.year_digits = part.number.mandatory + part.number.optional


# Writing ------------------------------------------------------------------------------------------------------


def from_millis(run: Run, ms: Any, picture: Any = UNDEFINED, timezone: Any = UNDEFINED) -> Any:
    """`$fromMillis`."""
    if ms is UNDEFINED:
        return UNDEFINED
    offset_hours = offset_minutes = 0
    if timezone is not UNDEFINED:
        found = _LEADING_INTEGER.match(timezone)
        if found is None or len(found[0]) > 8:
            raise JsonataError("D3134")
        offset = int(found[0])
        offset_hours, offset_minutes = offset // 100, int(math.fmod(offset, 100))
    local = ms + (60 * offset_hours + offset_minutes) * 60_000
    at = moment_of(local)
    if picture is UNDEFINED and timezone is UNDEFINED and 1000 <= at.year <= 9999:
        date, time = f"{at.year}-{at.month:02d}-{at.day:02d}", f"{at.hour:02d}:{at.minute:02d}:{at.second:02d}"
        return f"{date}T{time}.{at.millisecond:03d}Z"
    parts = analyse(_ISO_PICTURE if picture is UNDEFINED else picture)
    return "".join(
        part.literal if part.literal is not None else _written(at, part, offset_hours, offset_minutes) for part in parts
    )


def _written(at: Moment, part: Part, offset_hours: int, offset_minutes: int) -> str:
    if part.letter in ("Z", "z"):
        return _offset(part, offset_hours, offset_minutes)
    value = component(at, part.letter)
    if part.letter not in _NUMERIC:
        text = "" if value is None else str(value)
        return text.upper() if part.letter == "P" and part.names == "upper" else text
    if part.letter == "Y" and 0 <= part.year_digits < 9:
        value = int(math.fmod(value, 10**part.year_digits))
    if part.number is not None:
        return formatted(value, part.number)
    if part.letter not in "MxF":
        raise JsonataError("D3133", value=part.letter)
    name = DAYS[value - 1] if part.letter == "F" else MONTHS[value - 1]
    cased: str = {"upper": name.upper(), "lower": name.lower()}.get(part.names, name)
    return cased[: part.width_max] if part.width_max is not None else cased


def _offset(part: Part, hours: int, minutes: int) -> str:
    form = part.number
    assert form is not None
    offset = hours * 100 + minutes
    if form.regular:
        text = formatted(offset, form)
    elif form.mandatory in (1, 2):
        text = formatted(hours, form) + (f":{minutes:02d}" if minutes else "")
    elif form.mandatory in (3, 4):
        text = formatted(offset, form)
    else:
        raise JsonataError("D3134", value=form.mandatory)
    if offset >= 0:
        text = "+" + text
    if part.letter == "z":
        text = "GMT" + text
    return "Z" if offset == 0 and part.traditional else text


# Reading ------------------------------------------------------------------------------------------------------


def to_millis(run: Run, text: Any, picture: Any = UNDEFINED) -> Any:
    """`$toMillis`; undefined when the text does not fit the picture."""
    if text is UNDEFINED:
        return UNDEFINED
    if picture is UNDEFINED:
        return iso_ms(text)
    parts, pattern = _reader(picture)
    found = pattern.match(text)
    if found is None:
        return UNDEFINED
    values: dict[str, Any] = {}
    at = 1
    for part in parts:
        if part.literal is None:
            values[part.letter] = _read(part, found.group(at))
        at += 1
    return _assembled(values, moment_of(now_ms(run))) if values else UNDEFINED


@lru_cache(maxsize=256)
def _reader(picture: str) -> tuple[tuple[Part, ...], Pattern]:
    parts = analyse(picture)
    try:
        return parts, compile_pattern("^" + "".join(f"({_pattern(part)})" for part in parts) + "$", "i")
    except ExpressionSyntaxError:
        raise LimitExceeded(OUT_OF_MEMORY) from None


def now_ms(run: Run) -> int:
    """The time of this evaluation: `$millis`."""
    scope = run.scope
    if scope.now_ms is not None:
        return scope.now_ms
    entered = scope.context().get("State", {}).get("EnteredTime")
    return int(iso_ms(entered)) if isinstance(entered, str) else 0


def _pattern(part: Part) -> str:
    if part.literal is not None:
        return re.sub(r"[.*+?^${}()|\[\]\\]", r"\\\g<0>", part.literal)
    if part.letter in ("Z", "z"):
        mark = _zone_separator(part)
        zone = "[-+][0-9]+" + (re.escape(mark) + "[0-9]+" if mark else "")
        return ("GMT" if part.letter == "z" else "") + zone
    if part.letter == "f":
        return "[0-9]+"
    if part.number is not None:
        return pattern_of(part.number)
    if part.letter not in "MxFP":
        raise JsonataError("D3133", value=part.letter)
    return "[a-zA-Z]+"


def _zone_separator(part: Part) -> str:
    return part.number.separators[0][1] if part.number and part.number.regular else ""


def _read(part: Part, text: str) -> Any:
    if part.letter in ("Z", "z"):
        return _read_offset(part, text.removeprefix("GMT") if part.letter == "z" else text)
    if part.letter == "f":
        return int(float("0." + text[:3]) * 1000)
    if part.number is not None:
        return parsed(text, part.number)
    if part.letter == "P":
        return {"am": 0, "AM": 0, "pm": 1, "PM": 1}.get(text)
    names = DAYS if part.letter == "F" else MONTHS
    return next((at + 1 for at, name in enumerate(names) if name[: part.width_max or None] == text), None)


def _read_offset(part: Part, text: str) -> int:
    """Minutes east of Greenwich."""
    mark = _zone_separator(part)
    if mark:
        hours, _, minutes = text.partition(mark)
        return int(hours) * 60 + int(minutes)
    if len(text) <= 3:
        return int(text) * 60
    return int(text[:3]) * 60 + int(text[3:])


def _fits(values: dict[str, Any], letters: str, wanted: int) -> bool:
    """Are of these components some wanted ones given and no others?"""
    mask = 0
    for letter in letters:
        mask = mask << 1 | bool(values.get(letter))
    return not ~wanted & mask and bool(wanted & mask)


def _assembled(values: dict[str, Any], now: Moment) -> int | float:
    """Milliseconds from components; those before the first given one are taken from now.

    Raises:
        JsonataError: D3136, components in between are missing, or by weeks.
    """
    date_a = _fits(values, "YXMxWwdD", 161)
    date_b = not date_a and _fits(values, "YXMxWwdD", 130)
    date_c = _fits(values, "YXMxWwdD", 84)
    date_d = not date_c and _fits(values, "YXMxWwdD", 72)
    time_b = not _fits(values, "PHhmsf", 23) and _fits(values, "PHhmsf", 47)
    order = "YD" if date_b else "XxwF" if date_c else "XWF" if date_d else "YMD"
    started = ended = False
    for letter in order + ("Phmsf" if time_b else "Hmsf"):
        if values.get(letter) is not None:
            started = True
            if ended:
                raise JsonataError("D3136")
        elif started:
            values[letter] = 1 if letter in "MDd" else 0
            ended = True
        else:
            values[letter] = component(now, letter)
    if date_c or date_d:
        raise JsonataError("D3136")
    if any(isinstance(value, float) and math.isnan(value) for value in values.values()):
        return math.nan
    if time_b:
        values["H"] = (0 if values["h"] == 12 else values["h"]) + (12 if values["P"] == 1 else 0)
    if date_b:
        first = moment_of(utc_ms(values["Y"], 1) + (values["d"] - 1) * DAY_MS)
        values["M"], values["D"] = first.month, first.day
    month = values.get("M") or 1
    year = values["Y"] + 1900 if 0 <= values["Y"] < 100 else values["Y"]
    ms = utc_ms(year, month, values["D"], values["H"], values["m"], values["s"], values["f"])
    return ms - (values.get("Z") or values.get("z") or 0) * 60_000
