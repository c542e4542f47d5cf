"""Walks a definition from the machine down to the last nested state, once, and remembers its machines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.asl.choice import check_rules
from engine.asl.diagnostics import Report
from engine.asl.fields import check_names, check_object, check_presence, check_values
from engine.asl.map_rules import check_map, has_express_children, is_distributed, processor_of
from engine.asl.model import QueryLanguage
from engine.asl.resource import KnownApi
from engine.asl.rules import STATE_TYPES
from engine.asl.site import Site
from engine.asl.tasks import check_task
from engine.asl.templates import check_static
from engine.asl.values import expect
from engine.limits import NAME_CHARACTERS_MAX


@dataclass(slots=True, eq=False)
class Machine:
    """One machine of the definition: the whole, a branch or an item processor. `start_at` and `states` are as written.

    Attributes:
        inside: the machine and the state that hold this one; None for the whole.
        isolated: a distributed Map's: the variables outside are not seen inside.
    """

    location: str
    start_at: Any
    states: dict[str, Any]
    inside: tuple[Machine, str] | None = None
    isolated: bool = False


@dataclass(slots=True)
class Walk:
    """What the walk knows everywhere, and what it has met so far."""

    report: Report
    language: QueryLanguage
    known_api: KnownApi | None = None
    machines: list[Machine] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)


def machine_language(document: dict[str, Any]) -> QueryLanguage:
    """The language that states without a QueryLanguage of their own have."""
    return state_language(document, "JSONPath")


def state_language(state: dict[str, Any], machine: QueryLanguage) -> QueryLanguage:
    """The language of one state: anything but the exact word JSONPath counts as JSONata (measured)."""
    if "QueryLanguage" not in state:
        return machine
    return "JSONPath" if state["QueryLanguage"] == "JSONPath" else "JSONata"


def check_machine(
    owner: str, document: Any, site: Site, walk: Walk, inside: tuple[Machine, str] | None = None, isolated: bool = False
) -> None:
    """Check a machine, a branch or an item processor and everything in it."""
    if not check_object(owner, document, site) or "States" not in document:
        return
    states, place = document["States"], site.at("States")
    if not isinstance(states, dict):
        expect("OBJECT", place)
    elif not states:
        place.error("Value cannot be empty")
    else:
        machine = Machine(site.location, document.get("StartAt"), states, inside, isolated)
        walk.machines.append(machine)
        for name, state in states.items():
            _check_name(name, place.at(name), walk)
            check_state(name, state, place.at(name), walk, machine)


def check_state(name: str, state: Any, site: Site, walk: Walk, machine: Machine | None) -> None:
    """Check one state and the machines inside it. `machine` is None for a state that stands alone (TestState)."""
    if not isinstance(state, dict):
        expect("OBJECT", site)
        return
    site.language = state_language(state, walk.language)
    kind = state.get("Type")
    if kind not in STATE_TYPES:
        _report_type(state, site)
        return
    if walk.language == "JSONata" and site.language == "JSONPath":
        site.error("'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine")
    else:
        check_names(kind, state, site)
    check_presence(kind, state, site)
    check_values(kind, state, site)
    _check_own_rules(kind, state, site, walk)
    for owner, field_name, document, express, isolated in _machines_inside(kind, state):
        place = Site(site.report, f"{site.location}/{field_name}", walk.language, site.express or express)
        inside = None if machine is None else (machine, name)
        check_machine(owner, document, place, walk, inside, isolated)


def _check_own_rules(kind: str, state: dict[str, Any], site: Site, walk: Walk) -> None:
    if kind == "Task":
        check_task(state, site, walk.known_api)
    elif kind == "Pass" and "Result" in state:
        check_static(state["Result"], site.at("Result"))
    elif kind == "Choice" and "Choices" in state:
        check_rules(state["Choices"], site.at("Choices"))
    elif kind == "Parallel" and "Branches" in state:
        branches = state["Branches"]
        if not isinstance(branches, list):
            expect("ARRAY", site.at("Branches"))
        elif not branches:
            site.at("Branches").error("Value cannot be empty")
    elif kind == "Map":
        check_map(state, site)
        _check_label(state, site, walk)


def _machines_inside(kind: str, state: dict[str, Any]) -> list[tuple[str, str, Any, bool, bool]]:
    """Owner, field, document, Express, isolated of each machine that the state holds."""
    if kind == "Parallel" and isinstance(state.get("Branches"), list):
        return [("Branch", f"Branches[{i}]", branch, False, False) for i, branch in enumerate(state["Branches"])]
    if kind == "Map":
        name, processor = processor_of(state)
        if name in state:
            return [("ItemProcessor", name, processor, has_express_children(state), is_distributed(state))]
    return []


def _check_name(name: str, site: Site, walk: Walk) -> None:
    if len(name) > NAME_CHARACTERS_MAX:
        site.error(
            f"Invalid State name: {name} exceeds the {NAME_CHARACTERS_MAX}-character limit allowed by the service",
            "INVALID_STATE_NAME",
        )
    elif not name:
        site.error("Invalid State name: a name cannot be empty", "INVALID_STATE_NAME")
    if name in walk.names:
        site.error(f"Duplicate State name: {name}", "DUPLICATE_STATE_NAME")
    walk.names.add(name)


def _check_label(state: dict[str, Any], site: Site, walk: Walk) -> None:
    label = state.get("Label")
    if not isinstance(label, str):
        return
    if label in walk.labels:
        site.at("Label").error(f"Duplicate Label name: {label}", "DUPLICATE_LABEL_NAME")
    walk.labels.add(label)


def _report_type(state: dict[str, Any], site: Site) -> None:
    if "Type" in state:
        site.at("Type").error(f"The field 'Type' should have one of these values: [{', '.join(STATE_TYPES)}]")
    else:
        site.error("These fields are required: [Type]")
