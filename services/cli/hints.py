"""What a person is told beyond a diagnostic: the very field that is wrong, and the name that was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from engine.asl.model import Diagnostic
from engine.asl.rules import FIELDS
from services.cli.source_map import SourceMap

_FIELD = re.compile(r"[Ff]ield '([^']+)' is (?:not supported|only supported)")
_NAMES_MAX = 2_000
_TARGET = re.compile(r"Missing '(?:Next|StartAt)' target: (.+)", re.DOTALL)


def sharper(diagnostic: Diagnostic, places: SourceMap) -> str | None:
    """The place to point at: AWS names the state where a field does not belong into it, we show the field."""
    found = _FIELD.search(diagnostic.message)
    if found is None or diagnostic.location is None:
        return diagnostic.location
    field = f"{diagnostic.location.rstrip('/')}/{found[1]}"
    return field if field in places else diagnostic.location


def state_names(places: SourceMap) -> frozenset[str]:
    """The names of all states of a definition; none of one with too many to look through."""
    pointers = (pointer.rpartition("/States/") for pointer in places.pointers)
    names = {name for _, mark, name in pointers if mark and "/" not in name}
    return frozenset(name.replace("~1", "/").replace("~0", "~") for name in names if len(names) <= _NAMES_MAX)


def hint_for(diagnostic: Diagnostic, states: Iterable[str]) -> str:
    """The field or state that was probably meant; "" when nothing is near."""
    field, target = _FIELD.search(diagnostic.message), _TARGET.fullmatch(diagnostic.message)
    if target is not None:
        near = _nearest(target[1], states)
    elif field is not None and "QueryLanguage is" not in diagnostic.message:
        near = _nearest(field[1], {row.name for row in FIELDS})
    else:
        return ""
    return f"did you mean '{near}'?" if near else ""


def _nearest(name: str, candidates: Iterable[str]) -> str:
    folded = {candidate.casefold(): candidate for candidate in sorted(candidates) if candidate != name}
    found = get_close_matches(name.casefold(), folded, n=1, cutoff=0.75)
    return folded[found[0]] if found else ""
