"""The table of built-in functions: name, implementation, number of parameters, signature."""

from __future__ import annotations

from typing import Any, Final

from engine.expressions.jsonata import date_pictures, format_number, functions_array, functions_aws, integers
from engine.expressions.jsonata import functions_number as numbers
from engine.expressions.jsonata import functions_pattern as patterns
from engine.expressions.jsonata import functions_text as texts
from engine.expressions.jsonata.calls import Implementation, Native
from engine.expressions.jsonata.root import NATIVES
from engine.expressions.jsonata.run import CALL_STEPS, Run
from engine.expressions.jsonata.signature import parse_signature
from engine.expressions.jsonata.values import UNDEFINED


def _now(run: Run, picture: Any = UNDEFINED, timezone: Any = UNDEFINED) -> Any:
    return date_pictures.from_millis(run, date_pictures.now_ms(run), picture, timezone)


def _millis(run: Run) -> int:
    return date_pictures.now_ms(run)


_TABLE: Final[tuple[tuple[str, Implementation, int, str], ...]] = (
    ("sum", numbers.total, 1, "<a<n>:n>"),
    ("count", functions_array.count, 1, "<a:n>"),
    ("max", numbers.maximum, 1, "<a<n>:n>"),
    ("min", numbers.minimum, 1, "<a<n>:n>"),
    ("average", numbers.average, 1, "<a<n>:n>"),
    ("string", texts.string, 1, "<x-b?:s>"),
    ("substring", texts.substring, 3, "<s-nn?:s>"),
    ("substringBefore", texts.substring_before, 2, "<s-s:s>"),
    ("substringAfter", texts.substring_after, 2, "<s-s:s>"),
    ("lowercase", texts.lowercase, 1, "<s-:s>"),
    ("uppercase", texts.uppercase, 1, "<s-:s>"),
    ("length", texts.length, 1, "<s-:n>"),
    ("trim", texts.trim, 1, "<s-:s>"),
    ("pad", texts.pad, 3, "<s-ns?:s>"),
    ("match", patterns.match, 3, "<s-f<s:o>n?:a<o>>"),
    ("contains", patterns.contains, 2, "<s-(sf):b>"),
    ("replace", patterns.replace, 4, "<s-(sf)(sf)n?:s>"),
    ("split", patterns.split, 3, "<s-(sf)n?:a<s>>"),
    ("join", patterns.join, 2, "<a<s>s?:s>"),
    ("formatNumber", format_number.format_number, 3, "<n-so?:s>"),
    ("formatBase", numbers.format_base, 2, "<n-n?:s>"),
    ("formatInteger", integers.format_integer, 2, "<n-s:s>"),
    ("parseInteger", integers.parse_integer, 2, "<s-s:n>"),
    ("number", texts.number_of, 1, "<(nsb)-:n>"),
    ("floor", numbers.floor, 1, "<n-:n>"),
    ("ceil", numbers.ceil, 1, "<n-:n>"),
    ("round", numbers.round_to, 2, "<n-n?:n>"),
    ("abs", numbers.absolute, 1, "<n-:n>"),
    ("sqrt", numbers.square_root, 1, "<n-:n>"),
    ("power", numbers.power, 2, "<n-n:n>"),
    ("boolean", functions_array.boolean, 1, "<x-:b>"),
    ("not", functions_array.negation, 1, "<x-:b>"),
    ("map", functions_array.mapped, 2, "<af>"),
    ("zip", functions_array.zipped, 0, "<a+>"),
    ("filter", functions_array.filtered, 2, "<af>"),
    ("single", functions_array.single, 2, "<af?>"),
    ("reduce", functions_array.reduced, 3, "<afj?:j>"),
    ("sift", functions_array.sift, 2, "<o-f?:o>"),
    ("keys", functions_array.keys, 1, "<x-:a<s>>"),
    ("lookup", functions_array.lookup, 2, "<x-s:x>"),
    ("append", functions_array.append, 2, "<xx:a>"),
    ("exists", functions_array.exists, 1, "<x:b>"),
    ("spread", functions_array.spread, 1, "<x-:a<o>>"),
    ("merge", functions_array.merge, 1, "<a<o>:o>"),
    ("reverse", functions_array.reverse, 1, "<a:a>"),
    ("each", functions_array.each, 2, "<o-f:a>"),
    ("error", functions_array.fail, 1, "<s?:x>"),
    ("assert", functions_array.insist, 2, "<bs?:x>"),
    ("type", functions_array.type_of, 1, "<x:s>"),
    ("sort", functions_array.sort, 2, "<af?:a>"),
    ("shuffle", functions_array.shuffle, 1, "<a:a>"),
    ("distinct", functions_array.distinct, 1, "<x:x>"),
    ("base64encode", texts.base64_encode, 1, "<s-:s>"),
    ("base64decode", texts.base64_decode, 1, "<s-:s>"),
    ("encodeUrlComponent", texts.encode_url_component, 1, "<s-:s>"),
    ("encodeUrl", texts.encode_url, 1, "<s-:s>"),
    ("decodeUrlComponent", texts.decode_url_component, 1, "<s-:s>"),
    ("decodeUrl", texts.decode_url, 1, "<s-:s>"),
    ("toMillis", date_pictures.to_millis, 2, "<s-s?:n>"),
    ("fromMillis", date_pictures.from_millis, 3, "<n-s?s?:s>"),
    ("clone", functions_array.clone, 1, "<(oa)-:o>"),
    ("now", _now, 2, "<s?s?:s>"),
    ("millis", _millis, 0, "<:n>"),
    # Added by the service; `$eval` is left out by it.
    ("partition", functions_aws.partition, 2, "<xn?:a>"),
    ("range", functions_aws.number_range, 3, "<n?n?n?:a>"),
    ("hash", functions_aws.digest, 2, "<s?s?:s>"),
    ("random", functions_aws.random, 1, "<n?:n>"),
    ("uuid", functions_aws.make_uuid, 0, "<:s>"),
    ("parse", functions_aws.parse, 1, "<s?:x>"),
)

_STEPS: Final = {
    "distinct": 6, "formatBase": 8, "formatInteger": 14, "formatNumber": 20, "fromMillis": 20, "hash": 6, "match": 8,
    "now": 20, "parse": 8, "parseInteger": 10, "random": 6, "replace": 8, "round": 6, "toMillis": 24, "uuid": 6,
}  # fmt: skip
"""What a call costs where it is more than that of most functions; sizes of arguments and results come on top."""

FUNCTIONS: Final = {
    name: Native(name, implementation, arity, parse_signature(signature), _STEPS.get(name, CALL_STEPS))
    for name, implementation, arity, signature in _TABLE
}
NATIVES.update(FUNCTIONS)
