"""Functions for the real definitions: small, without state, and failing where their event says so."""

from __future__ import annotations

from typing import Any


class PaymentDeclined(Exception):
    """The bank says no."""


def step(event: Any, context: Any) -> Any:
    """Note that the function ran, and hand the event on."""
    trail = [*event.get("trail", []), context.function_name]
    return {**event, "trail": trail}


def pay(event: Any, context: Any) -> Any:
    """Decline what is too dear."""
    if event["amount"] > 100:
        raise PaymentDeclined(f"{event['amount']} is too much")
    return step(event, context)


def join(event: Any, context: Any) -> Any:
    """Join what parallel branches handed on."""
    return {"joined": [part["trail"][-1] for part in event], "trail": [context.function_name]}


def tune_initialise(event: Any, context: Any) -> Any:
    """The memory sizes to try; two of them are published in a loop."""
    return {"powerValues": event["powerValues"], "iterator": {"continue": True, "index": 0}}


def tune_publish(event: Any, context: Any) -> Any:
    """Publish one version; go on until all are."""
    state = event["lambdaConfigurations"]
    index = state["iterator"]["index"] + 1
    return {**state, "iterator": {"continue": index < len(state["powerValues"]), "index": index}}


def tune_execute(event: Any, context: Any) -> Any:
    """Measure one size; a negative one cannot be."""
    if event["value"] < 0:
        raise ValueError("no such size")
    return {"value": event["value"], "cost": 1000 / event["value"]}


def tune_analyse(event: Any, context: Any) -> Any:
    """The cheapest size."""
    return min(event["stats"], key=lambda it: it["cost"])


def server_create(event: Any, context: Any) -> Any:
    """Make a server, unless told not to."""
    if event.get("broken"):
        raise RuntimeError("no capacity")
    return "i-1"


def server_status(event: Any, context: Any) -> Any:
    """Pending at the first look, running at the second."""
    return {"status": "running" if "getStatusResult" in event else "pending"}


def message(event: Any, context: Any) -> Any:
    """What is told to the user."""
    return {"told": context.function_name, "error": event.get("errorInfo", {}).get("Error")}


def contact(event: Any, context: Any) -> Any:
    """Tell the user."""
    return event["webSocketMessage"]


def cheques(event: Any, context: Any) -> Any:
    """What the Map goes over."""
    return {"cheques": [{"id": number} for number in range(7)]}


def image(event: Any, context: Any) -> Any:
    """One image; the first attempt of an odd one finds the service busy."""

    class ServiceBusy(Exception):
        """Raised under the name that the definition retries."""

    ServiceBusy.__name__ = "Lambda.ServiceException"
    if event["input"] % 2 and event["token"]["State"]["RetryCount"] == 0:
        raise ServiceBusy("try again")
    return f"cheque-{event['input']}.png"


def archive(event: Any, context: Any) -> Any:
    """All images of the Map, in order."""
    return [it["ChequesImages"]["Payload"] for it in event["ChequesImagesList"]]
