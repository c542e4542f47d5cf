"""`$formatInteger` and `$parseInteger`: integers by a picture as in XPath (`#,##0`, `Ww`, `I`, `1;o`)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Final

from engine.expressions.jsonata import words
from engine.expressions.jsonata.errors import OUT_OF_MEMORY, InternalError, JsonataError, LimitExceeded
from engine.expressions.jsonata.functions_number import whole
from engine.expressions.jsonata.rendering import number_text
from engine.expressions.jsonata.run import Run
from engine.expressions.jsonata.values import UNDEFINED, narrowed

DECIMAL_GROUPS: Final = (
    0x30, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
    0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40,
    0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
)  # fmt: skip
_WORDY: Final = {
    "A": ("letters", "upper"),
    "a": ("letters", "lower"),
    "I": ("roman", "upper"),
    "i": ("roman", "lower"),
    "W": ("words", "upper"),
    "Ww": ("words", "title"),
    "w": ("words", "lower"),
}
_DIGITS_MAX: Final = 10_000
_ROMAN_MAX: Final = 10_000_000
_LEADING_INTEGER = re.compile(r"\s*([-+]?)(?:0[xX](?P<hex>[0-9A-Fa-f]{1,300})|(?P<decimal>(?!0[xX])[0-9]+))")


@dataclass(slots=True)
class IntegerFormat:
    """A parsed picture.

    Attributes:
        primary: decimal, letters, roman, words or sequence (which is not supported).
        regular: distance of grouping separators when they are evenly spaced, else 0.
        separators: (position from the right, character).
        parse_width: number of digits to read where the next part follows without separator.
    """

    primary: str = "decimal"
    case: str = "lower"
    ordinal: bool = False
    zero: int = 0x30
    mandatory: int = 0
    optional: int = 0
    regular: int = 0
    separators: list[tuple[int, str]] = field(default_factory=list)
    token: str = ""
    parse_width: int | None = None


def analyse_picture(picture: str) -> IntegerFormat:
    """Parse an integer picture.

    Raises:
        JsonataError: D3131, digits of different families.
    """
    primary, semicolon, modifier = picture.rpartition(";")
    if not semicolon:
        primary, modifier = picture, ""
    result = IntegerFormat(ordinal=modifier.startswith("o"))
    if primary in _WORDY:
        result.primary, result.case = _WORDY[primary]
        return result
    zero: int | None = None
    position = 0
    for mark in reversed(primary):
        group = next((group for group in DECIMAL_GROUPS if group <= ord(mark) <= group + 9), None)
        if group is not None:
            if zero is not None and group != zero:
                raise JsonataError("D3131")
            zero = group
            result.mandatory += 1
            position += 1
        elif mark == "#":
            result.optional += 1
            position += 1
        else:
            result.separators.append((position, mark))
    if zero is None:
        result.primary, result.token = "sequence", primary
    else:
        result.zero = zero
        result.regular = _regular_distance(result.separators)
    return result


def _regular_distance(separators: list[tuple[int, str]]) -> int:
    if not separators or len({mark for _, mark in separators}) > 1:
        return 0
    return evenly_spaced([position for position, _ in separators])


def evenly_spaced(positions: list[int]) -> int:
    """The distance of positions that are its multiples without a gap, else 0."""
    if not positions:
        return 0
    factor = reduce(math.gcd, positions)
    return factor if all(at * factor in positions for at in range(1, len(positions) + 1)) else 0


def format_integer(run: Run, number: Any, picture: Any) -> Any:
    """`$formatInteger`."""
    if number is UNDEFINED:
        return UNDEFINED
    run.read(picture, 1)
    form = analyse_picture(picture)
    text = formatted(narrowed(math.floor(number)) if math.isfinite(number) else number, form)
    run.step(len(text) >> (4 if form.primary == "words" else 8))
    return text


def formatted(number: int | float, form: IntegerFormat) -> str:
    """A whole number by its parsed picture.

    Raises:
        JsonataError: D3130, a numbering that is not supported.
        InternalError: an infinite number has no words, numerals or letters.
    """
    value = abs(number)
    if not math.isfinite(value) and form.primary != "decimal":
        raise InternalError(form.primary)
    if form.primary == "sequence":
        raise JsonataError("D3130", value=form.token)
    if form.primary == "letters":
        text = words.to_letters(value, "A" if form.case == "upper" else "a")
    elif form.primary == "roman":
        if value > _ROMAN_MAX:
            raise LimitExceeded(OUT_OF_MEMORY)
        text = words.to_roman(int(value))
        text = text.upper() if form.case == "upper" else text
    elif form.primary == "words":
        text = words.to_words(value, form.ordinal)
        text = {"upper": text.upper(), "lower": text.lower()}.get(form.case, text)
    else:
        text = _decimal(value, form)
    return "-" + text if number < 0 else text


def _decimal(value: int | float, form: IntegerFormat) -> str:
    if form.mandatory > _DIGITS_MAX:
        raise LimitExceeded(OUT_OF_MEMORY)
    text = number_text(value).rjust(form.mandatory, "0")
    if form.zero != 0x30:
        text = "".join(chr(ord(digit) + form.zero - 0x30) for digit in text)
    if form.regular:
        mark = form.separators[0][1]
        places = [(at * form.regular, mark) for at in range((len(text) - 1) // form.regular, 0, -1)]
    else:
        places = sorted(form.separators, key=lambda place: -place[0])
    for position, mark in places:
        at = max(len(text) - position, 0)
        text = text[:at] + mark + text[at:]
    if form.ordinal:
        teen = len(text) > 1 and text[-2] == "1"
        text += "th" if teen else {"1": "st", "2": "nd", "3": "rd"}.get(text[-1], "th")
    return text


def parse_integer(run: Run, text: Any, picture: Any) -> Any:
    """`$parseInteger`; what is no number is NaN, as in JavaScript."""
    if text is UNDEFINED:
        return UNDEFINED
    run.read(picture, 1)
    run.read(text, 16)
    return parsed(text, analyse_picture(picture))


def parsed(text: str, form: IntegerFormat) -> int | float:
    """The integer that a text stands for by its parsed picture; NaN when it is none."""
    if form.primary == "sequence":
        raise JsonataError("D3130", value=form.token)
    if form.primary == "letters":
        return words.from_letters(text, "A" if form.case == "upper" else "a")
    if form.primary == "roman":
        return words.from_roman(text if form.case == "upper" else text.upper())
    if form.primary == "words":
        return words.from_words(text.lower())
    digits = text[:-2] if form.ordinal else text
    for mark in [","] if form.regular else [mark for _, mark in form.separators]:
        digits = digits.replace(mark, "")
    if form.zero != 0x30:
        digits = "".join(chr(ord(digit) - form.zero + 0x30) for digit in digits)
    found = _LEADING_INTEGER.match(digits)
    if found is None:
        return math.nan
    number = whole(float(found["decimal"])) if found["decimal"] else narrowed(int(found["hex"], 16))
    return -number if found[1] == "-" else number


def pattern_of(form: IntegerFormat) -> str:
    """The regular expression of what `parsed` reads inside a date."""
    if form.primary == "sequence":
        raise JsonataError("D3130", value=form.token)
    if form.primary == "letters":
        return "[A-Z]+" if form.case == "upper" else "[a-z]+"
    if form.primary == "roman":
        return "[MDCLXVI]+" if form.case == "upper" else "[mdclxvi]+"
    if form.primary == "words":
        return "(?:" + "|".join([*words.WORD_VALUES, "and", "[\\-, ]"]) + ")+"
    width = f"{{{min(form.parse_width, 1000)}}}" if form.parse_width else "+"
    return f"[0-9]{width}" + ("(?:th|st|nd|rd)" if form.ordinal else "")
