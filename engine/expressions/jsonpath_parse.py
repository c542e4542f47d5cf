"""The parser of JSONPath in the Jayway dialect, which is the one that the service runs.

Differences from other dialects: `$.[0].x` and `$.a.['b']` are fine, `['a','b']` at the end makes one object,
a slice has no step, filters compare unquoted words as strings, functions stand at the end (`$.a.length()`).
In a filter `&&` binds tighter than `||`.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from engine.expressions.jsonpath_tree import (
    Both,
    Compare,
    Either,
    Exists,
    Filter,
    Function,
    Index,
    Indexes,
    Literal,
    Not,
    Operand,
    PathOperand,
    Properties,
    Property,
    Scan,
    Select,
    Slice,
    Token,
    Wildcard,
)
from engine.expressions.linear_regex import Pattern, compile_pattern
from engine.expressions.scope import ExpressionSyntaxError

INVALID_PATH: Final = "Value must be a valid JSONPath."
FILTER_DEPTH_MAX: Final = 32
FUNCTIONS: Final = frozenset(
    {"length", "size", "keys", "min", "max", "avg", "stddev", "sum", "concat", "append", "first", "last", "index"}
)

_NAME = re.compile(r"[^\s.\[\]'\"*?,()]+")
_CALL = re.compile(r"([A-Za-z]+)\(([^()]*)\)$")
_ARGUMENT = re.compile(
    r"\s*(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|\[[^\]]*\]|\{[^}]*\}|[$@](?:[^,\[]|\[[^\]]*\])*|[^,\s\"'\[{]+)\s*(?:,|$)"
)
_QUOTED = re.compile(r"\s*(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")\s*(,|\])", re.DOTALL)
_INDEXES = re.compile(r"\s*-?\d{1,9}\s*(?:,\s*-?\d{1,9}\s*)*\]")
_SLICE = re.compile(r"\s*(-?\d{1,9})?\s*:\s*(-?\d{1,9})?\s*(?::\s*-?\d*\s*)?\]")

_OPERATOR = re.compile(
    r"\s*(===|!==|==|!=|<=|>=|=~|<|>|(?:in|nin|subsetof|anyof|noneof|size|empty|contains|all)\b)\s*", re.IGNORECASE
)
_STRING = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
_REGEX = re.compile(r"/((?:[^/\\]|\\.)*)/([a-z]*)")
_WORD = re.compile(r"[^\s()\[\]{}&|!=<>,'\"/]+")
_PATH = re.compile(
    r"(?:\.\.?(?:[\w\-$]+(?:\(\))?|\*)?|\[(?:\*|-?\d+(?:\s*[,:]\s*-?\d*)*|\s*:\s*-?\d+|(?:\s*(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")\s*,?)+)\])*"
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$")


def parse_tokens(text: str, at: int) -> tuple[Token, ...]:
    """Read the tokens of a path from `at`, which is behind its root.

    Raises:
        ExpressionSyntaxError: `Value must be a valid JSONPath.`
    """
    tokens: list[Token] = []
    while at < len(text):
        token, at = _token(text, at)
        tokens.append(token)
    for place, token in enumerate(tokens):
        last = place == len(tokens) - 1
        if (isinstance(token, Scan) and last) or (isinstance(token, Function) and not last):
            raise ExpressionSyntaxError(INVALID_PATH)
    return tuple(tokens)


def _token(text: str, at: int) -> tuple[Token, int]:
    if text.startswith("..", at):
        behind = at + 2
        if behind < len(text) and text[behind] != ".":
            # The name behind `..` has no dot of its own: give it one by stepping back.
            return Scan(), behind if text[behind] == "[" else at + 1
    elif text[at] == ".":
        return _dotted(text, at + 1)
    elif text[at] == "[":
        return _bracketed(text, at + 1)
    raise ExpressionSyntaxError(INVALID_PATH)


def _dotted(text: str, at: int) -> tuple[Token, int]:
    if text.startswith("[", at):
        return _bracketed(text, at + 1)
    if text.startswith("*", at):
        return Wildcard(), at + 1
    call = _CALL.match(text, at)
    if call is not None and call[1] in FUNCTIONS:
        return Function(call[1], _arguments(call[2])), call.end()
    name = _NAME.match(text, at)
    if name is None:
        raise ExpressionSyntaxError(INVALID_PATH)
    return Property(name[0]), name.end()


def _arguments(text: str) -> tuple[Operand, ...]:
    """What stands between a function's parentheses: JSON values and paths."""
    arguments: list[Operand] = []
    at = 0
    while text[at:].strip():
        found = _ARGUMENT.match(text, at)
        if found is None:
            raise ExpressionSyntaxError(INVALID_PATH)
        at, argument = found.end(), found[1].strip()
        if argument[0] in "$@":
            arguments.append(PathOperand(True, parse_tokens(argument, 1)))
            continue
        try:
            arguments.append(Literal(orjson.loads(_STRING.sub(_as_json_string, argument))))
        except ValueError:
            raise ExpressionSyntaxError(INVALID_PATH) from None
    return tuple(arguments)


def _bracketed(text: str, at: int) -> tuple[Token, int]:
    rest = text[at : at + 1]
    if rest == "?":
        condition, end = _filter(text, at + 1)
        return Select(condition), end
    if text.startswith("*]", at):
        return Wildcard(), at + 2
    slice_ = _SLICE.match(text, at)
    if slice_ is not None:
        start, stop = slice_.groups()
        return Slice(None if start is None else int(start), None if stop is None else int(stop)), slice_.end()
    numbers = _INDEXES.match(text, at)
    if numbers is not None:
        indexes = tuple(int(number) for number in numbers[0][:-1].split(","))
        return Index(indexes[0]) if len(indexes) == 1 else Indexes(indexes), numbers.end()
    return _names(text, at)


def unquoted_name(single: str | None, double: str | None) -> str:
    r"""A quoted name keeps its backslashes, but for those before its own quote (recorded: `$['Test\\""Name"']`)."""
    return single.replace("\\'", "'") if single is not None else (double or "").replace('\\"', '"')


def _names(text: str, at: int) -> tuple[Token, int]:
    names: list[str] = []
    while True:
        name = _QUOTED.match(text, at)
        if name is None:
            raise ExpressionSyntaxError(INVALID_PATH)
        names.append(unquoted_name(name[1], name[2]))
        at = name.end()
        if name[3] == "]":
            return Property(names[0]) if len(names) == 1 else Properties(tuple(names)), at


def _filter(text: str, at: int, depth: int = 0) -> tuple[Filter, int]:
    """Read `(...)]`, from behind the question mark to behind the closing bracket; `depth` counts filters around it.

    Raises:
        ExpressionSyntaxError: `Value must be a valid JSONPath.`
    """
    parser = _Parser(text, at)
    parser.need("(")
    condition = parser.either(depth)
    parser.need(")")
    parser.need("]")
    return condition, parser.at


class _Parser:
    """Recursive descent, at most `FILTER_DEPTH_MAX` deep."""

    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at

    def either(self, depth: int) -> Filter:
        if depth > FILTER_DEPTH_MAX:
            raise ExpressionSyntaxError(INVALID_PATH)
        parts = [self.both(depth)]
        while self.take("||"):
            parts.append(self.both(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def both(self, depth: int) -> Filter:
        parts = [self.single(depth)]
        while self.take("&&"):
            parts.append(self.single(depth))
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def single(self, depth: int) -> Filter:
        negations = 0
        while self.peek() == "!":
            self.at += 1
            negations += 1
        if self.take("("):
            part = self.either(depth + 1)
            self.need(")")
        else:
            part = self.comparison(depth)
        return Not(part) if negations % 2 else part

    def comparison(self, depth: int) -> Filter:
        left = self.operand(depth)
        operator = _OPERATOR.match(self.text, self.at)
        if operator is None:
            return Exists(left)
        self.at = operator.end()
        return Compare(left, operator[1].lower(), self.operand(depth))

    def operand(self, depth: int) -> Operand:
        mark = self.peek()
        if mark in ("@", "$"):
            return self.path(mark == "$", depth)
        if mark in ("'", '"'):
            return Literal(self.string())
        if mark == "/":
            return Literal(self.pattern())
        if mark in ("[", "{"):
            return Literal(self.json())
        return Literal(self.word())

    def path(self, from_root: bool, depth: int) -> Operand:
        """A path ends where no step of one goes on; filters may stand inside it."""
        tokens: list[Token] = []
        self.at += 1
        while True:
            found = _PATH.match(self.text, self.at)
            assert found is not None
            self.at = found.end()
            tokens.extend(parse_tokens(found[0], 0))
            if not self.text.startswith("[?", self.at):
                return PathOperand(from_root, tuple(tokens))
            if tokens and isinstance(tokens[-1], Function):
                raise ExpressionSyntaxError(INVALID_PATH)
            condition, self.at = _filter(self.text, self.at + 2, depth + 1)
            tokens.append(Select(condition))

    def string(self) -> str:
        found = _STRING.match(self.text, self.at)
        if found is None:
            raise ExpressionSyntaxError(INVALID_PATH)
        self.at = found.end()
        return _ESCAPE.sub(r"\1", found[1] if found[1] is not None else found[2])

    def pattern(self) -> Pattern:
        found = _REGEX.match(self.text, self.at)
        if found is None:
            raise ExpressionSyntaxError(INVALID_PATH)
        self.at = found.end()
        return compile_pattern(found[1], found[2])

    def json(self) -> Any:
        """A JSON array or object; single quotes are allowed."""
        start, depth = self.at, 0
        while self.at < len(self.text):
            mark = self.text[self.at]
            if mark in "'\"":
                self.string()
                continue
            depth += (mark in "[{") - (mark in "]}")
            self.at += 1
            if depth == 0:
                break
        raw = _STRING.sub(_as_json_string, self.text[start : self.at])
        try:
            return orjson.loads(raw)
        except ValueError:
            raise ExpressionSyntaxError(INVALID_PATH) from None

    def word(self) -> Any:
        found = _WORD.match(self.text, self.at)
        if found is None:
            raise ExpressionSyntaxError(INVALID_PATH)
        self.at = found.end()
        word = found[0]
        if word in _CONSTANTS:
            return _CONSTANTS[word]
        return orjson.loads(word) if _NUMBER.match(word) and not _LEADING_ZERO.match(word) else word

    def peek(self) -> str:
        while self.text[self.at : self.at + 1].isspace():
            self.at += 1
        return self.text[self.at : self.at + 1]

    def take(self, mark: str) -> bool:
        self.peek()
        if self.text.startswith(mark, self.at):
            self.at += len(mark)
            return True
        return False

    def need(self, mark: str) -> None:
        if not self.take(mark):
            raise ExpressionSyntaxError(INVALID_PATH)


_CONSTANTS: Final[dict[str, Any]] = {"true": True, "false": False, "null": None}
_LEADING_ZERO = re.compile(r"-?0\d")


def _as_json_string(found: re.Match[str]) -> str:
    inner = found[1] if found[1] is not None else found[2]
    return orjson.dumps(_ESCAPE.sub(r"\1", inner)).decode()
