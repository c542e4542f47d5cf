"""History events in the shape that GetExecutionHistory gives.

Source: service model `HistoryEvent`; reference of members: `events.EVENT_TYPES`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from engine.history.events import BY_CODE
from engine.history.page_codec import DecodedEvents
from engine.payload import Payload

_NOT_TRUNCATED: Final = {"truncated": False}


def render(first_event_id: int, page: DecodedEvents, include_data: bool = True) -> list[dict[str, Any]]:
    """The events of one page, oldest first; timestamps in seconds with a millisecond fraction.

    Args:
        first_event_id: id of the page's first event.
        page: the decoded events.
        include_data: false leaves out input, output, assignedVariables and their Details.
    """
    seconds = page.timestamp_ms / 1000
    texts: list[str | None] = [None] * len(page.payloads)
    return [
        render_event(first_event_id + offset, seconds, event, page.payloads, texts, include_data)
        for offset, event in enumerate(page.events)
    ]


def render_event(
    event_id: int,
    seconds: float,
    event: Sequence[Any],
    payloads: Sequence[bytes],
    texts: list[str | None],
    include_data: bool,
) -> dict[str, Any]:
    """One event; `texts` caches the decoded payload texts of its page.

    A recorded event that has never been in a page still holds its payloads; then `payloads` and `texts` are not used.
    """
    kind = BY_CODE[event[0]]
    rendered: dict[str, Any] = {
        "timestamp": seconds,
        "type": kind.name,
        "id": event_id,
        "previousEventId": event[1],
    }
    if kind.member is not None:
        details: dict[str, Any] = {}
        for field, value in zip(kind.fields, event[2:], strict=False):
            if value is not None:
                _render_field(details, field, value, payloads, texts, include_data)
        rendered[kind.member] = details
    return rendered


def _render_field(
    details: dict[str, Any],
    field: str,
    value: Any,
    payloads: Sequence[bytes],
    texts: list[str | None],
    include_data: bool,
) -> None:
    match field:
        case "input" | "output":
            if include_data:
                details[field] = _text(value, payloads, texts)
                details[f"{field}Details"] = _NOT_TRUNCATED
        case "parameters":
            details[field] = _text(value, payloads, texts)
        case "assignedVariables":
            if include_data:
                details[field] = {name: _text(index, payloads, texts) for name, index in value.items()}
                details["assignedVariablesDetails"] = _NOT_TRUNCATED
        case "taskCredentials":
            details[field] = {"roleArn": value}
        case _:
            details[field] = value


def _text(index: int | Payload, payloads: Sequence[bytes], texts: list[str | None]) -> str:
    if isinstance(index, Payload):
        return index.text.decode("utf-8", "surrogatepass")
    text = texts[index]
    if text is None:
        text = texts[index] = payloads[index].decode("utf-8", "surrogatepass")
    return text
