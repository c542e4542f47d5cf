"""The compiled definition: what the parser makes and the states run. Frozen; shared by every execution of a revision.

Every path, template, intrinsic and JSONata field is already an `Expression` (a closure) or a `ReferencePath`.
In JSONPath fields None means "not given", which is AWS's default `$`; `DISCARD` stands for a JSON null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Literal, TypeAlias

from engine.expressions.reference_path import ReferencePath
from engine.expressions.scope import Expression
from engine.payload import Payload

QueryLanguage: TypeAlias = Literal["JSONPath", "JSONata"]
MachineType: TypeAlias = Literal["STANDARD", "EXPRESS"]


class Discard(Enum):
    """The type of `DISCARD`."""

    DISCARD = "null"


DISCARD: Final = Discard.DISCARD
PathField: TypeAlias = Expression | Discard | None
"""InputPath, OutputPath: an expression, null (an empty object instead), or not given (`$`)."""
NumberField: TypeAlias = int | float | Expression | None
"""A number in the definition, an expression that makes one (`...Path` or `{% %}`), or not given."""
TextField: TypeAlias = str | Expression | None


@dataclass(frozen=True, slots=True)
class Retrier:
    """One entry of Retry. Times in seconds."""

    error_equals: tuple[str, ...]
    interval_seconds: float = 1
    max_attempts: int = 3
    backoff_rate: float = 2.0
    max_delay_seconds: float | None = None
    full_jitter: bool = False


@dataclass(frozen=True, slots=True)
class Assign:
    """An Assign block: variable name to expression, evaluated side by side on the old variables."""

    expressions: Mapping[str, Expression]


@dataclass(frozen=True, slots=True)
class Catcher:
    """One entry of Catch."""

    error_equals: tuple[str, ...]
    next: str
    result_path: ReferencePath | Discard | None = None
    output: Expression | None = None
    assign: Assign | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseState:
    """What all states have. `next` is None where the state ends its machine or branch (or is a Choice)."""

    name: str
    query_language: QueryLanguage = "JSONPath"
    next: str | None = None
    input_path: PathField = None
    output_path: PathField = None
    output: Expression | None = None
    assign: Assign | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PassState(BaseState):
    """Pass: `result` is the literal Result (None when absent or null)."""

    parameters: Expression | None = None
    result: Payload | None = None
    result_path: ReferencePath | Discard | None = None


@dataclass(frozen=True, slots=True)
class ChoiceRule:
    """One rule: `condition` gives true or false for a Scope. JSONata rules may carry `output`."""

    condition: Expression
    next: str
    output: Expression | None = None
    assign: Assign | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceState(BaseState):
    """Choice."""

    rules: tuple[ChoiceRule, ...]
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitState(BaseState):
    """Wait: exactly one of the four is given. The `..._path` texts are kept for AWS's messages.

    `seconds` and `timestamp` hold a literal or a JSONata expression; the `..._path` pair holds (text, expression).
    """

    seconds: NumberField = None
    timestamp: TextField = None
    seconds_path: tuple[str, Expression] | None = None
    timestamp_path: tuple[str, Expression] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SucceedState(BaseState):
    """Succeed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailState(BaseState):
    """Fail: literal texts or expressions (ErrorPath, CausePath, intrinsics, JSONata)."""

    error: TextField = None
    cause: TextField = None


Pattern: TypeAlias = Literal["request_response", "sync", "sync:2", "wait_for_task_token"]


@dataclass(frozen=True, slots=True)
class Resource:
    """A parsed Task Resource.

    Attributes:
        arn: as written.
        kind: `lambda` (a function ARN), `activity` (an activity ARN), `service` (`arn:aws:states:::...`).
        service: `lambda`, `sqs`, `states`, `aws-sdk:s3`, ...: the history's resourceType; "" for the first two kinds.
        action: `invoke`, `sendMessage.waitForTaskToken`, `startExecution.sync:2`: the history's resource.
        api_action: the action without its pattern: `invoke`, `sendMessage`, `startExecution`.
        pattern: how the task is waited for.
    """

    arn: str
    kind: Literal["lambda", "activity", "service"]
    service: str = ""
    action: str = ""
    api_action: str = ""
    pattern: Pattern = "request_response"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkState(BaseState):
    """What Task, Parallel and Map share. `arguments` is JSONata's, `parameters` JSONPath's."""

    parameters: Expression | None = None
    arguments: Expression | None = None
    result_selector: Expression | None = None
    result_path: ReferencePath | Discard | None = None
    retry: tuple[Retrier, ...] = ()
    catch: tuple[Catcher, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState(WorkState):
    """Task. `credentials` evaluates to `{"RoleArn": ...}`."""

    resource: Resource
    timeout_seconds: NumberLimit | None = None
    heartbeat_seconds: NumberLimit | None = None
    credentials: Expression | None = None


@dataclass(frozen=True, slots=True)
class SubMachine:
    """A Branch, ItemProcessor or Iterator: names resolve only inside it."""

    start_at: str
    states: Mapping[str, State]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelState(WorkState):
    """Parallel."""

    branches: tuple[SubMachine, ...]


@dataclass(frozen=True, slots=True)
class NumberLimit:
    """A number that may come from a path: `field` names the ...Path field, `path` is its text."""

    value: NumberField
    field: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class ItemReader:
    """ItemReader of a distributed Map: `config` is ReaderConfig as written, `parameters` its Parameters/Arguments."""

    resource: str
    parameters: Expression | None
    config: Mapping[str, Any]
    max_items: NumberLimit = NumberLimit(None)


@dataclass(frozen=True, slots=True)
class ItemBatcher:
    """ItemBatcher of a distributed Map."""

    max_items: NumberLimit = NumberLimit(None)
    max_input_bytes: NumberLimit = NumberLimit(None)
    batch_input: Expression | None = None


@dataclass(frozen=True, slots=True)
class ResultWriter:
    """ResultWriter of a distributed Map; `resource` is "" when only WriterConfig is given."""

    resource: str
    parameters: Expression | None
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MapState(WorkState):
    """Map, inline or distributed.

    `parameters` and `arguments` are unused: `item_selector` is both ItemSelector and legacy Parameters.

    `items_path` is JSONPath's ItemsPath (text kept for messages), `items` JSONata's Items.
    """

    processor: SubMachine
    distributed: bool = False
    execution_type: MachineType = "STANDARD"
    items_path: tuple[str, Expression] | None = None
    items: Expression | None = None
    item_selector: Expression | None = None
    max_concurrency: NumberLimit = NumberLimit(None)
    tolerated_failure_count: NumberLimit = NumberLimit(None)
    tolerated_failure_percentage: NumberLimit = NumberLimit(None)
    item_reader: ItemReader | None = None
    item_batcher: ItemBatcher | None = None
    result_writer: ResultWriter | None = None
    label: str | None = None


State: TypeAlias = PassState | ChoiceState | WaitState | SucceedState | FailState | TaskState | ParallelState | MapState


Preparer: TypeAlias = Callable[[Payload], Payload]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A whole compiled machine.

    `locations` maps every state name (unique over all nesting levels) to its state; `variable_references` is what
    DescribeStateMachine shows (state name to variable names, sorted, without the dollar sign). `preparers` says by
    Resource what evaluated Parameters become before their attempt is scheduled (StateError: they cannot be used);
    the host puts them there, who knows the services.
    """

    machine: SubMachine
    query_language: QueryLanguage = "JSONPath"
    timeout_seconds: int | None = None
    comment: str = ""
    all_states: Mapping[str, State] = field(default_factory=dict)
    variable_references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    preparers: Mapping[str, Preparer] = field(default_factory=dict)

    @property
    def uses_jsonata(self) -> bool:
        """Whether any of its states evaluates JSONata, whose expressions may work for long."""
        return any(state.query_language == "JSONata" for state in self.all_states.values())


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding of the validator, in AWS's words.

    Attributes:
        severity: ERROR refuses the definition, WARNING does not.
        code: AWS's code, e.g. `SCHEMA_VALIDATION_FAILED`.
        message: AWS's text.
        location: `/States/A/Next`; None where AWS gives none.
    """

    severity: Literal["ERROR", "WARNING"]
    code: str
    message: str
    location: str | None = None
