"""What Parallel and inline Map share: collecting the outputs of their children."""

from __future__ import annotations

from engine.execution.frame import Ended, Frame
from engine.execution.step import Step
from engine.payload import Payload


def collected(frame: Frame, step: Step) -> Payload:
    """The outputs of all branches or iterations as one array, in order; their texts are joined, not made anew."""
    texts = []
    family = step.children_of(frame)
    for index in range(len(family.frames)):
        waits = family.frames[index].waits
        assert isinstance(waits, Ended), "a child has not ended"
        texts.append(waits.output.text)
    return Payload(text=b"[" + b",".join(texts) + b"]")
