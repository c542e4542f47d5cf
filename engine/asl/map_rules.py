"""Checks what belongs to Map alone: how items are processed, read, batched and written."""

from __future__ import annotations

from typing import Any

from engine.asl.resource import READERS, WRITERS, service_action
from engine.asl.site import Site


def processor_of(state: dict[str, Any]) -> tuple[str, Any]:
    """The field that holds a Map's machine, and its value."""
    name = "Iterator" if "Iterator" in state and "ItemProcessor" not in state else "ItemProcessor"
    return name, state.get(name)


def is_distributed(state: dict[str, Any]) -> bool:
    """True for a Map whose items run as child executions."""
    return _processor_config(state).get("Mode") == "DISTRIBUTED"


def has_express_children(state: dict[str, Any]) -> bool:
    """True for a Map whose child executions are Express."""
    return is_distributed(state) and _processor_config(state).get("ExecutionType") == "EXPRESS"


def check_map(state: dict[str, Any], site: Site) -> None:
    """Check the parts of a Map that depend on one another."""
    name, processor = processor_of(state)
    if isinstance(processor, dict) and isinstance(processor.get("ProcessorConfig"), dict):
        _check_mode(processor["ProcessorConfig"], site.at(name).at("ProcessorConfig"))
    reader = state.get("ItemReader")
    if isinstance(reader, dict):
        _check_reader(reader, site.at("ItemReader"))
    writer = state.get("ResultWriter")
    if isinstance(writer, dict) and "Resource" in writer:
        _check_allowed(writer["Resource"], WRITERS, site.at("ResultWriter").at("Resource"))


def _check_mode(config: dict[str, Any], site: Site) -> None:
    if config.get("Mode") == "DISTRIBUTED":
        if site.express:
            site.at("Mode").error(
                "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines"
            )
        if "ExecutionType" not in config:
            site.error("These fields are required: [ExecutionType]")
    elif "ExecutionType" in config:
        site.error("Field 'ExecutionType' is not supported")


def _check_reader(reader: dict[str, Any], site: Site) -> None:
    resource = reader.get("Resource")
    if "Resource" in reader:
        _check_allowed(resource, READERS, site.at("Resource"))
    config = reader.get("ReaderConfig")
    if isinstance(config, dict):
        _check_reader_config(config, site.at("ReaderConfig"))


def _check_allowed(resource: Any, allowed: frozenset[str], site: Site) -> None:
    if not isinstance(resource, str) or service_action(resource) not in allowed:
        site.error("The field 'Resource' does not match any of the allowed values")


def _check_reader_config(config: dict[str, Any], site: Site) -> None:
    """Headers belong to comma-separated values, and to manifests of such files."""
    input_type, manifest = config.get("InputType"), config.get("ManifestType")
    if input_type == "CSV" and manifest is None and "CSVHeaderLocation" not in config:
        site.error("The field 'CSVHeaderLocation' is required")
    if input_type in ("JSON", "JSONL", "PARQUET"):
        for name in ("CSVHeaderLocation", "CSVHeaders", "CSVDelimiter"):
            if name in config:
                site.error(f"Field '{name}' is not supported")
    elif config.get("CSVHeaderLocation") == "GIVEN" and "CSVHeaders" not in config:
        site.error("These fields are required: [CSVHeaders]")


def _processor_config(state: dict[str, Any]) -> dict[str, Any]:
    processor = processor_of(state)[1]
    config = processor.get("ProcessorConfig") if isinstance(processor, dict) else None
    return config if isinstance(config, dict) else {}
