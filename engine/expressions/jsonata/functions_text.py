"""Built-in functions on texts: substrings, patterns, splitting, encodings."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

from engine.expressions.jsonata.calls import Matcher, Native, apply
from engine.expressions.jsonata.errors import OUT_OF_MEMORY, InternalError, JsonataError, LimitExceeded
from engine.expressions.jsonata.rendering import number_text, text_of
from engine.expressions.jsonata.run import Run
from engine.expressions.jsonata.values import UNDEFINED, Function, Sequence, is_number

PADDING_MAX: Final = 262_144
_BLANKS = re.compile(r"[ \t\n\r]+")
_KEPT_IN_COMPONENT: Final = "-_.!~*'()"
_KEPT_IN_URL: Final = "-_.!~*'();/?:@&=+$,#"
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def string(run: Run, value: Any, pretty: Any = False) -> Any:
    """`$string`."""
    return UNDEFINED if value is UNDEFINED else text_of(value, run, pretty is True)


def substring(run: Run, text: Any, start: Any, length: Any = UNDEFINED) -> Any:
    """`$substring`: characters, not code units; a negative start counts from the end."""
    if text is UNDEFINED:
        return UNDEFINED
    if length is not UNDEFINED and (length <= 0 or start is UNDEFINED):
        return ""
    begin = 0 if start is UNDEFINED or len(text) + start < 0 else start
    if length is UNDEFINED:
        return text[_truncated(begin, 0) :]
    end = begin + length if begin >= 0 else len(text) + begin + length
    return text[_truncated(begin, 0) : _truncated(end, 0)]


def _truncated(number: Any, missing: int) -> int:
    if number is UNDEFINED:
        return missing
    return int(max(min(number, 2**53), -(2**53)))


def substring_before(run: Run, text: Any, marker: Any) -> Any:
    """`$substringBefore`."""
    if text is UNDEFINED:
        return UNDEFINED
    at = text.find(_marker(marker))
    return text if at < 0 else text[:at]


def substring_after(run: Run, text: Any, marker: Any) -> Any:
    """`$substringAfter`."""
    if text is UNDEFINED:
        return UNDEFINED
    wanted = _marker(marker)
    at = text.find(wanted)
    return text if at < 0 else text[at + len(wanted) :]


def _marker(marker: Any) -> str:
    return "undefined" if marker is UNDEFINED else str(marker)


def lowercase(run: Run, text: Any) -> Any:
    """`$lowercase`."""
    return UNDEFINED if text is UNDEFINED else run.text(text.lower())


def uppercase(run: Run, text: Any) -> Any:
    """`$uppercase`."""
    return UNDEFINED if text is UNDEFINED else run.text(text.upper())


def length(run: Run, text: Any) -> Any:
    """`$length` in characters."""
    return UNDEFINED if text is UNDEFINED else len(text)


def trim(run: Run, text: Any) -> Any:
    """`$trim`: blanks inside become one, those at the ends go."""
    if text is UNDEFINED:
        return UNDEFINED
    narrow = _BLANKS.sub(" ", text)
    narrow = narrow.removeprefix(" ")
    return narrow.removesuffix(" ")


def pad(run: Run, text: Any, width: Any, filling: Any = UNDEFINED) -> Any:
    """`$pad`: to the right, or to the left with a negative width."""
    if text is UNDEFINED:
        return UNDEFINED
    filler = filling if filling is not UNDEFINED and filling else " "
    columns = _truncated(width, 0)
    missing = abs(columns) - len(text)
    if missing <= 0:
        return text
    if missing > PADDING_MAX:
        raise LimitExceeded(OUT_OF_MEMORY)
    padding = (filler * (missing // len(filler) + 1))[:missing]
    return run.text(text + padding if columns > 0 else padding + text)


# Patterns -----------------------------------------------------------------------------------------------------

Found = dict[str, Any]


def first_match(run: Run, matcher: Matcher, text: Any) -> Any:
    """Call a regular expression as a function: the first match, whose `next` gives the following ones."""
    return _linked(_regex_matches(run, matcher, text)) if isinstance(text, str) else UNDEFINED


def _linked(matches: Iterator[Found]) -> Any:
    found = next(matches, None)
    if found is None:
        return UNDEFINED
    return {**found, "next": Native("next", lambda run: _linked(matches), 0, None)}


def _regex_matches(run: Run, matcher: Matcher, text: str) -> Iterator[Found]:
    """Matches from left to right; an empty one before the end would be found for ever and is refused."""
    places = _code_units_before(text)
    for at, match in enumerate(matcher.pattern.finditer(text)):
        run.step(1)
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


def _code_units_before(text: str) -> Callable[[int], int]:
    """Positions count UTF-16 code units, which only matters beyond the basic plane."""
    if text.isascii() or max(text) <= "\uffff":
        return lambda at: at
    return lambda at: len(text[:at].encode("utf-16-le", "surrogatepass")) // 2


def _cut(text: str, start: int, end: int | None = None) -> str:
    """A part of a text by UTF-16 code units."""
    if text.isascii() or max(text) <= "\uffff":
        return text[start:end]
    units = text.encode("utf-16-le", "surrogatepass")
    part = units[2 * start : None if end is None else 2 * end]
    return part.decode("utf-16-le", "replace")


def matches_of(run: Run, matcher: Any, text: str) -> Iterator[Found]:
    """All matches of a regular expression, or of a function that plays one."""
    if isinstance(matcher, Matcher):
        yield from _regex_matches(run, matcher, text)
        return
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
        return token in text
    if isinstance(token, Matcher):
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
        return (text.split(separator) if separator else list(text))[:most]
    if separator is UNDEFINED:
        return [text][:most]
    pieces: list[str] = []
    start = 0
    for found in matches_of(run, separator, text) if most != 0 else ():
        if most is not None and len(pieces) >= most:
            break
        pieces.append(_cut(text, start, found["start"]))
        start = found["end"]
    if most is None or len(pieces) < most:
        pieces.append(_cut(text, start))
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
    position = size = 0
    for count, found in enumerate(matches_of(run, pattern, text)):
        if most is not None and count >= most:
            break
        pieces.append(_cut(text, position, found["start"]))
        pieces.append(_replacement(run, replacement, found))
        position = found["start"] + _code_units_before(found["match"])(len(found["match"]))
        size += len(pieces[-1]) + len(pieces[-2])
        if size > 1024:
            run.room(size)
            run.steps += size >> 10
    pieces.append(_cut(text, position))
    return run.text("".join(pieces))


def _replace_text(run: Run, text: str, pattern: str, replacement: Any, most: int | None) -> str:
    new = replacement if isinstance(replacement, str) else text_of(replacement, run)
    count = text.count(pattern) if most is None else min(most, text.count(pattern))
    run.room(len(text) + count * (len(new) - len(pattern)))
    return text.replace(pattern, new, -1 if most is None else most)


def _replacement(run: Run, replacement: Any, found: Found) -> str:
    if isinstance(replacement, str):
        return _substitute(replacement, found)
    answer = apply(replacement, [found], None, run)
    if not isinstance(answer, str):
        raise JsonataError("D3012", value=answer)
    return answer


def _substitute(replacement: str, found: Found) -> str:
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
                    out.append(_group_text(groups[number - 1]))
                position += len(str(number))
        at = replacement.find("$", position)
    out.append(replacement[position:])
    return "".join(out)


def _leading_integer(text: str) -> int | None:
    found = re.match(r"\s*([-+]?[0-9]+)", text)
    return int(found[1]) if found else None


def _group_text(group: Any) -> str:
    if isinstance(group, str):
        return group
    if isinstance(group, (int, float)) and not isinstance(group, bool):
        return number_text(group)
    return {None: "null", True: "true", False: "false"}[group]


# Encodings ----------------------------------------------------------------------------------------------------


def base64_encode(run: Run, text: Any) -> Any:
    """`$base64encode` of the UTF-8 bytes."""
    return UNDEFINED if text is UNDEFINED else run.text(base64.b64encode(text.encode("utf-8", "replace")).decode())


def base64_decode(run: Run, text: Any) -> Any:
    """`$base64decode`, padded or not; what is no Base64 is an internal error, as on the service."""
    if text is UNDEFINED:
        return UNDEFINED
    padding = "" if "=" in text else "=" * (-len(text) % 4)
    try:
        return base64.b64decode(text + padding, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise InternalError from None


def _encoded(run: Run, text: Any, kept: str, name: str) -> Any:
    if text is UNDEFINED:
        return UNDEFINED
    try:
        return run.text(quote(text, safe=kept))
    except UnicodeEncodeError:
        raise JsonataError("D3140", value=text, functionName=name) from None


def encode_url_component(run: Run, text: Any) -> Any:
    """`$encodeUrlComponent`."""
    return _encoded(run, text, _KEPT_IN_COMPONENT, "encodeUrlComponent")


def encode_url(run: Run, text: Any) -> Any:
    """`$encodeUrl`."""
    return _encoded(run, text, _KEPT_IN_URL, "encodeUrl")


def _decoded(text: Any, name: str, kept: str) -> Any:
    if text is UNDEFINED:
        return UNDEFINED
    if _BAD_ESCAPE.search(text):
        raise JsonataError("D3140", value=text, functionName=name)
    guarded = re.sub("|".join(f"%{ord(mark):02X}" for mark in kept), lambda it: "%25" + it[0][1:], text, flags=re.I) \
        if kept else text  # fmt: skip
    try:
        return unquote_to_bytes(guarded).decode()
    except UnicodeDecodeError:
        raise JsonataError("D3140", value=text, functionName=name) from None


def decode_url_component(run: Run, text: Any) -> Any:
    """`$decodeUrlComponent`."""
    return _decoded(text, "decodeUrlComponent", "")


def decode_url(run: Run, text: Any) -> Any:
    """`$decodeUrl`: escapes of characters that have a meaning in URLs stay."""
    return _decoded(text, "decodeUrl", ";/?:@&=+$,#")


def number_of(run: Run, value: Any) -> Any:
    """`$number`."""
    if value is UNDEFINED or is_number(value):
        return value
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        number = float(value)
        if math.isfinite(number):
            return int(value) if _WHOLE.fullmatch(value) and len(value) < 16 else number
    elif isinstance(value, str) and _RADIX.fullmatch(value):
        return int(value, 0)
    raise JsonataError("D3030", value=value, index=1)


_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?([Ee][-+]?[0-9]+)?", re.ASCII)
_WHOLE = re.compile(r"-?[0-9]+", re.ASCII)
_RADIX = re.compile(r"0[xX][0-9A-Fa-f]+|0[oO][0-7]+|0[bB][01]+", re.ASCII)
