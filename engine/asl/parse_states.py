"""Compiles one state of any type out of its fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from engine.asl.map_rules import processor_of
from engine.asl.model import (
    ChoiceRule,
    ChoiceState,
    FailState,
    ItemBatcher,
    ItemReader,
    MapState,
    ParallelState,
    PassState,
    QueryLanguage,
    ResultWriter,
    State,
    SubMachine,
    SucceedState,
    TaskState,
    WaitState,
)
from engine.asl.parse_fields import FieldParser
from engine.asl.resource import parse_resource
from engine.asl.templates import is_jsonata
from engine.expressions.choice_rules import compile_rule
from engine.expressions.scope import Expression
from engine.payload import Payload

MachineMaker: TypeAlias = Callable[[dict[str, Any], str], SubMachine]
"""Compiles a machine inside the state; the text is its place below the state, `/Branches[0]`."""


def parse_state(name: str, source: dict[str, Any], language: QueryLanguage, make_machine: MachineMaker) -> State:
    """Compile a state whose source has no errors.

    Raises:
        ExpressionSyntaxError: an expression is wrong after all.
    """
    fields = FieldParser(source, language)
    match source["Type"]:
        case "Pass":
            return _parse_pass(name, fields)
        case "Choice":
            return _parse_choice(name, fields)
        case "Wait":
            return _parse_wait(name, fields)
        case "Succeed":
            return SucceedState(**fields.base(name))
        case "Fail":
            return _parse_fail(name, fields)
        case "Task":
            return _parse_task(name, fields)
        case "Parallel":
            branches = enumerate(source["Branches"])
            made = tuple(make_machine(branch, f"/Branches[{index}]") for index, branch in branches)
            return ParallelState(**fields.work(name), branches=made)
        case kind:
            assert kind == "Map"
            return _parse_map(name, fields, make_machine)


def _parse_pass(name: str, fields: FieldParser) -> PassState:
    result = fields.source.get("Result")
    return PassState(
        **fields.base(name),
        parameters=fields.template("Parameters"),
        result=None if result is None else Payload(result),
        result_path=fields.result_path(),
    )


def _parse_wait(name: str, fields: FieldParser) -> WaitState:
    return WaitState(
        **fields.base(name),
        seconds=fields.number("Seconds"),
        timestamp=fields.text("Timestamp"),
        seconds_path=fields.path_with_text("SecondsPath"),
        timestamp_path=fields.path_with_text("TimestampPath"),
    )


def _parse_fail(name: str, fields: FieldParser) -> FailState:
    return FailState(
        **fields.base(name),
        error=fields.field_path("ErrorPath") or fields.text("Error"),
        cause=fields.field_path("CausePath") or fields.text("Cause"),
    )


def _parse_choice(name: str, fields: FieldParser) -> ChoiceState:
    rules = enumerate(fields.source["Choices"])
    made = tuple(_parse_rule(rule, fields.inside(rule, f"Choices[{index}]")) for index, rule in rules)
    return ChoiceState(**fields.base(name), rules=made, default=fields.source.get("Default"))


def _parse_rule(rule: dict[str, Any], fields: FieldParser) -> ChoiceRule:
    condition = _parse_condition(fields) if fields.language == "JSONata" else compile_rule(rule)
    return ChoiceRule(condition, rule["Next"], fields.template("Output"), fields.assign())


def _parse_condition(fields: FieldParser) -> Expression:
    condition = fields.source["Condition"]
    if isinstance(condition, bool):
        return lambda scope: condition
    return fields.typed("Condition", "boolean")


def _parse_task(name: str, fields: FieldParser) -> TaskState:
    return TaskState(
        **fields.work(name),
        resource=parse_resource(fields.source["Resource"]),
        timeout_seconds=fields.limit("TimeoutSeconds"),
        heartbeat_seconds=fields.limit("HeartbeatSeconds"),
        credentials=_parse_credentials(fields),
    )


def _parse_credentials(fields: FieldParser) -> Expression | None:
    """Credentials; in JSONata with the service's words for a role that is no text."""
    given = fields.source.get("Credentials")
    if fields.language == "JSONata":
        if isinstance(given, str) and is_jsonata(given):
            return fields.typed("Credentials", "object")
        if isinstance(given, dict) and isinstance(given.get("RoleArn"), str) and is_jsonata(given["RoleArn"]):
            role_arn = fields.inside(given, "Credentials").typed("RoleArn", "string")
            return lambda scope: {"RoleArn": role_arn(scope)}
    return fields.template("Credentials")


def _parse_map(name: str, fields: FieldParser, make_machine: MachineMaker) -> MapState:
    processor_field, processor = processor_of(dict(fields.source))
    config = processor.get("ProcessorConfig", {})
    work = fields.work(name)
    legacy_selector = work["parameters"]
    work["parameters"] = None
    return MapState(
        **work,
        processor=make_machine(processor, f"/{processor_field}"),
        distributed=config.get("Mode") == "DISTRIBUTED",
        execution_type=config.get("ExecutionType", "STANDARD"),
        items_path=fields.path_with_text("ItemsPath"),
        items=_parse_items(fields, config.get("Mode") == "DISTRIBUTED"),
        item_selector=fields.template("ItemSelector") or legacy_selector,
        max_concurrency=fields.limit("MaxConcurrency"),
        tolerated_failure_count=fields.limit("ToleratedFailureCount"),
        tolerated_failure_percentage=fields.limit("ToleratedFailurePercentage"),
        item_reader=_parse_reader(fields),
        item_batcher=_parse_batcher(fields),
        result_writer=_parse_writer(fields),
        label=fields.source.get("Label"),
    )


def _parse_items(fields: FieldParser, distributed: bool) -> Expression | None:
    """Items of a JSONata Map: an expression or a template. The entries of an object are items of a distributed Map."""
    items = fields.source.get("Items")
    if not isinstance(items, str):
        return fields.template("Items")
    return fields.typed("Items", "array", or_object=distributed)


def _parse_reader(fields: FieldParser) -> ItemReader | None:
    if "ItemReader" not in fields.source:
        return None
    reader = fields.inside(fields.source["ItemReader"], "ItemReader")
    config = reader.source.get("ReaderConfig", {})
    limit = reader.inside(config, "ReaderConfig").limit("MaxItems")
    return ItemReader(reader.source["Resource"], reader.call_parameters(), config, limit)


def _parse_batcher(fields: FieldParser) -> ItemBatcher | None:
    if "ItemBatcher" not in fields.source:
        return None
    batcher = fields.inside(fields.source["ItemBatcher"], "ItemBatcher")
    return ItemBatcher(
        max_items=batcher.limit("MaxItemsPerBatch"),
        max_input_bytes=batcher.limit("MaxInputBytesPerBatch"),
        batch_input=batcher.template("BatchInput"),
    )


def _parse_writer(fields: FieldParser) -> ResultWriter | None:
    if "ResultWriter" not in fields.source:
        return None
    writer = fields.inside(fields.source["ResultWriter"], "ResultWriter")
    config = writer.source.get("WriterConfig", {})
    return ResultWriter(writer.source.get("Resource", ""), writer.call_parameters(), config)
