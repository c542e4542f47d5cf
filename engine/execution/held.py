"""How many payload bytes an execution holds in memory; a payload that several frames share counts once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.execution.execution import Execution
from engine.execution.frame import Attempt, Children, Ended, Frame
from engine.history.page_codec import RecordedEvent
from engine.payload import Payload


def held_bytes(execution: Execution) -> int:
    """The sum over everything that its frames hold."""
    payloads = {id(payload): payload for frame in execution.frames.values() for payload in _payloads_of(frame)}
    return sum(payload.size_bytes for payload in payloads.values())


def recorded_bytes(events: Sequence[RecordedEvent]) -> int:
    """An upper bound of what a turn can have added to it: whatever a frame holds stood in an event first."""
    total = 0
    for event in events:
        for member in event[2:]:
            if isinstance(member, Payload):
                total += member.size_bytes
            elif isinstance(member, dict):
                total += sum(payload.size_bytes for payload in member.values())
    return total


def _payloads_of(frame: Frame) -> Iterator[Payload]:
    yield frame.input
    yield from frame.variables.values()
    if frame.item is not None:
        yield frame.item[1]
    match frame.waits:
        case Attempt(input=payload) | Ended(output=payload):
            yield payload
        case Children(items=Payload() as items):
            yield items
        case _:
            pass
