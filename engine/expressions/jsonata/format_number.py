"""`$formatNumber`: decimal numbers by a picture as in XPath (`#,##0.00`, `0.0e0`, `00%;(00%)`)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import Any, Final

from engine.expressions.jsonata.errors import OUT_OF_MEMORY, JsonataError, LimitExceeded
from engine.expressions.jsonata.functions_number import rounded
from engine.expressions.jsonata.integers import evenly_spaced
from engine.expressions.jsonata.run import Run
from engine.expressions.jsonata.values import UNDEFINED

_DEFAULTS: Final = {
    "decimal-separator": ".",
    "grouping-separator": ",",
    "exponent-separator": "e",
    "infinity": "Infinity",
    "minus-sign": "-",
    "NaN": "NaN",
    "percent": "%",
    "per-mille": "\u2030",
    "zero-digit": "0",
    "digit": "#",
    "pattern-separator": ";",
}
_PICTURE_CHARACTERS_MAX: Final = 1_000
_WIDE: Final = Context(prec=2000)


@dataclass(slots=True)
class _Symbols:
    """The characters that mean something in a picture."""

    decimal: str
    grouping: str
    exponent: str
    minus: str
    percent: str
    per_mille: str
    zero: str
    digit: str
    pattern: str
    family: str

    @property
    def active(self) -> list[str]:
        return [*self.family, self.decimal, self.exponent, self.grouping, self.digit, self.pattern]

    def digits_in(self, text: str) -> int:
        return sum(mark in self.family for mark in text)

    def places_in(self, text: str) -> int:
        return sum(mark in self.family or mark == self.digit for mark in text)


@dataclass(slots=True)
class _Parts:
    """A sub-picture taken apart."""

    picture: str
    prefix: str
    suffix: str
    active: str
    mantissa: str
    exponent: str | None
    integer: str
    fraction: str


@dataclass(slots=True)
class _Layout:
    """What a sub-picture asks for."""

    prefix: str
    suffix: str
    picture: str
    integer_groups: list[int]
    regular: int
    fraction_groups: list[int]
    integer_min: int
    scaling: int
    fraction_min: int
    fraction_max: int
    exponent_min: int


def format_number(run: Run, number: Any, picture: Any, options: Any = UNDEFINED) -> Any:
    """`$formatNumber`."""
    if number is UNDEFINED:
        return UNDEFINED
    if len(picture) > _PICTURE_CHARACTERS_MAX:
        raise LimitExceeded(OUT_OF_MEMORY)
    symbols = _DEFAULT_SYMBOLS if options is UNDEFINED else _symbols(options)
    layouts = _default_layouts(picture) if options is UNDEFINED else _layouts(picture, symbols)
    if number >= 0:
        return _rendered(number, layouts[0], symbols, layouts[0].prefix)
    if len(layouts) == 1:
        return _rendered(number, layouts[0], symbols, symbols.minus + layouts[0].prefix)
    return _rendered(number, layouts[1], symbols, layouts[1].prefix)


@lru_cache(maxsize=256)
def _default_layouts(picture: str) -> list[_Layout]:
    return _layouts(picture, _DEFAULT_SYMBOLS)


def _layouts(picture: str, symbols: _Symbols) -> list[_Layout]:
    pictures = picture.split(symbols.pattern) if symbols.pattern else list(picture)
    if len(pictures) > 2:
        raise JsonataError("D3080")
    parts = [_split(part, symbols) for part in pictures]
    for part in parts:
        _check(part, symbols)
    return [_layout(part, symbols) for part in parts]


def _symbols(options: Any) -> _Symbols:
    given = dict(_DEFAULTS)
    if isinstance(options, dict):
        given.update({key: value for key, value in options.items() if isinstance(value, str)})
    zero = given["zero-digit"][:1] or "0"
    return _Symbols(
        given["decimal-separator"],
        given["grouping-separator"],
        given["exponent-separator"],
        given["minus-sign"],
        given["percent"],
        given["per-mille"],
        zero,
        given["digit"],
        given["pattern-separator"],
        "".join(chr(min(ord(zero) + at, 0x10FFFF)) for at in range(10)),
    )


_DEFAULT_SYMBOLS: Final = _symbols(UNDEFINED)


def _split(picture: str, symbols: _Symbols) -> _Parts:
    active = [mark for mark in symbols.active if mark != symbols.exponent]
    places = [at for at, mark in enumerate(picture) if mark in active]
    prefix = picture[: places[0]] if places else ""
    suffix = picture[places[-1] + 1 :] if places else ""
    middle = picture[len(prefix) : len(picture) - len(suffix)]
    at = picture.find(symbols.exponent, len(prefix))
    if at < 0 or at > len(picture) - len(suffix):
        mantissa, exponent = middle, None
    else:
        mantissa, exponent = middle[:at], middle[at + 1 :]
    integer, point, fraction = mantissa.partition(symbols.decimal)
    return _Parts(picture, prefix, suffix, middle, mantissa, exponent, integer, fraction if point else suffix)


def _check(parts: _Parts, symbols: _Symbols) -> None:
    """The last rule that is broken names the error, as in the reference library."""
    codes = [code for code, broken in _rules(parts, symbols) if broken]
    if codes:
        raise JsonataError(codes[-1])


def _rules(parts: _Parts, symbols: _Symbols) -> list[tuple[str, bool]]:
    picture, family = parts.picture, symbols.family
    point = picture.find(symbols.decimal)
    percent, per_mille = picture.count(symbols.percent), picture.count(symbols.per_mille)
    integer_digit, fraction_digit = parts.integer.find(symbols.digit), parts.fraction.rfind(symbols.digit)
    exponent = parts.exponent
    around = (picture[point - 1] if point > 0 else "", picture[point + 1 : point + 2])
    return [
        ("D3081", picture.count(symbols.decimal) > 1),
        ("D3082", percent > 1),
        ("D3083", per_mille > 1),
        ("D3084", percent > 0 and per_mille > 0),
        ("D3085", symbols.places_in(parts.mantissa) == 0),
        ("D3086", any(mark not in symbols.active for mark in parts.active)),
        ("D3087", point >= 0 and symbols.grouping in around),
        ("D3088", point < 0 and parts.integer.endswith(symbols.grouping)),
        ("D3089", symbols.grouping * 2 in picture),
        ("D3090", integer_digit >= 0 and any(mark in family for mark in parts.integer[:integer_digit])),
        ("D3091", fraction_digit >= 0 and any(mark in family for mark in parts.fraction[fraction_digit:])),
        ("D3092", bool(exponent) and percent + per_mille > 0),
        ("D3093", exponent is not None and (not exponent or any(mark not in family for mark in exponent))),
    ]


def _layout(parts: _Parts, symbols: _Symbols) -> _Layout:
    integer_groups = _group_positions(parts.integer, parts.integer, symbols, False)
    integer_min = scaling = symbols.digits_in(parts.integer)
    fraction_min, fraction_max = symbols.digits_in(parts.fraction), symbols.places_in(parts.fraction)
    has_exponent = parts.exponent is not None
    if integer_min == 0 and fraction_max == 0:
        if has_exponent:
            fraction_min = fraction_max = 1
        else:
            integer_min = 1
    if has_exponent and integer_min == 0 and symbols.digit in parts.integer:
        integer_min = 1
    if integer_min == 0 and fraction_min == 0:
        fraction_min = 1
    return _Layout(
        parts.prefix,
        parts.suffix,
        parts.picture,
        integer_groups,
        evenly_spaced(integer_groups),
        _group_positions(parts.fraction, parts.integer, symbols, True),
        integer_min,
        scaling,
        fraction_min,
        fraction_max,
        symbols.digits_in(parts.exponent or ""),
    )


def _group_positions(part: str, integer: str, symbols: _Symbols, to_left: bool) -> list[int]:
    """Digits on the inner side of each grouping separator; further ones are sought in the integer part only."""
    positions: list[int] = []
    at = part.find(symbols.grouping)
    while at >= 0:
        positions.append(symbols.places_in(part[:at] if to_left else part[at:]))
        at = integer.find(symbols.grouping, at + 1)
    return positions


def _rendered(number: int | float, layout: _Layout, symbols: _Symbols, prefix: str) -> str:
    value: int | float = number
    if symbols.percent in layout.picture:
        value = number * 100
    elif symbols.per_mille in layout.picture:
        value = number * 1000
    exponent: int | None = None
    if layout.exponent_min:
        value, exponent = _scaled(value, layout.scaling)
    text = _fixed(rounded(value, layout.fraction_max), layout.fraction_max, symbols)
    integer, _, fraction = text.partition(".")
    integer = integer.lstrip(symbols.zero).rjust(layout.integer_min, symbols.zero)
    fraction = fraction.rstrip(symbols.zero).ljust(layout.fraction_min, symbols.zero)
    integer = _with_integer_groups(integer, layout, symbols)
    for position in layout.fraction_groups:
        if position <= len(fraction):
            fraction = fraction[:position] + symbols.grouping + fraction[position:]
    has_point = symbols.decimal in layout.picture and fraction
    text = integer + symbols.decimal + fraction if has_point else integer
    if exponent is not None:
        digits = _fixed(abs(exponent), 0, symbols).rjust(layout.exponent_min, symbols.zero)
        text += symbols.exponent + (symbols.minus if exponent < 0 else "") + digits
    return prefix + text + layout.suffix


def _scaled(value: int | float, scaling: int) -> tuple[int | float, int]:
    """Mantissa and exponent, with the wanted number of digits before the point."""
    exponent = 0
    if value and math.isfinite(value):
        largest, smallest = 10.0**scaling, 10.0 ** (scaling - 1)
        while abs(value) < smallest:
            value *= 10
            exponent -= 1
        while abs(value) > largest:
            value /= 10
            exponent += 1
    return value, exponent


def _fixed(value: int | float, places: int, symbols: _Symbols) -> str:
    if not math.isfinite(value):
        return "Infinity" if math.isinf(value) else "NaN"
    exact = Decimal(abs(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _WIDE)
    text = f"{exact:f}"
    if symbols.zero == "0":
        return text
    return "".join(symbols.family[int(mark)] if mark.isdigit() else mark for mark in text)


def _with_integer_groups(integer: str, layout: _Layout, symbols: _Symbols) -> str:
    places = sorted(layout.integer_groups)
    if layout.regular:
        places = list(range(layout.regular, len(integer), layout.regular))
    out = integer
    for inserted, position in enumerate(places):
        at = len(out) - position - inserted
        if at >= 0:
            out = out[:at] + symbols.grouping + out[at:]
    return out
