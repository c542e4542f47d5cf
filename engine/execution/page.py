"""A page: what one turn writes. Interface only for now; the codec follows."""

from __future__ import annotations

from dataclasses import dataclass


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
