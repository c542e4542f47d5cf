"""The language as a table: which field stands in which object, in which query language, with which value.

The validator, the parser, the JSON schema and the reference page all read these rows; a new field is one row here.
Owners are the eight state types and the objects inside them (`Retrier`, `ReaderConfig`, ...).
Source: the states language as the service runs it; field by type confirmed by measurement (5 September 2026).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from engine.asl.model import QueryLanguage
from engine.limits import TASK_SECONDS_MAX


class Kind(Enum):
    """What a field's value may be."""

    TEXT = "text"
    ANY = "any JSON value"
    BOOLEAN = "true or false"
    INTEGER = "integer"
    NUMBER = "number"
    OPTION = "one of the listed texts"
    PATH = "path or null"
    REFERENCE_PATH = "reference path or null"
    ITEMS_PATH = "reference path, also into the context object"
    NUMBER_PATH = "reference path into the input or a variable"
    TEXT_PATH = "path or intrinsic function"
    TEMPLATE = "payload template or JSONata template"
    CREDENTIALS = "object with RoleArn"
    ARRAY_OR_EXPRESSION = "array or JSONata expression"
    TRUTH_OR_EXPRESSION = "true, false or JSONata expression"
    TEXT_OR_EXPRESSION = "text or JSONata expression"
    TIMESTAMP = "RFC 3339 timestamp"
    STATE_NAME = "name of a state in the same machine"
    ERROR_NAMES = "non-empty array of error names"
    TEXTS = "array of texts"
    RESOURCE = "resource ARN"
    LABEL = "label"
    VARIABLES = "object of variables"
    OBJECT = "object"
    OBJECTS = "array of objects"
    RULE = "choice rule"
    RULES = "non-empty array of choice rules"
    STATES = "non-empty object of states"
    MACHINE = "state machine"
    MACHINES = "non-empty array of state machines"


@dataclass(frozen=True, slots=True)
class Field:
    """One row: a field of one or more owners.

    Attributes:
        language: the only query language that has the field; None for both.
        expression: in JSONata a `{% %}` string may stand for the number or text.
        of: the owner whose rows describe the object inside (OBJECT, OBJECTS, MACHINE, ...).
    """

    name: str
    owners: tuple[str, ...]
    kind: Kind
    about: str
    language: QueryLanguage | None = None
    required: bool = False
    expression: bool = False
    minimum: float | None = None
    maximum: float | None = None
    options: tuple[str, ...] = ()
    of: str = ""


@dataclass(frozen=True, slots=True)
class Exclusive:
    """Fields that shut each other out, in the order in which the service prints them."""

    owners: tuple[str, ...]
    fields: tuple[str, ...]
    one_needed: bool = False


STATE_TYPES: Final = ("Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map")
"""In the order in which the service lists them."""
MACHINES: Final = ("StateMachine", "Branch", "ItemProcessor")
"""The objects that hold States. `Iterator`, the legacy name of ItemProcessor, has its rows."""

_MOVING: Final = ("Pass", "Wait", "Task", "Parallel", "Map")
_NOT_FAIL: Final = ("Pass", "Choice", "Wait", "Succeed", "Task", "Parallel", "Map")
_WORK: Final = ("Task", "Parallel", "Map")
_RULES: Final = ("ChoiceRule", "Operand")
_EVERYWHERE: Final = (*MACHINES, *STATE_TYPES, *_RULES, "Retrier", "Catcher", "ProcessorConfig", "ItemReader",
                      "ReaderConfig", "ItemBatcher", "ResultWriter", "WriterConfig")  # fmt: skip
_LANGUAGES: Final = ("JSONPath", "JSONata")
_P: Final = "JSONPath"
_A: Final = "JSONata"
_SECONDS_MAX: Final = TASK_SECONDS_MAX

_COMPARED: Final = {
    "String": ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"),
    "Numeric": ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"),
    "Boolean": ("Equals",),
    "Timestamp": ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"),
}
_OPERAND_KINDS: Final = {
    "String": Kind.TEXT,
    "Numeric": Kind.NUMBER,
    "Boolean": Kind.BOOLEAN,
    "Timestamp": Kind.TIMESTAMP,
}
COMPARISONS: Final = tuple(f"{of}{how}" for of, hows in _COMPARED.items() for how in hows)
TESTS: Final = ("IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp")
OPERATORS: Final = (
    *(f"{name}{path}" for name in COMPARISONS for path in ("", "Path")), "StringMatches", *TESTS
)  # fmt: skip
"""Every comparison of a Choice rule."""


def _comparison_rows() -> list[Field]:
    rows = []
    for of, hows in _COMPARED.items():
        for how in hows:
            about = f"compares the variable with a {of.lower()} value"
            rows.append(Field(f"{of}{how}", _RULES, _OPERAND_KINDS[of], about, _P))
            about = "the same, compared with the value at a path"
            rows.append(Field(f"{of}{how}Path", _RULES, Kind.ITEMS_PATH, about, _P))
    rows.append(Field("StringMatches", _RULES, Kind.TEXT, "matches a text with `*` wildcards", _P))
    rows += [Field(name, _RULES, Kind.BOOLEAN, "tests presence or type of the variable", _P) for name in TESTS]
    return rows


FIELDS: Final[tuple[Field, ...]] = (
    # machines
    Field("Comment", _EVERYWHERE, Kind.ANY, "for the reader; not executed"),
    Field("QueryLanguage", ("StateMachine", *STATE_TYPES), Kind.OPTION,
          "language of the expressions; a state may go from JSONPath to JSONata", options=_LANGUAGES),
    Field("Version", ("StateMachine",), Kind.OPTION, "version of the language", options=("1.0",)),
    Field("TimeoutSeconds", ("StateMachine",), Kind.INTEGER, "longest duration of an execution",
          minimum=0, maximum=_SECONDS_MAX),
    Field("States", MACHINES, Kind.STATES, "the states by name", required=True),
    Field("StartAt", MACHINES, Kind.STATE_NAME, "the first state", required=True),
    Field("ProcessorConfig", ("ItemProcessor",), Kind.OBJECT, "how items are processed", of="ProcessorConfig"),
    Field("Mode", ("ProcessorConfig",), Kind.OPTION, "inside the execution or as child executions",
          options=("INLINE", "DISTRIBUTED")),
    Field("ExecutionType", ("ProcessorConfig",), Kind.OPTION, "type of the child executions",
          options=("STANDARD", "EXPRESS")),
    # all states
    Field("Type", STATE_TYPES, Kind.OPTION, "the state's type", required=True, options=STATE_TYPES),
    Field("Next", _MOVING, Kind.STATE_NAME, "the state that follows"),
    Field("End", _MOVING, Kind.BOOLEAN, "true ends the machine or branch here"),
    Field("InputPath", _NOT_FAIL, Kind.PATH, "the part of the input that the state sees", _P),
    Field("OutputPath", _NOT_FAIL, Kind.PATH, "the part of the output that goes on", _P),
    Field("Parameters", ("Pass", *_WORK), Kind.TEMPLATE, "the effective input (in a Map: of each item)", _P),
    Field("ResultSelector", _WORK, Kind.TEMPLATE, "reshapes the result", _P),
    Field("ResultPath", ("Pass", *_WORK), Kind.REFERENCE_PATH, "where the result goes into the input", _P),
    Field("Arguments", ("Task", "Parallel"), Kind.TEMPLATE, "the effective input", _A),
    Field("Output", _NOT_FAIL, Kind.TEMPLATE, "the state's output", _A),
    Field("Assign", ("Pass", "Choice", "Wait", *_WORK), Kind.VARIABLES, "variables for the states that follow"),
    Field("Retry", _WORK, Kind.OBJECTS, "what to try again", of="Retrier"),
    Field("Catch", _WORK, Kind.OBJECTS, "where to go on after an error", of="Catcher"),
    # Retry and Catch
    Field("ErrorEquals", ("Retrier", "Catcher"), Kind.ERROR_NAMES, "the errors that match", required=True),
    Field("IntervalSeconds", ("Retrier",), Kind.INTEGER, "delay before the first retry; default 1",
          minimum=0, maximum=_SECONDS_MAX),
    Field("MaxAttempts", ("Retrier",), Kind.INTEGER, "number of retries; default 3", minimum=0, maximum=_SECONDS_MAX),
    Field("BackoffRate", ("Retrier",), Kind.NUMBER, "growth of the delay; default 2.0", minimum=1),
    Field("MaxDelaySeconds", ("Retrier",), Kind.INTEGER, "longest delay", minimum=1, maximum=31_622_400),
    Field("JitterStrategy", ("Retrier",), Kind.OPTION, "FULL spreads the delays at random", options=("NONE", "FULL")),
    Field("Next", ("Catcher", "ChoiceRule"), Kind.STATE_NAME, "the state that follows", required=True),
    Field("ResultPath", ("Catcher",), Kind.REFERENCE_PATH, "where the error goes into the input", _P),
    Field("Output", ("Catcher", "ChoiceRule"), Kind.TEMPLATE, "output on this way out", _A),
    Field("Assign", ("Catcher", "ChoiceRule"), Kind.VARIABLES, "variables set on this way out"),
    # Pass, Wait, Fail, Choice
    Field("Result", ("Pass",), Kind.ANY, "the literal result", _P),
    Field("Seconds", ("Wait",), Kind.INTEGER, "duration", expression=True, minimum=0, maximum=_SECONDS_MAX),
    Field("Timestamp", ("Wait",), Kind.TIMESTAMP, "moment to wait for", expression=True),
    Field("SecondsPath", ("Wait",), Kind.NUMBER_PATH, "where the duration stands", _P),
    Field("TimestampPath", ("Wait",), Kind.NUMBER_PATH, "where the moment stands", _P),
    Field("Error", ("Fail",), Kind.TEXT_OR_EXPRESSION, "error name", expression=True),
    Field("Cause", ("Fail",), Kind.TEXT_OR_EXPRESSION, "explanation", expression=True),
    Field("ErrorPath", ("Fail",), Kind.TEXT_PATH, "where the error name stands", _P),
    Field("CausePath", ("Fail",), Kind.TEXT_PATH, "where the explanation stands", _P),
    Field("Choices", ("Choice",), Kind.RULES, "the first rule that holds decides", required=True, of="ChoiceRule"),
    Field("Default", ("Choice",), Kind.STATE_NAME, "the state that follows when no rule holds"),
    Field("Condition", ("ChoiceRule",), Kind.TRUTH_OR_EXPRESSION, "the rule holds when this is true", _A),
    Field("Variable", _RULES, Kind.ITEMS_PATH, "what is compared", _P),
    Field("And", _RULES, Kind.RULES, "all of these hold", _P, of="Operand"),
    Field("Or", _RULES, Kind.RULES, "one of these holds", _P, of="Operand"),
    Field("Not", _RULES, Kind.RULE, "this does not hold", _P, of="Operand"),
    *_comparison_rows(),
    # Task
    Field("Resource", ("Task",), Kind.RESOURCE, "what does the work", required=True),
    Field("TimeoutSeconds", ("Task",), Kind.INTEGER, "longest duration of one attempt", expression=True,
          minimum=1, maximum=_SECONDS_MAX),
    Field("HeartbeatSeconds", ("Task",), Kind.INTEGER, "longest silence of the worker", expression=True,
          minimum=1, maximum=_SECONDS_MAX),
    Field("TimeoutSecondsPath", ("Task",), Kind.NUMBER_PATH, "where TimeoutSeconds stands", _P),
    Field("HeartbeatSecondsPath", ("Task",), Kind.NUMBER_PATH, "where HeartbeatSeconds stands", _P),
    Field("Credentials", ("Task",), Kind.CREDENTIALS, "the role to call the resource with"),
    # Parallel and Map
    Field("Branches", ("Parallel",), Kind.MACHINES, "machines that run side by side", required=True, of="Branch"),
    Field("ItemProcessor", ("Map",), Kind.MACHINE, "machine for each item", of="ItemProcessor"),
    Field("Iterator", ("Map",), Kind.MACHINE, "legacy name of ItemProcessor", of="ItemProcessor"),
    Field("ItemsPath", ("Map",), Kind.ITEMS_PATH, "where the items stand", _P),
    Field("Items", ("Map",), Kind.ARRAY_OR_EXPRESSION, "the items", _A),
    Field("ItemSelector", ("Map",), Kind.TEMPLATE, "the input of each item"),
    Field("MaxConcurrency", ("Map",), Kind.INTEGER, "items at once; 0 is no limit", expression=True, minimum=0),
    Field("MaxConcurrencyPath", ("Map",), Kind.NUMBER_PATH, "where MaxConcurrency stands", _P),
    Field("ToleratedFailurePercentage", ("Map",), Kind.NUMBER, "failed items that are tolerated, in percent",
          expression=True, minimum=0, maximum=100),
    Field("ToleratedFailurePercentagePath", ("Map",), Kind.NUMBER_PATH, "where the percentage stands", _P),
    Field("ToleratedFailureCount", ("Map",), Kind.INTEGER, "failed items that are tolerated",
          expression=True, minimum=0),
    Field("ToleratedFailureCountPath", ("Map",), Kind.NUMBER_PATH, "where the count stands", _P),
    Field("Label", ("Map",), Kind.LABEL, "names the child executions' machine"),
    Field("ItemReader", ("Map",), Kind.OBJECT, "reads the items from S3", of="ItemReader"),
    Field("ItemBatcher", ("Map",), Kind.OBJECT, "puts several items into one child", of="ItemBatcher"),
    Field("ResultWriter", ("Map",), Kind.OBJECT, "writes the results to S3", of="ResultWriter"),
    # distributed Map
    Field("Resource", ("ItemReader",), Kind.RESOURCE, "s3:getObject or s3:listObjectsV2", required=True),
    Field("Resource", ("ResultWriter",), Kind.RESOURCE, "s3:putObject"),
    Field("Parameters", ("ItemReader", "ResultWriter"), Kind.TEMPLATE, "bucket and key or prefix", _P),
    Field("Arguments", ("ItemReader", "ResultWriter"), Kind.TEMPLATE, "bucket and key or prefix", _A),
    Field("ReaderConfig", ("ItemReader",), Kind.OBJECT, "what is read", of="ReaderConfig"),
    Field("InputType", ("ReaderConfig",), Kind.OPTION, "form of the object",
          options=("CSV", "JSON", "JSONL", "MANIFEST", "PARQUET")),
    Field("ManifestType", ("ReaderConfig",), Kind.OPTION, "form of the manifest",
          options=("S3_INVENTORY", "ATHENA_DATA")),
    Field("Transformation", ("ReaderConfig",), Kind.OPTION, "LOAD_AND_FLATTEN reads what is listed",
          options=("NONE", "LOAD_AND_FLATTEN")),
    Field("ItemsPointer", ("ReaderConfig",), Kind.TEXT, "JSON pointer to the items"),
    Field("CSVHeaderLocation", ("ReaderConfig",), Kind.OPTION, "where the column names are",
          options=("FIRST_ROW", "GIVEN")),
    Field("CSVHeaders", ("ReaderConfig",), Kind.TEXTS, "the column names"),
    Field("CSVDelimiter", ("ReaderConfig",), Kind.OPTION, "between the columns; default COMMA",
          options=("COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB")),
    Field("MaxItems", ("ReaderConfig",), Kind.INTEGER, "items read at most; 0 is all", expression=True,
          minimum=0, maximum=100_000_000),
    Field("MaxItemsPath", ("ReaderConfig",), Kind.NUMBER_PATH, "where MaxItems stands", _P),
    Field("MaxItemsPerBatch", ("ItemBatcher",), Kind.INTEGER, "items in a batch", expression=True, minimum=0),
    Field("MaxItemsPerBatchPath", ("ItemBatcher",), Kind.NUMBER_PATH, "where MaxItemsPerBatch stands", _P),
    Field("MaxInputBytesPerBatch", ("ItemBatcher",), Kind.INTEGER, "bytes in a batch", expression=True,
          minimum=0, maximum=262_144),
    Field("MaxInputBytesPerBatchPath", ("ItemBatcher",), Kind.NUMBER_PATH, "where MaxInputBytesPerBatch stands", _P),
    Field("BatchInput", ("ItemBatcher",), Kind.TEMPLATE, "joins every batch"),
    Field("WriterConfig", ("ResultWriter",), Kind.OBJECT, "form of the results", of="WriterConfig"),
    Field("Transformation", ("WriterConfig",), Kind.OPTION, "shape of the results",
          options=("NONE", "COMPACT", "FLATTEN")),
    Field("OutputType", ("WriterConfig",), Kind.OPTION, "form of the files", options=("JSON", "JSONL")),
)  # fmt: skip

EXCLUSIVES: Final[tuple[Exclusive, ...]] = (
    Exclusive(_MOVING, ("Next", "End"), one_needed=True),
    Exclusive(("Wait",), ("SecondsPath", "Seconds", "TimestampPath", "Timestamp"), one_needed=True),
    Exclusive(("Fail",), ("Error", "ErrorPath")),
    Exclusive(("Fail",), ("Cause", "CausePath")),
    Exclusive(("Task",), ("TimeoutSeconds", "TimeoutSecondsPath")),
    Exclusive(("Task",), ("HeartbeatSeconds", "HeartbeatSecondsPath")),
    Exclusive(("Map",), ("ItemProcessor", "Iterator"), one_needed=True),
    Exclusive(("Map",), ("ItemSelector", "Parameters")),
    Exclusive(("Map",), ("MaxConcurrency", "MaxConcurrencyPath")),
    Exclusive(("Map",), ("ToleratedFailurePercentage", "ToleratedFailurePercentagePath")),
    Exclusive(("Map",), ("ToleratedFailureCount", "ToleratedFailureCountPath")),
    Exclusive(("ReaderConfig",), ("MaxItems", "MaxItemsPath")),
    Exclusive(("ItemBatcher",), ("MaxItemsPerBatch", "MaxItemsPerBatchPath")),
    Exclusive(("ItemBatcher",), ("MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath")),
)

OWNERS: Final = tuple(dict.fromkeys(owner for row in FIELDS for owner in row.owners))


def _fields_by_owner() -> Mapping[str, Mapping[str, Field]]:
    table = {owner: {row.name: row for row in FIELDS if owner in row.owners} for owner in OWNERS}
    assert sum(map(len, table.values())) == sum(len(row.owners) for row in FIELDS), "a field stands twice in one owner"
    return MappingProxyType({owner: MappingProxyType(rows) for owner, rows in table.items()})


BY_OWNER: Final = _fields_by_owner()
"""Owner, then field name, to the row."""
REQUIRED: Final = MappingProxyType(
    {owner: tuple(row.name for row in rows.values() if row.required) for owner, rows in BY_OWNER.items()}
)
EXCLUSIVES_BY_OWNER: Final = MappingProxyType(
    {owner: tuple(rule for rule in EXCLUSIVES if owner in rule.owners) for owner in OWNERS}
)
