"""Load an execution from its pages: the newest checkpoint and the pages after it, newest frame wins."""

from __future__ import annotations

from collections.abc import Sequence

from engine.asl.model import Program
from engine.execution.execution import Execution, Origin
from engine.execution.frame import Frame, path_order
from engine.execution.page import Page, decode_frames


def load(origin: Origin, program: Program, pages: Sequence[Page]) -> Execution:
    """The execution as it was after the last of these pages; no pages, not started yet.

    Args:
        origin: what was fixed at the start.
        program: the compiled definition of its revision.
        pages: in order, the first one a checkpoint.
    """
    execution = Execution(origin, program)
    if not pages:
        return execution
    assert pages[0].checkpoint, "pages must begin with a checkpoint"
    frames: dict[str, Frame] = {}
    for page in pages:
        changes = decode_frames(page)
        if page.checkpoint:
            frames.clear()
            execution.checkpoint_bytes, execution.pages_bytes = len(page.frames), 0
        else:
            execution.pages_bytes += len(page.frames)
        for parent in changes.childless:
            _drop_below(frames, parent)
        frames.update((frame.path, frame) for frame in changes.frames)
    for frame in sorted(frames.values(), key=path_order):
        execution.adopt(frame)
    execution.last_event_id = pages[-1].last_event_id
    execution.page_number = pages[-1].number
    return execution


def _drop_below(frames: dict[str, Frame], parent: str) -> None:
    prefix = f"{parent}/"
    for path in [path for path in frames if path.startswith(prefix)]:
        del frames[path]
