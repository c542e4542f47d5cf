"""Checks Choice rules, however deep they are nested."""

from __future__ import annotations

from typing import Any, Final

from engine.asl.fields import check_names, check_presence, check_values
from engine.asl.rules import OPERATORS
from engine.asl.site import Site
from engine.asl.values import expect

_SELECTORS: Final = ("And", "Or", "Not", "Variable", "Condition")
_OPERATORS: Final = frozenset(OPERATORS)


def check_rules(rules: Any, site: Site) -> None:
    """Check Choices."""
    _check_list("ChoiceRule", rules, site)


def _check_list(owner: str, rules: Any, site: Site) -> None:
    if not isinstance(rules, list):
        expect("ARRAY", site)
    elif not rules:
        site.error("Value cannot be empty")
    else:
        for index, rule in enumerate(rules):
            _check_rule(owner, rule, site.item(index))


def _check_rule(owner: str, rule: Any, site: Site) -> None:
    if not isinstance(rule, dict):
        expect("OBJECT", site)
        return
    check_names(owner, rule, site)
    _check_selector(rule, site)
    check_presence(owner, rule, site)
    check_values(owner, rule, site)
    if site.language == "JSONPath":
        for name in ("And", "Or"):
            if name in rule:
                _check_list("Operand", rule[name], site.at(name))
        if "Not" in rule:
            _check_rule("Operand", rule["Not"], site.at("Not"))


def _check_selector(rule: dict[str, Any], site: Site) -> None:
    """A rule is one comparison, one combination, or (JSONata) one condition."""
    selectors = [name for name in _SELECTORS if name in rule]
    if len(selectors) != 1:
        site.error(f"The object must have only one of the following fields, [{', '.join(_SELECTORS)}]")
        return
    operators = sum(name in _OPERATORS for name in rule)
    if selectors == ["Variable"] and operators == 0:
        site.error(f"This object should have only one of the following fields: [{', '.join(OPERATORS)}]")
    elif operators > 1:
        site.error(f"There should only be one of the following fields: [{', '.join(OPERATORS)}]")
