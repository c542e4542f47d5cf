"""The tokens of a JSONata expression."""

from __future__ import annotations

import math
import re
from typing import Any, Final, NamedTuple

from engine.expressions.jsonata.errors import JsonataError
from engine.expressions.linear_regex import compile_pattern
from engine.expressions.scope import ExpressionSyntaxError

BINDING_POWERS: Final[dict[str, int]] = {
    **dict.fromkeys(["[", "(", "@", "#"], 80),
    ".": 75,
    "{": 70,
    **dict.fromkeys(["*", "/", "%"], 60),
    **dict.fromkeys(["+", "-", "&"], 50),
    **dict.fromkeys(["=", "!=", "<", "<=", ">", ">=", "^", "~>", "?:", "??", "in"], 40),
    "and": 30,
    "or": 25,
    "?": 20,
    ":=": 10,
}
"""How tightly an operator between two terms binds; what is not here cannot stand there."""
UNKNOWN_OPERATORS: Final = frozenset({"!", "~"})
_WORDS: Final = frozenset({"and", "or", "in"})
_CONSTANTS: Final[dict[str, Any]] = {"true": True, "false": False, "null": None}
_ESCAPES: Final = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}

_BLANK = re.compile(r"[ \t\n\r\v]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([Ee][-+]?[0-9]+)?", re.ASCII)
_OPERATOR = re.compile(r"\.\.|:=|!=|>=|<=|\*\*|~>|\?:|\?\?|[.\[\]{}(),@#;:?+\-*/%|=<>^&!~]")
_OPERATOR_MARKS: Final = frozenset(".[]{}(),@#;:?+-*/%|=<>^&!~")
_MAY_BE_SKIPPED: Final = frozenset(" \t\n\r\v/")
_NAME = re.compile(r"[^ \t\n\r\v.\[\]{}(),@#;:?+\-*/%|=<>^&!~]*")
_PLAIN = re.compile(r"[^\\'\"]+")
_HEX = re.compile(r"[0-9a-fA-F]{4}", re.ASCII)


class Token(NamedTuple):
    """A token: `operator`, `name`, `variable`, `string`, `number`, `value` or `regex`."""

    type: str
    value: Any
    position: int


class Lexer:
    """Gives one token after the other."""

    def __init__(self, text: str) -> None:
        """Start at the beginning."""
        self.text = text
        self.at = 0

    def next(self, after_term: bool) -> Token | None:
        """The next token; None at the end.

        Args:
            after_term: a slash divides here; elsewhere it opens a regular expression.
        """
        text = self.text
        if text[self.at : self.at + 1] in _MAY_BE_SKIPPED:
            self._skip_blanks_and_comments()
        at = self.at
        if at >= len(text):
            return None
        mark = text[at]
        if mark == "/" and not after_term:
            self.at += 1
            return Token("regex", self._regex(), self.at)
        if mark in _OPERATOR_MARKS:
            operator = _OPERATOR.match(text, at)
            assert operator is not None
            self.at = operator.end()
            return Token("operator", operator[0], self.at)
        if mark in "'\"":
            self.at += 1
            return Token("string", self._string(mark), self.at)
        number = _NUMBER.match(text, at)
        if number is not None:
            self.at = number.end()
            return Token("number", self._number(number), self.at)
        if mark == "`":
            return self._quoted_name()
        return self._word()

    def _skip_blanks_and_comments(self) -> None:
        text = self.text
        while True:
            blank = _BLANK.match(text, self.at)
            assert blank is not None
            self.at = blank.end()
            if not text.startswith("/*", self.at):
                return
            end = text.find("*/", self.at + 2)
            if end < 0:
                raise JsonataError("S0106", position=self.at)
            self.at = end + 2

    def _number(self, number: re.Match[str]) -> int | float:
        if number[1] is None and number[2] is None and len(number[0]) < 16:
            return int(number[0])
        value = float(number[0])
        if math.isinf(value):
            raise JsonataError("S0102", token=number[0], position=number.start())
        return value

    def _string(self, quote: str) -> str:
        text, pieces = self.text, list[str]()
        while self.at < len(text):
            plain = _PLAIN.match(text, self.at)
            if plain is not None:
                pieces.append(plain[0])
                self.at = plain.end()
                continue
            mark = text[self.at]
            self.at += 1
            if mark == quote:
                return _joined(pieces)
            pieces.append(self._escaped() if mark == "\\" else mark)
        raise JsonataError("S0101", position=self.at)

    def _escaped(self) -> str:
        mark = self.text[self.at : self.at + 1]
        self.at += 1
        if mark == "u":
            code = _HEX.match(self.text, self.at)
            if code is None:
                raise JsonataError("S0104", position=self.at)
            self.at = code.end()
            return chr(int(code[0], 16))
        if mark not in _ESCAPES:
            raise JsonataError("S0103", token=mark, position=self.at)
        return _ESCAPES[mark]

    def _quoted_name(self) -> Token:
        end = self.text.find("`", self.at + 1)
        if end < 0:
            raise JsonataError("S0105", position=len(self.text))
        name = self.text[self.at + 1 : end]
        self.at = end + 1
        return Token("name", name, self.at)

    def _word(self) -> Token:
        found = _NAME.match(self.text, self.at)
        assert found is not None
        self.at = found.end()
        word = found[0]
        if word.startswith("$"):
            return Token("variable", word[1:], self.at)
        if word in _WORDS:
            return Token("operator", word, self.at)
        if word in _CONSTANTS:
            return Token("value", _CONSTANTS[word], self.at)
        return Token("name", word, self.at)

    def _regex(self) -> Any:
        text, start, depth, at = self.text, self.at, 0, self.at
        while at < len(text):
            mark = text[at]
            if mark == "/" and depth == 0 and not _is_escaped(text, at):
                return self._compiled_regex(start, at)
            if mark in "([{" and text[at - 1] != "\\":
                depth += 1
            elif mark in ")]}" and text[at - 1] != "\\":
                depth -= 1
            at += 1
        raise JsonataError("S0302", position=at)

    def _compiled_regex(self, start: int, end: int) -> Any:
        if start == end:
            raise JsonataError("S0301", position=end)
        self.at = end + 1
        while self.text[self.at : self.at + 1] in ("i", "m"):
            self.at += 1
        source, flags = self.text[start:end], self.text[end + 1 : self.at]
        try:
            return compile_pattern(source, flags)
        except ExpressionSyntaxError as error:
            raise JsonataError("S0303", message=str(error), position=start) from None


def _is_escaped(text: str, at: int) -> bool:
    backslashes = 0
    while text[at - backslashes - 1] == "\\":
        backslashes += 1
    return backslashes % 2 == 1


def _joined(pieces: list[str]) -> str:
    """Escaped surrogate pairs become the character that they stand for."""
    text = "".join(pieces)
    if any("\ud800" <= mark <= "\udfff" for mark in text):
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return text
