"""Built-in functions on numbers."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Final

from engine.expressions.jsonata.errors import JsonataError
from engine.expressions.jsonata.run import Run
from engine.expressions.jsonata.values import UNDEFINED, narrowed

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_WIDE: Final = Context(prec=1200, Emax=10_000, Emin=-10_000)
_PLACES_MAX: Final = 400


def whole(number: float) -> int | float:
    """A float without fraction as int where it is exact."""
    return int(number) if math.isfinite(number) and abs(number) <= 2**53 and number == math.floor(number) else number


def total(run: Run, numbers: Any) -> Any:
    """`$sum`."""
    if numbers is UNDEFINED:
        return UNDEFINED
    result: int | float = 0
    for number in numbers:
        result = narrowed(result + narrowed(number))
    return result


def maximum(run: Run, numbers: Any) -> Any:
    """`$max`."""
    return max(numbers) if numbers is not UNDEFINED and numbers else UNDEFINED


def minimum(run: Run, numbers: Any) -> Any:
    """`$min`."""
    return min(numbers) if numbers is not UNDEFINED and numbers else UNDEFINED


def average(run: Run, numbers: Any) -> Any:
    """`$average`."""
    if numbers is UNDEFINED or not numbers:
        return UNDEFINED
    return whole(float(total(run, numbers)) / len(numbers))


def absolute(run: Run, number: Any) -> Any:
    """`$abs`."""
    return UNDEFINED if number is UNDEFINED else abs(number)


def floor(run: Run, number: Any) -> Any:
    """`$floor`."""
    return number if number is UNDEFINED or not math.isfinite(number) else math.floor(number)


def ceil(run: Run, number: Any) -> Any:
    """`$ceil`."""
    return number if number is UNDEFINED or not math.isfinite(number) else math.ceil(number)


def rounded(number: int | float, places: int) -> int | float:
    """Round half to even at a decimal place, on the number as it is printed."""
    if not math.isfinite(number) or (isinstance(number, int) and places >= 0):
        return number
    places = max(-_PLACES_MAX, min(_PLACES_MAX, places))
    result = Decimal(repr(number)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN, _WIDE)
    return whole(float(result)) + 0


def round_to(run: Run, number: Any, places: Any = UNDEFINED) -> Any:
    """`$round`."""
    if number is UNDEFINED or places is UNDEFINED:
        return UNDEFINED if number is UNDEFINED else rounded(number, 0)
    return rounded(number, int(places)) if float(places).is_integer() else math.nan


def square_root(run: Run, number: Any) -> Any:
    """`$sqrt`."""
    if number is UNDEFINED:
        return UNDEFINED
    if number < 0:
        raise JsonataError("D3060", value=number, index=1)
    return whole(math.sqrt(number))


def power(run: Run, base: Any, exponent: Any) -> Any:
    """`$power`."""
    if base is UNDEFINED:
        return UNDEFINED
    try:
        result = math.pow(float(base), float(exponent)) if exponent is not UNDEFINED else math.nan
    except (OverflowError, ValueError):
        result = math.inf
    if not math.isfinite(result):
        raise JsonataError("D3061", value=base, exp=exponent, index=1)
    return whole(result)


def format_base(run: Run, number: Any, radix: Any = UNDEFINED) -> Any:
    """`$formatBase`."""
    if number is UNDEFINED:
        return UNDEFINED
    value = rounded(number, 0)
    base = 10 if radix is UNDEFINED else int(rounded(radix, 0))
    if not 2 <= base <= 36:
        raise JsonataError("D3100", value=base)
    left = abs(int(value)) if math.isfinite(value) else 0
    digits = "" if left else "0"
    while left:
        left, digit = divmod(left, base)
        digits = _DIGITS[digit] + digits
    run.step(len(digits) >> 1)
    return ("-" if value < 0 else "") + digits
