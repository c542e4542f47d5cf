"""Integers as English words, Roman numerals and letters, and back.

Numbers beyond 2^53 are floats and computed with as the reference library does, so their text is the same, and reading
a long text makes no giant integer.
"""

from __future__ import annotations

import math
import re
from typing import Final

from engine.expressions.jsonata.values import narrowed

FEW: Final = (
    "Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve",
    "Thirteen", "Fourteen", "Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen",
)  # fmt: skip
ORDINALS: Final = (
    "Zeroth", "First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth",
    "Eleventh", "Twelfth", "Thirteenth", "Fourteenth", "Fifteenth", "Sixteenth", "Seventeenth", "Eighteenth",
    "Nineteenth",
)  # fmt: skip
DECADES: Final = (
    "Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety", "Hundred",
)  # fmt: skip
MAGNITUDES: Final = (
    "Thousand", "Million", "Billion", "Trillion",
)  # fmt: skip

_ROMAN: Final = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
    (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_ROMAN_VALUES: Final = {"M": 1000, "D": 500, "C": 100, "L": 50, "X": 10, "V": 5, "I": 1}
_WORD_GAP = re.compile(r",\s|\sand\s|[\s\\-]")


def to_words(number: int | float, ordinal: bool) -> str:
    """`One Hundred and Twenty-Third`."""
    return _words(number, False, ordinal)


def _words(number: int | float, follows: bool, ordinal: bool) -> str:
    """Recursion is as deep as the number has magnitudes; beyond trillions they are repeated."""
    if number < 1000:
        return _small(int(number), follows, ordinal)
    number = _whole(number)
    magnitude = min((len(str(int(number))) - 1) // 3, len(MAGNITUDES))
    factor = 1000**magnitude
    head = _whole(math.floor(number / factor))
    rest = number - head * factor
    word = (", " if follows else "") + _words(head, False, False) + " " + MAGNITUDES[magnitude - 1]
    return _continued(word, rest, ordinal)


def _small(number: int, follows: bool, ordinal: bool) -> str:
    """Below a thousand."""
    if number <= 19:
        return (" and " if follows else "") + (ORDINALS if ordinal else FEW)[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        word = (" and " if follows else "") + DECADES[tens - 2]
        if rest:
            return word + "-" + _small(rest, False, ordinal)
        return word[:-1] + "ieth" if ordinal else word
    head, rest = divmod(number, 100)
    return _continued((", " if follows else "") + FEW[head] + " Hundred", rest, ordinal)


def _continued(word: str, rest: int | float, ordinal: bool) -> str:
    if rest > 0:
        return word + _words(rest, True, ordinal)
    return word + "th" if ordinal else word


def _whole(number: int | float) -> int | float:
    """A float that computes as an int would, as int."""
    return int(number) if abs(number) <= 2**53 else float(number)


def _word_values() -> dict[str, int]:
    values = {word.lower(): at for at, word in enumerate(FEW)}
    values.update((word.lower(), at) for at, word in enumerate(ORDINALS))
    for at, word in enumerate(DECADES):
        values[word.lower()] = values[word.lower()[:-1] + "ieth"] = (at + 2) * 10
    values["hundredth"] = 100
    for at, word in enumerate(MAGNITUDES):
        values[word.lower()] = values[word.lower() + "th"] = 1000 ** (at + 1)
    return values


WORD_VALUES: Final = _word_values()


def from_words(text: str) -> int | float:
    """The number that words stand for; NaN when a word is unknown."""
    segments: list[int | float] = [0]
    for word in _WORD_GAP.split(text):
        value = WORD_VALUES.get(word)
        if value is None:
            return math.nan
        if value < 100:
            top = segments.pop()
            if top >= 1000:
                segments.append(top)
                top = 0
            segments.append(top + value)
        else:
            segments.append(narrowed(segments.pop() * value))
    return sum(segments)


def to_roman(number: int) -> str:
    """Lower case; thousands are repeated."""
    out: list[str] = []
    for value, numeral in _ROMAN:
        times, number = divmod(number, value)
        out.append(numeral * times)
    return "".join(out)


def from_roman(text: str) -> int | float:
    """The number that upper-case Roman numerals stand for; NaN when a numeral is unknown."""
    total, largest = 0, 1
    for digit in reversed(text):
        value = _ROMAN_VALUES.get(digit)
        if value is None:
            return math.nan
        if value < largest:
            total -= value
        else:
            largest = value
            total += value
    return total


def to_letters(number: int | float, first: str) -> str:
    """1 is a, 26 is z, 27 is aa."""
    letters: list[str] = []
    while number > 0:
        letters.append(chr(int((number - 1) % 26) + ord(first)))
        number = _whole(math.floor((number - 1) / 26))
    return "".join(reversed(letters))


def from_letters(text: str, first: str) -> int | float:
    """The number that letters stand for."""
    total: int | float = 0
    weight: int | float = 1
    for letter in reversed(text):
        total = narrowed(total + (ord(letter) - ord(first) + 1) * weight)
        weight = narrowed(weight * 26)
    return total
