"""How many payload bytes an execution holds; a payload that several frames share counts once."""

from __future__ import annotations

from collections.abc import Iterator

from engine.execution.execution import Execution
from engine.execution.frame import Attempt, Children, Ended, Frame
from engine.payload import Payload


class LaneMemory:
    """What all executions of a lane hold together."""

    __slots__ = ("held_bytes",)

    def __init__(self) -> None:
        """Nothing."""
        self.held_bytes = 0


def held_bytes(execution: Execution) -> int:
    """The sum over everything that its frames hold."""
    payloads = {id(payload): payload for frame in execution.frames.values() for payload in _payloads_of(frame)}
    return sum(payload.size_bytes for payload in payloads.values())


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
