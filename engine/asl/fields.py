"""Checks an object against its rows: fields that it or the query language lacks, fields that are missing, values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.asl.rules import BY_OWNER, EXCLUSIVES_BY_OWNER, REQUIRED, Exclusive, Field, Kind
from engine.asl.site import Site
from engine.asl.values import CHECKS, expect
from engine.failure import STATES_ALL

_WALKED_ELSEWHERE: Final = frozenset(
    {Kind.STATES, Kind.MACHINE, Kind.MACHINES, Kind.RULE, Kind.RULES, Kind.RESOURCE, Kind.CREDENTIALS}
)
_SEES_RESULT: Final = frozenset({"Task", "Parallel", "Map"})


def check_object(owner: str, value: Any, site: Site) -> bool:
    """Check one object and the plain objects inside it.

    Returns:
        False if it is no object at all; then that has been reported.
    """
    if not isinstance(value, dict):
        expect("OBJECT", site)
        return False
    check_names(owner, value, site)
    check_presence(owner, value, site)
    check_values(owner, value, site)
    return True


def check_names(owner: str, value: Mapping[str, Any], site: Site) -> None:
    """Report fields that the owner, or the query language, does not have: at the object, not at the field."""
    rows = BY_OWNER[owner]
    for name in value:
        row = rows.get(name)
        if row is None:
            site.error(f"Field '{name}' is not supported")
        elif row.language is not None and row.language != site.language:
            site.error(
                f"The QueryLanguage is set to '{site.language}', but field '{name}' "
                f"is only supported for the '{row.language}' QueryLanguage"
            )


def check_presence(owner: str, value: Mapping[str, Any], site: Site) -> None:
    """Report what is missing and what excludes each other."""
    missing = [name for name in REQUIRED[owner] if name not in value and _has(owner, name, site)]
    if missing:
        site.error(f"These fields are required: [{', '.join(missing)}]")
    for rule in EXCLUSIVES_BY_OWNER[owner]:
        check_exclusive(rule, value, site)


def check_exclusive(rule: Exclusive, value: Mapping[str, Any], site: Site) -> None:
    """Report several, or none, of the fields of which there must be one. `End: false` counts as absent."""
    given = sum(name in value and not (name == "End" and value[name] is False) for name in rule.fields)
    if given > 1:
        site.error(f"There should only be one of the following fields: [{', '.join(rule.fields)}]")
    elif given == 0 and rule.one_needed:
        site.error(f"This object should have only one of the following fields: [{', '.join(rule.fields)}]")


def check_values(owner: str, value: Mapping[str, Any], site: Site) -> None:
    """Check the value of every field that belongs here."""
    rows = BY_OWNER[owner]
    for name, content in value.items():
        row = rows.get(name)
        if row is None or row.language not in (None, site.language) or row.kind in _WALKED_ELSEWHERE:
            continue
        place = site.at(name)
        if row.kind is Kind.TEMPLATE or row.kind is Kind.VARIABLES:
            place = _seeing_outcome(owner, name, place)
        if row.kind is Kind.OBJECT:
            check_object(row.of, content, place)
        elif row.kind is Kind.OBJECTS:
            _check_objects(row, content, place)
        else:
            CHECKS[row.kind](content, row, place)


def _seeing_outcome(owner: str, name: str, site: Site) -> Site:
    """Output and Assign see the result of the work, or the error that was caught."""
    if name not in ("Output", "Assign"):
        return site
    return site.seeing(result=owner in _SEES_RESULT, error_output=owner == "Catcher")


def _check_objects(row: Field, value: Any, site: Site) -> None:
    """Check Retry or Catch."""
    if not isinstance(value, list):
        expect("ARRAY", site)
        return
    for index, entry in enumerate(value):
        place = site.item(index)
        check_object(row.of, entry, place)
        last = index == len(value) - 1
        if not last and isinstance(entry, dict) and entry.get("ErrorEquals") == [STATES_ALL]:
            place.at("ErrorEquals").error("States.ALL must appear alone and at end of list")


def _has(owner: str, name: str, site: Site) -> bool:
    return BY_OWNER[owner][name].language in (None, site.language)
