"""Built-in functions on texts that look for something: `$match`, `$contains`, `$split`, `$replace`, `$join`.

Positions count UTF-16 code units, as on the service.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from engine.expressions.jsonata.calls import Matcher, Native, apply
from engine.expressions.jsonata.errors import InternalError, JsonataError
from engine.expressions.jsonata.rendering import loose_text
from engine.expressions.jsonata.run import Run
from engine.expressions.jsonata.values import UNDEFINED, Function, Sequence, is_number

Found = dict[str, Any]
_FORGOTTEN: Final = 4
"""Pieces of a text are often made for the sake of one of them."""
_SEARCH_STEPS: Final = 14
_MATCH_STEPS: Final = 5
_BLANK = "\t\n\v\f\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
"""What JavaScript skips in front of a number."""
_INTEGER = re.compile(f"[{_BLANK}]*([-+]?[0-9]+)")


def first_match(run: Run, matcher: Matcher, value: Any, start: Any = UNDEFINED) -> Any:
    """Call a regular expression as a function: the first match, whose `next` gives the following ones.

    Args:
        run: the budget.
        matcher: the regular expression.
        value: the text; what is none is written as JavaScript writes it.
        start: code units to skip; `$map` and its kin hand over the index here.
    """
    text = loose_text(value, run)
    skipped = max(0, math.trunc(start)) if is_number(start) else 0
    if skipped > len(text):
        return UNDEFINED
    return _linked(_regex_matches(run, matcher, text, skipped))


def _linked(matches: Iterator[Found]) -> Any:
    found = next(matches, None)
    if found is None:
        return UNDEFINED
    return {**found, "next": Native("next", lambda run: _linked(matches), 0, None)}


def _regex_matches(run: Run, matcher: Matcher, text: str, skipped: int = 0) -> Iterator[Found]:
    """Matches from left to right; an empty one before the end would be found for ever and is refused."""
    places = _code_units_before(text)
    run.step(_SEARCH_STEPS + (len(text) >> 8))
    for at, match in enumerate(matcher.pattern.finditer(text, skipped)):
        run.step(_MATCH_STEPS)
        if at > 0 and match.end() == match.start():
            raise JsonataError("D1004", value=matcher.pattern.pattern)
        yield {
            "match": match.group(0),
            "start": places(match.start()),
            "end": places(match.end()),
            "groups": [UNDEFINED if group is None else group for group in match.groups()],
        }
        if match.end() >= len(text):
            return
        if match.end() == match.start():
            raise JsonataError("D1004", value=matcher.pattern.pattern)


def _units(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def _code_units_before(text: str) -> Callable[[int], int]:
    """Positions count UTF-16 code units, which only matters beyond the basic plane; asked for from left to right."""
    if text.isascii() or len(_units(text)) == 2 * len(text):
        return lambda at: at
    last = before = 0

    def places(at: int) -> int:
        nonlocal last, before
        before += len(_units(text[last:at])) // 2
        last = at
        return before

    return places


def _cutter(text: str) -> Callable[[int, int | None], str]:
    """What cuts parts out of a text by UTF-16 code units."""
    units = b"" if text.isascii() else _units(text)
    if len(units) in (0, 2 * len(text)):
        return lambda start, end: text[start:end]
    return lambda start, end: units[2 * start : None if end is None else 2 * end].decode("utf-16-le", "replace")


def matches_of(run: Run, matcher: Any, text: str) -> Iterator[Found]:
    """All matches of a regular expression, or of a function that plays one."""
    if isinstance(matcher, Matcher):
        yield from _regex_matches(run, matcher, text)
        return
    if not isinstance(matcher, Function):
        raise InternalError("neither a text nor a function")
    found = apply(matcher, [text], None, run)
    while found is not UNDEFINED:
        if not _is_match(found):
            raise JsonataError("T1010")
        yield found
        found = apply(found.get("next", UNDEFINED), [], None, run)


def _is_match(found: Any) -> bool:
    return isinstance(found, dict) and (
        isinstance(found.get("start"), (int, float))
        or isinstance(found.get("groups"), list)
        or isinstance(found.get("next"), Function)
    )


def contains(run: Run, text: Any, token: Any) -> Any:
    """`$contains`."""
    if text is UNDEFINED or token is UNDEFINED:
        return UNDEFINED
    if isinstance(token, str):
        run.read(text, 256)
        return token in text
    if isinstance(token, Matcher):
        run.step(_SEARCH_STEPS + (len(text) >> 8))
        return token.pattern.search(text) is not None
    return next(matches_of(run, token, text), None) is not None


def match(run: Run, text: Any, pattern: Any, limit: Any = UNDEFINED) -> Any:
    """`$match`: all matches with their groups."""
    if text is UNDEFINED:
        return UNDEFINED
    if limit is not UNDEFINED and limit < 0:
        raise JsonataError("D3040", value=limit, index=3)
    found = Sequence()
    if limit is UNDEFINED or limit > 0:
        for item in matches_of(run, pattern, text):
            if limit is not UNDEFINED and len(found) >= limit:
                break
            found.append({"match": item["match"], "index": item["start"], "groups": item["groups"]})
            run.hold(1 + len(item["groups"]))
            run.keep(item["match"])
            for group in item["groups"]:
                run.keep(group)
    return found


def split(run: Run, text: Any, separator: Any, limit: Any = UNDEFINED) -> Any:
    """`$split` at a text or a pattern."""
    if text is UNDEFINED:
        return UNDEFINED
    if limit is not UNDEFINED and limit < 0:
        raise JsonataError("D3020", value=limit, index=3)
    most = None if limit is UNDEFINED else math.trunc(limit)
    if isinstance(separator, str):
        run.hold(text.count(separator) + 1)
        run.keep(text, _FORGOTTEN)
        return (text.split(separator) if separator else list(text))[:most]
    run.keep(text, _FORGOTTEN)
    pieces: list[str] = []
    cut = _cutter(text)
    start = 0
    for found in matches_of(run, separator, text) if most != 0 else ():
        if most is not None and len(pieces) >= most:
            break
        pieces.append(cut(start, found["start"]))
        start = found["end"]
    if most is None or len(pieces) < most:
        pieces.append(cut(start, None))
    run.hold(len(pieces))
    return pieces


def join(run: Run, texts: Any, separator: Any = UNDEFINED) -> Any:
    """`$join`."""
    if texts is UNDEFINED:
        return UNDEFINED
    between = "" if separator is UNDEFINED else separator
    run.room(sum(map(len, texts)) + len(between) * max(len(texts) - 1, 0))
    return between.join(texts)


def replace(run: Run, text: Any, pattern: Any, replacement: Any, limit: Any = UNDEFINED) -> Any:
    """`$replace` of a text or a pattern by a text with `$1`, or by what a function answers."""
    if text is UNDEFINED:
        return UNDEFINED
    if pattern == "":
        raise JsonataError("D3010", value=pattern, index=2)
    if limit is not UNDEFINED and limit < 0:
        raise JsonataError("D3011", value=limit, index=4)
    if limit is not UNDEFINED and limit <= 0:
        return text
    most = None if limit is UNDEFINED else math.ceil(limit)
    if isinstance(pattern, str):
        return _replace_text(run, text, pattern, replacement, most)
    pieces: list[str] = []
    cut = _cutter(text)
    position = size = 0
    for count, found in enumerate(matches_of(run, pattern, text)):
        if most is not None and count >= most:
            break
        pieces.append(cut(position, found["start"]))
        pieces.append(_replacement(run, replacement, found))
        position = found["start"] + len(_units(found["match"])) // 2
        size += len(pieces[-1]) + len(pieces[-2])
        if size > 1024:
            run.room(size)
            run.steps += size >> 10
    pieces.append(cut(position, None))
    return run.text("".join(pieces))


def _replace_text(run: Run, text: str, pattern: str, replacement: Any, most: int | None) -> str:
    new = loose_text(replacement, run)
    count = text.count(pattern) if most is None else min(most, text.count(pattern))
    run.room(len(text) + count * (len(new) - len(pattern)))
    return text.replace(pattern, new, -1 if most is None else most)


def _replacement(run: Run, replacement: Any, found: Found) -> str:
    if isinstance(replacement, str):
        return _substitute(run, replacement, found)
    if not isinstance(replacement, Function):
        raise InternalError("neither a text nor a function")
    answer = apply(replacement, [found], None, run)
    if not isinstance(answer, str):
        raise JsonataError("D3012", value=answer)
    return answer


def _substitute(run: Run, replacement: str, found: Found) -> str:
    """`$$` is a dollar, `$0` the match, `$n` a group; of several digits as many as make a group's number."""
    groups: list[Any] = found["groups"]
    digits_max = len(str(len(groups))) if groups else 1
    out: list[str] = []
    position = 0
    at = replacement.find("$")
    while at >= 0 and position < len(replacement):
        out.append(replacement[position:at])
        position = at + 1
        following = replacement[position : position + 1]
        if following in ("$", "0"):
            out.append("$" if following == "$" else found["match"])
            position += 1
        else:
            number = _leading_integer(replacement[position : position + digits_max])
            if digits_max > 1 and number is not None and number > len(groups):
                number = _leading_integer(replacement[position : position + digits_max - 1])
            if number is None:
                out.append("$")
            else:
                if 0 < number <= len(groups) and groups[number - 1] is not UNDEFINED:
                    out.append(loose_text(groups[number - 1], run))
                position += len(str(number))
        at = replacement.find("$", position)
    out.append(replacement[position:])
    return "".join(out)


def _leading_integer(text: str) -> int | None:
    found = _INTEGER.match(text)
    return int(found[1]) if found else None
