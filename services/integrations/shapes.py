"""Between the JSON of a task and the parameters and answers of an API, led by botocore's shapes.

Two dialects exist: optimised integrations (SDK for Java 1: first letter raised, times in epoch milliseconds) and
`aws-sdk` integrations (SDK for Java 2: its own spelling, times as ISO 8601 text). Both take an object where the API
wants text and send its JSON, both read booleans and numbers leniently, both leave members without value out. Members
that the API does not know are refused at any depth, and so is another spelling: `key` is not `Key`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from engine.payload import encode_json
from services.integrations.java_names import member_name, raised
from services.integrations.outlines import Outline

if TYPE_CHECKING:
    from botocore.model import Shape

    AnyShape: TypeAlias = Shape | Outline

NOT_SUPPORTED: Final = 'The field "{}" is not supported by Step Functions'
MISSING: Final = "The field '{}' is required but was missing"
BAD_FORMAT: Final = "The value of the field '{}' has an invalid format"

_INTEGER: Final = re.compile(r"[+-]?\d{1,19}")
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")


class ParameterProblems(Exception):
    """The parameters cannot be sent; `problems` are AWS's sentences."""

    def __init__(self, problems: list[str]) -> None:
        """Keep the sentences; the message joins them as AWS does."""
        super().__init__(", ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one family of integrations spells members and writes times.

    Attributes:
        member: the spelling of an API's member in definitions and results.
        own_spelling: the API's spelling is taken too (`attempts` of Batch stands in AWS's guide).
        any_capitals: a name that begins with a capital is taken whatever case follows: the SDK's spelling is a rule
            of words with exceptions (`DBInstanceIdentifier` is `DbInstanceIdentifier`).
        time: how times are shown.
    """

    member: Callable[[str], str]
    own_spelling: bool
    any_capitals: bool
    time: Callable[[datetime], Any]


def iso_time(moment: datetime) -> str:
    """ISO 8601 in UTC as Java's Instant prints it: no fraction, or as few groups of three digits as it takes."""
    utc = moment.astimezone(UTC)
    text = utc.strftime("%Y-%m-%dT%H:%M:%S")
    if not utc.microsecond:
        return text + "Z"
    digits = f"{utc.microsecond:06d}"
    return f"{text}.{digits[:3] if digits.endswith('000') else digits}Z"


def epoch_ms(moment: datetime) -> int:
    """Unix milliseconds."""
    return round(moment.timestamp() * 1000)


OPTIMISED: Final = Dialect(raised, own_spelling=True, any_capitals=False, time=epoch_ms)
SDK: Final = Dialect(member_name, own_spelling=False, any_capitals=True, time=iso_time)


def to_parameters(value: Any, shape: AnyShape | None, dialect: Dialect, given: Collection[str] = ()) -> dict[str, Any]:
    """Make the keyword arguments of an operation from the evaluated Parameters.

    Args:
        given: required members that come from elsewhere, in the dialect's spelling.

    Raises:
        ParameterProblems: not an object, a required member is missing, or a value cannot be what the API wants.
    """
    if not isinstance(value, dict):
        raise ParameterProblems(["The Parameters must be a JSON object"])
    if shape is None:
        return {}
    problems: list[str] = []
    made: dict[str, Any] = _structure(value, shape, dialect, problems)
    problems += [MISSING.format(name) for name in missing_members(value, shape, dialect) if name not in given]
    if problems:
        raise ParameterProblems(problems)
    return made


def missing_members(value: Mapping[str, Any], shape: AnyShape, dialect: Dialect) -> list[str]:
    """Required members, in the dialect's spelling, that the object has not even with null."""
    given = {member_of(key, shape, dialect) for key in value}
    return [dialect.member(name) for name in _required(shape) if name not in given]


def member_of(key: str, shape: AnyShape, dialect: Dialect) -> str | None:
    """The API's name of a member of a structure as a definition writes it, None when there is none."""
    exact, loose = _names(shape, dialect)
    name = exact.get(key)
    if name is None and dialect.any_capitals and key[:1].isupper():
        name = loose.get(key.lower())
    return name


def is_fit(value: Any, shape: AnyShape) -> bool:
    """Whether a number, boolean or time can be what the API wants; an object or a list never is."""
    problems: list[str] = []
    maker = _MAKERS.get(shape.type_name)
    if maker is None:
        return False
    maker(value, shape, problems, "")
    return not problems


def to_json(value: Any, shape: Shape | None, dialect: Dialect) -> Any:
    """Make the JSON of a task's result from a parsed answer: members in alphabetical order, a stream last."""
    if shape is None:
        return {}
    return _shown(value, shape, dialect)


def text_of(value: Any) -> str:
    """Text stays, everything else becomes its compact JSON."""
    return value if isinstance(value, str) else encode_json(value).decode("utf-8")


def text_or_base64(data: bytes) -> str:
    """Bytes as text where they are text, else in base64."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(data).decode("ascii")


@lru_cache(maxsize=8192)
def _names(shape: AnyShape, dialect: Dialect) -> tuple[dict[str, str], dict[str, str]]:
    """Spelling to the API's name, and the same without regard to case."""
    exact = {name: name for name in shape.members} if dialect.own_spelling else {}
    exact |= {dialect.member(name): name for name in shape.members}
    loose = {name.lower(): name for name in shape.members}
    return exact, loose | {dialect.member(name).lower(): name for name in shape.members}


@lru_cache(maxsize=8192)
def _shown_members(shape: Shape, member: Callable[[str], str]) -> tuple[tuple[str, str, Any], ...]:
    """(shown name, API's name, shape) in the order of AWS's results: alphabetical, a stream last."""
    stream = shape.serialization.get("payload") if shape.type_name == "structure" else None
    rows: list[tuple[str, str, Any]] = [(member(name), name, inner) for name, inner in shape.members.items()]
    expires = shape.members.get("Expires")
    if expires is not None and expires.serialization.get("name") == "Expires":
        # The SDK shows this header twice, because it need not be a time; botocore's model names it once.
        rows.append(("ExpiresString", "ExpiresString", Outline("string")))
    is_stream = {name for _, name, inner in rows if name == stream and inner.type_name == "blob"}
    return tuple(sorted(rows, key=lambda row: (row[1] in is_stream, row[0])))


def _required(shape: AnyShape) -> list[str]:
    return list(getattr(shape, "required_members", ()))


def _made(value: Any, shape: AnyShape, dialect: Dialect, problems: list[str], field: str) -> Any:
    maker = _MAKERS.get(shape.type_name)
    if maker is not None:
        return maker(value, shape, problems, field)
    if shape.type_name == "structure":
        if getattr(shape, "is_document_type", False):
            return value
        if not isinstance(value, dict):
            return _refused(problems, field)
        return _structure(value, shape, dialect, problems)
    if shape.type_name == "list":
        if not isinstance(value, list):
            return _refused(problems, field)
        return [_made(item, shape.member, dialect, problems, field) for item in value]
    if shape.type_name == "map":
        if not isinstance(value, dict):
            return _refused(problems, field)
        return {key: _made(item, shape.value, dialect, problems, field) for key, item in value.items()}
    return value


def _structure(value: dict[str, Any], shape: AnyShape, dialect: Dialect, problems: list[str]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, item in value.items():
        name = member_of(key, shape, dialect)
        if name is None:
            problems.append(NOT_SUPPORTED.format(key))
            continue
        inner = shape.members[name]
        if is_stream(shape, name, inner):
            made[name] = encode_json(item)
        elif item is not None:
            made[name] = _made(item, inner, dialect, problems, key)
    return made


def is_stream(shape: AnyShape, name: str, inner: AnyShape) -> bool:
    """A streaming body takes any JSON value as its text, strings with their quotes (recorded for S3)."""
    return (
        inner.type_name == "blob"
        and bool(inner.serialization.get("streaming"))
        and shape.serialization.get("payload") == name
    )


def _refused(problems: list[str], field: str) -> None:
    problems.append(BAD_FORMAT.format(field))


def _make_text(value: Any, shape: Shape, problems: list[str], field: str) -> Any:
    return text_of(value)


def _make_bytes(value: Any, shape: Shape, problems: list[str], field: str) -> Any:
    return text_of(value).encode("utf-8", "surrogatepass")


def _make_integer(value: Any, shape: Shape, problems: list[str], field: str) -> Any:
    if isinstance(value, bool):
        return _refused(problems, field)
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    return _refused(problems, field)


def _make_number(value: Any, shape: Shape, problems: list[str], field: str) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    try:
        return float(value) if isinstance(value, str) else _refused(problems, field)
    except ValueError:
        return _refused(problems, field)


def _make_boolean(value: Any, shape: Shape, problems: list[str], field: str) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return _refused(problems, field)


def _make_time(value: Any, shape: Shape, problems: list[str], field: str) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _ISO.fullmatch(value):
        return value
    return _refused(problems, field)


_MAKERS: Final[Mapping[str, Callable[[Any, Any, list[str], str], Any]]] = {
    "string": _make_text,
    "character": _make_text,
    "blob": _make_bytes,
    "integer": _make_integer,
    "long": _make_integer,
    "float": _make_number,
    "double": _make_number,
    "boolean": _make_boolean,
    "timestamp": _make_time,
}


def _shown(value: Any, shape: Shape, dialect: Dialect) -> Any:
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict) and not getattr(shape, "is_document_type", False):
        return {
            shown: _shown(value[name], inner, dialect)
            for shown, name, inner in _shown_members(shape, dialect.member)
            if value.get(name) is not None
        }
    if kind == "list" and isinstance(value, list):
        return [_shown(item, shape.member, dialect) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: _shown(item, shape.value, dialect) for key, item in value.items()}
    if kind == "blob":
        return text_or_base64(value) if isinstance(value, bytes) else value
    if kind == "timestamp" and isinstance(value, datetime):
        return dialect.time(value)
    return value
