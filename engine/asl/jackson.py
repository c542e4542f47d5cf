"""What the service's JSON parser (Jackson, Java) says about a text that is not JSON: its words, line and column.

Only ever run on texts that our own decoder refused; it finds the first place where Jackson stops. No recursion, linear.
Source: recordings of refused definitions and inputs; for the other messages the public behaviour of Jackson 2.
"""

from __future__ import annotations

import re
from array import array
from typing import Final, NoReturn

_VALUES: Final = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_PLAIN: Final = re.compile(r'[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*')
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NEWLINE: Final = re.compile(r"\r\n|\r|\n")
_TOKEN: Final = re.compile(r"[\w$\x00-\x08\x0e-\x1b\x7f-\x9f]*")
_TOKEN_CHARACTERS_MAX: Final = 256
_SNIPPET_CHARACTERS_MAX: Final = 500
_READER_CHARACTERS: Final = 0x8000
"""Longer texts go through a reader, and then Jackson shows no snippet."""


class JacksonError(ValueError):
    """Where and why Jackson stops reading.

    Attributes:
        message: without the place.
        location: the place as Jackson writes it, `[Source: (String)"..."; line: 1, column: 4]`.
    """

    def __init__(self, message: str, location: str) -> None:
        """Keep both; the whole text is Jackson's `getMessage()`."""
        super().__init__(f"{message}\n at {location}")
        self.message = message
        self.location = location


def jackson_message(text: str) -> str:
    """The message without its place, as AWS prints it for an input or output that is not JSON.

    Returns:
        The message; for a text that Jackson would read, a plain sentence of our own.
    """
    error = find_json_error(text)
    return "The JSON text could not be read" if error is None else error.message


def find_json_error(text: str) -> JacksonError | None:
    """The first place where Jackson stops, or None if it reads the whole text."""
    try:
        _Scanner(text).document()
    except JacksonError as error:
        return error
    return None


def source_location(text: str, offset: int, rows_until: int | None = None) -> str:
    """Jackson's words for a place: one past the last character it has read, counted from 1.

    Args:
        rows_until: newlines from here on are not counted (Jackson counts none inside strings); default `offset`.
    """
    line, row_start = 1, 0
    for newline in _NEWLINE.finditer(text, 0, offset if rows_until is None else rows_until):
        line, row_start = line + 1, newline.end()
    return f"[Source: {_snippet(text)}; line: {line}, column: {offset - row_start + 1}]"


def _snippet(text: str) -> str:
    if len(text) > _READER_CHARACTERS:
        return "(StringReader)"
    shown = re.sub(
        r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]",
        lambda found: f"\\u{ord(found.group()):04X}",
        text[:_SNIPPET_CHARACTERS_MAX],
    )
    rest = len(text) - _SNIPPET_CHARACTERS_MAX
    return f'(String)"{shown}"' + (f"[truncated {rest} chars]" if rest > 0 else "")


def _describe(character: str) -> str:
    code = ord(character)
    if code < 0x20 or 0x7F <= code <= 0x9F:
        return f"(CTRL-CHAR, code {code})"
    return f"'{character}' (code {code}{f' / 0x{code:x}' if code > 255 else ''})"


class _Scanner:
    """Reads one document from left to right; `at` is the next character, `open` where the brackets around it stand."""

    __slots__ = ("at", "open", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.open = array("I")  # a million brackets may be open, and most of them for no good

    def document(self) -> None:
        """Read one value and then nothing.

        Raises:
            JacksonError: at the first thing that is out of place.
        """
        self._space()
        if self.at >= len(self.text):
            self._fail("No content to map due to end-of-input")
        self._value()
        while self.open:
            self._entry()
        self._space()
        if self.at < len(self.text):
            self._trailing()

    def _entry(self) -> None:
        """Read up to the next bracket that opens or closes, or past one entry."""
        start = self.open[-1]
        kind = self.text[start]
        first = self.at - 1 == start
        self._space()
        if self.at >= len(self.text):
            name = "Object" if kind == "{" else "Array"
            where = source_location(self.text, start)
            self._fail(f"Unexpected end-of-input: expected close marker for {name} (start marker at {where})")
        character = self.text[self.at]
        if character in "]}":
            self._close(character)
            return
        if not first:
            if character != ",":
                self._unexpected(f"was expecting comma to separate {_context(kind)} entries")
            self.at += 1
            self._space_inside(kind)
        if kind == "{":
            self._name()
        self._value()

    def _name(self) -> None:
        if self.text[self.at] != '"':
            self._unexpected("was expecting double-quote to start field name")
        self._string("name", " in field name")
        self._space_inside("{")
        if self.text[self.at] != ":":
            self._unexpected("was expecting a colon to separate field name and value")
        self.at += 1
        self._space_inside("{")

    def _value(self) -> None:
        character = self.text[self.at]
        if character in "{[":
            self.open.append(self.at)
            self.at += 1
        elif character == '"':
            self._string("string value", ": was expecting closing quote for a string value")
        elif character in "-0123456789":
            self._number()
        elif character in "tfn":
            self._word({"t": "true", "f": "false", "n": "null"}[character])
        elif character in "NI" and self.text.startswith(("NaN", "Infinity"), self.at):
            token = "NaN" if character == "N" else "Infinity"
            self.at += len(token)
            self._fail(f"Non-standard token '{token}': enable JsonParser.Feature.ALLOW_NON_NUMERIC_NUMBERS to allow")
        elif character == "}":
            self._unexpected("expected a value")
        elif character == "$" or character == "_" or character.isalpha():
            self._invalid_token()
        else:
            self._unexpected(f"expected a valid value {_VALUES}")

    def _close(self, character: str) -> None:
        start = self.open[-1]
        kind = self.text[start]
        wanted = "}" if kind == "{" else "]"
        self.at += 1
        if character != wanted:
            where = source_location(self.text, start)
            self._fail(
                f"Unexpected close marker '{character}': expected '{wanted}' (for {_context(kind)} starting at {where})"
            )
        self.open.pop()

    def _string(self, what: str, at_end: str) -> None:
        found = _PLAIN.match(self.text, self.at + 1)
        assert found is not None
        self.at = found.end()
        if self.at >= len(self.text):
            self._fail(f"Unexpected end-of-input{at_end}")
        character = self.text[self.at]
        self.at += 1
        if character == "\\":
            self._escape()
        elif character != '"':
            message = (
                f"Illegal unquoted character ({_describe(character)}): "
                f"has to be escaped using backslash to be included in {what}"
            )
            raise JacksonError(message, source_location(self.text, self.at, rows_until=self.at - 1))

    def _escape(self) -> NoReturn:
        if self.at >= len(self.text):
            self._fail("Unexpected end-of-input in character escape sequence")
        character = self.text[self.at]
        self.at += 1
        if character != "u":
            self._fail(f"Unrecognized character escape {_describe(character)}")
        while self.at < len(self.text):
            if self.text[self.at] not in "0123456789abcdefABCDEF":
                self._unexpected("expected a hex-digit for character escape sequence")
            self.at += 1
        self._fail("Unexpected end-of-input in character escape sequence")

    def _number(self) -> None:
        found = _NUMBER.match(self.text, self.at)
        if found is None:
            self.at += 1
            self._bad_digit("expected digit (0-9) to follow minus sign, for valid numeric value")
        digits = found.group()
        self.at = found.end()
        following = self.text[self.at : self.at + 1]
        if digits in ("0", "-0") and following.isdecimal():
            self.at += 1
            self._fail("Invalid numeric value: Leading zeroes not allowed")
        if following == "." and "." not in digits and "e" not in digits.lower():
            self.at += 1
            self._bad_digit("Decimal point not followed by a digit")
        if following in ("e", "E") and "e" not in digits.lower():
            self.at += 2 if self.text[self.at + 1 : self.at + 2] in ("+", "-") else 1
            self._bad_digit("Exponent indicator not followed by a digit")
        if not self.open and following not in ("", " ", "\t", "\r", "\n"):
            self._unexpected("Expected space separating root-level values")

    def _bad_digit(self, comment: str) -> NoReturn:
        if self.at >= len(self.text):
            self._fail("Unexpected end-of-input in a value")
        character = self.text[self.at]
        self.at += 1
        self._fail(f"Unexpected character ({_describe(character)}) in numeric value: {comment}")

    def _word(self, word: str) -> None:
        found = _TOKEN.match(self.text, self.at)
        assert found is not None
        if found.group() != word:
            self._invalid_token()
        self.at = found.end()

    def _invalid_token(self) -> NoReturn:
        found = _TOKEN.match(self.text, self.at)
        assert found is not None
        token = found.group()
        if len(token) >= _TOKEN_CHARACTERS_MAX:
            token = token[:_TOKEN_CHARACTERS_MAX]
            self.at += len(token)
            self._fail(f"Unrecognized token '{token}...': was expecting {_VALUES}")
        self.at = found.end()
        self._fail(f"Unrecognized token '{token}': was expecting {_VALUES}")

    def _trailing(self) -> NoReturn:
        character = self.text[self.at]
        if character in "]}":
            self.at += 1
            where = f"[Source: {_snippet(self.text)}; line: 1, column: 0]"
            wanted = "}" if character == "]" else "]"
            self._fail(f"Unexpected close marker '{character}': expected '{wanted}' (for root starting at {where})")
        kinds = {"{": "START_OBJECT", "[": "START_ARRAY", '"': "VALUE_STRING"}
        self._value()
        kind = kinds.get(character, "VALUE_NULL" if character == "n" else "VALUE_NUMBER")
        kind = {"t": "VALUE_TRUE", "f": "VALUE_FALSE"}.get(character, kind)
        self._fail(
            f"Trailing token (of type {kind}) found after value (bound as `com.fasterxml.jackson.databind.JsonNode`): "
            "not allowed as per `DeserializationFeature.FAIL_ON_TRAILING_TOKENS`"
        )

    def _space(self) -> None:
        found = _SPACE.match(self.text, self.at)
        assert found is not None
        self.at = found.end()

    def _space_inside(self, kind: str) -> None:
        self._space()
        if self.at >= len(self.text):
            self._fail(f"Unexpected end-of-input within/between {_context(kind)} entries")

    def _unexpected(self, comment: str) -> NoReturn:
        character = self.text[self.at]
        self.at += 1
        self._fail(f"Unexpected character ({_describe(character)}): {comment}")

    def _fail(self, message: str) -> NoReturn:
        raise JacksonError(message, source_location(self.text, self.at))


def _context(kind: str) -> str:
    return "Object" if kind == "{" else "Array"
