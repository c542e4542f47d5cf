"""`python -m loadtest.jsonata_bench`: what JSONata expressions cost, and a workflow of them beside one of JSONPath.

CPU time, medians of many rounds: other work on the machine shows less in them than in means. The input has 1 KiB.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from typing import Any, Final

from engine.expressions.jsonata import compile_jsonata
from engine.expressions.scope import MISSING, Expression, Scope
from loadtest.bench.workloads import Workload
from loadtest.engine_bench import measure

_ROUNDS: Final = 301
_CALLS: Final = 200

INPUT: Final[dict[str, Any]] = {
    "order": {"id": "o-1", "total": 129.5, "currency": "EUR", "placed": "2026-01-02T03:04:05Z"},
    "customer": {"name": "Ada Lovelace", "email": "ada@example.com", "tags": ["new", "vat"], "credit": 500},
    "items": [
        {"sku": f"sku-{at}", "quantity": at % 3 + 1, "price": 10.5 + at, "name": f"thing number {at}"}
        for at in range(11)
    ],
    "note": "x" * 40,
}

EXPRESSIONS: Final = (
    "$states.input.order.total",
    "$states.input.order.total * 1.19",
    "$states.input.order.total > 100 and $states.input.customer.credit >= 500",
    "$states.input.customer.name & ' <' & $states.input.customer.email & '>'",
    "$uppercase($states.input.order.currency)",
    "{'id': $states.input.order.id, 'to': $states.input.customer.email, 'n': $count($states.input.items)}",
    "$states.input.items.sku",
    "$sum($states.input.items.(price * quantity))",
    "$states.input.items[price > 15].sku",
    "$map($states.input.items, function($i){ $i.price })",
)

_STATES: Final = 20


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.jsonata_bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each workflow's measurement (default: 3)")
    seconds = parser.parse_args().seconds
    gc.freeze()
    for source in EXPRESSIONS:
        print(f"{median_us(compile_jsonata(f'{{% {source} %}}', 'Output')):6.2f} us  {source}")
    rates = {}
    for name, make in (("JSONPath", jsonpath_pass), ("JSONata", jsonata_pass)):
        workload = Workload(name, f"{name} Pass states", pass_states(name, make), INPUT, _STATES)
        rates[name] = statistics.median(measure(workload, seconds / 3, render=False) for _ in range(3)) * _STATES
        print(f"{rates[name]:,.0f} transitions/s in {_STATES} {name} Pass states")
    print(f"JSONata / JSONPath: {rates['JSONata'] / rates['JSONPath']:.0%}")


def median_us(expression: Expression) -> float:
    """Microseconds of CPU time of one evaluation."""
    scope = Scope(INPUT, dict, {}, bytes, result=MISSING, now_ms=0)
    spent = []
    for _ in range(_ROUNDS):
        begun = time.process_time_ns()
        for _ in range(_CALLS):
            expression(scope)
        spent.append((time.process_time_ns() - begun) / _CALLS / 1000)
    return statistics.median(spent)


def pass_states(language: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A chain of Pass states that each make an object of four parts of their input."""
    states = {f"S{at}": {"Type": "Pass", **make(), "Next": f"S{at + 1}"} for at in range(_STATES)}
    last = states[f"S{_STATES - 1}"]
    del last["Next"]
    return {"QueryLanguage": language, "StartAt": "S0", "States": {**states, f"S{_STATES - 1}": {**last, "End": True}}}


def jsonpath_pass() -> dict[str, Any]:
    """The JSONPath form."""
    fields = ("order", "customer", "items", "note")
    return {"Parameters": {f"{field}.$": f"$.{field}" for field in fields}}


def jsonata_pass() -> dict[str, Any]:
    """The JSONata form."""
    fields = ("order", "customer", "items", "note")
    return {"Output": {field: f"{{% $states.input.{field} %}}" for field in fields}}


if __name__ == "__main__":
    main()
