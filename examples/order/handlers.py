"""The functions of the order workflow, written as Lambda handlers: `handler(event, context)`."""

from __future__ import annotations

import time
from typing import Any

PRICES = {"teapot": 4900, "cup": 850, "tea": 1250}


class CardNetworkBusy(Exception):
    """The card network asks to try again."""


class OutOfStock(Exception):
    """There is not enough of something."""


def validate(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Check that every line names a thing that is sold."""
    unknown = [line["sku"] for line in event["lines"] if line["sku"] not in PRICES]
    return {"valid": not unknown, "unknown": unknown, "lines": len(event["lines"])}


def price(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Price one line; takes a moment, as a real service would."""
    time.sleep(0.3)
    line = event["line"]
    cents = PRICES[line["sku"]] * line["quantity"]
    print(f"line {event['position']}: {line['quantity']} x {line['sku']} = {cents / 100:.2f} {event['currency']}")
    return {**line, "cents": cents}


def charge(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Charge the card; the first attempt finds the network busy."""
    if event["attempt"] == 0:
        raise CardNetworkBusy("try again in a second")
    total = sum(line["cents"] for line in event["priced"])
    return {"receipt": f"R-{event['order']}", "total": total}


def reserve(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Reserve the goods; of cups there are never enough."""
    wanted = {line["sku"]: line["quantity"] for line in event["lines"]}
    if wanted.get("cup", 0) > 4:
        raise OutOfStock(f"{wanted['cup']} cups wanted, 4 there")
    return {"backOrder": False, "shelf": "A7"}


def notify(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Write to the customer."""
    payment = event["fulfilment"]["payment"]
    return {"to": event["customer"], "text": f"Order {event['id']} is ready, {payment['total'] / 100:.2f} charged."}


def refund(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Give the money back."""
    return {"refunded": event["id"]}
