"""A page: what one turn writes; its frames column is packed and unpacked here.

Frames column: marker byte, then msgpack of `[format, head, frames, ended parents, more payload texts]`. Payload
members are indexes into the payload texts of the events column followed by the ones here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from engine.execution.frame import Frame
from engine.history.page_codec import PayloadTable, decode_events, expand, payload_reader, squeeze

_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Page:
    """One committed turn of one execution, as the store keeps it.

    Attributes:
        number: 1, 2, 3, ... without gaps; the store's primary key is (execution, number).
        first_event_id, last_event_id: the history events in it; last < first when it has none (a heartbeat).
        events: packed events with their payloads.
        frames: packed frames that the turn changed, or all live frames when `checkpoint` is true.
        checkpoint: loading needs no older page.
    """

    number: int
    first_event_id: int
    last_event_id: int
    events: bytes
    frames: bytes
    checkpoint: bool


@dataclass(frozen=True, slots=True)
class FrameChanges:
    """What a page says about frames: those that changed, and the parents whose children are gone."""

    frames: list[Frame]
    childless: list[str]


def encode_frames(frames: Sequence[Frame], childless: Sequence[str], table: PayloadTable) -> bytes:
    """Pack changed frames; `table` already holds the payloads of the page's events."""
    known = len(table.texts)
    packed = msgspec.msgpack.encode(frames, enc_hook=table.add)
    rest = msgspec.msgpack.encode((list(childless), list(table.texts)[known:]))
    # [format, frames, [childless, texts]]
    return squeeze(b"\x93" + bytes((_FORMAT,)) + packed + rest)


def decode_frames(page: Page) -> FrameChanges:
    """Unpack a page's frames column; needs its events column for the payloads they share."""
    form, frames, (childless, texts) = msgspec.msgpack.decode(expand(page.frames))
    assert form == _FORMAT, "page written by a newer release"
    hook = payload_reader(decode_events(page.events).payloads + texts) if frames else None
    return FrameChanges(msgspec.convert(frames, list[Frame], dec_hook=hook), childless)
