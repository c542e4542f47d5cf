"""Regular expressions from users, run by RE2: time grows with the text, never with the pattern's ambiguity.

Back-references and look-around do not exist there and are refused when the expression is compiled.
"""

from __future__ import annotations

import re
from typing import Any, Final, TypeAlias

import re2

from engine.expressions.scope import ExpressionSyntaxError

Pattern: TypeAlias = Any
"""A compiled RE2 pattern; it has `search`, `match`, `fullmatch` and `finditer` of Python's `re`."""

PATTERN_CHARACTERS_MAX: Final = 10_000
_PROGRAM_BYTES_MAX: Final = 1 << 23

_TRANSLATED: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|/|c([A-Za-z])|(.))|\(\?<([A-Za-z_]\w*)>", re.DOTALL)
_KNOWN_ESCAPES: Final = frozenset("dDwWsSbBAzQEpPxtnrfvaCX0123456789")


def compile_pattern(source: str, flags: str = "") -> Pattern:
    """Compile a pattern in JavaScript's or Java's notation; `flags` out of `gimsu`.

    Raises:
        ExpressionSyntaxError: not a pattern that RE2 can run.
    """
    if len(source) > PATTERN_CHARACTERS_MAX:
        raise ExpressionSyntaxError("Regular expression is too long")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PROGRAM_BYTES_MAX
    options.case_sensitive = "i" not in flags
    inline = "".join(flag for flag in "ms" if flag in flags)
    translated = _TRANSLATED.sub(_translate, source)
    try:
        return re2.compile((f"(?{inline})" if inline else "") + translated, options)
    except (re2.error, UnicodeEncodeError):
        raise ExpressionSyntaxError(f"Invalid regular expression: /{source}/") from None


def _translate(found: re.Match[str]) -> str:
    code, control, escaped, name = found.groups()
    if code is not None:
        return f"\\x{{{code}}}"
    if control is not None:
        return f"\\x{ord(control.upper()) - 64:02x}"
    if name is not None:
        return f"(?P<{name}>"
    if escaped is None:
        return "/"
    if escaped in _KNOWN_ESCAPES or not escaped.isalnum():
        return "\\" + str(escaped)
    return str(escaped)
