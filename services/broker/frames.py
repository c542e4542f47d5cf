"""How bodies travel inside one kombu message: a msgpack array of byte strings, so that many go together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from services.broker import queues

CONTENT_TYPE: Final = "application/x-msgpack"
CONTENT_ENCODING: Final = "binary"
FRAME_BYTES_MAX: Final = 1_048_576
"""A frame takes no further body beyond this size; a larger single body still travels."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[bytes])


def join(bodies: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Pack (queue, body) pairs into as few (queue, frame) pairs as their order within a queue and the size allow.

    Bodies of a shared queue travel alone: joined ones would all go to the one process that takes the message.
    """
    open_frames: dict[str, list[bytes]] = {}
    open_bytes: dict[str, int] = {}
    for queue, body in bodies:
        if queues.is_shared(queue):
            yield queue, _encoder.encode((body,))
            continue
        size = open_bytes.get(queue, 0) + len(body)
        if size > FRAME_BYTES_MAX and queue in open_frames:
            yield queue, _encoder.encode(open_frames.pop(queue))
            size = len(body)
        open_frames.setdefault(queue, []).append(body)
        open_bytes[queue] = size
    for queue, frame in open_frames.items():
        yield queue, _encoder.encode(frame)


def split(frame: object) -> list[bytes]:
    """The bodies of a frame; none if it is not one of ours."""
    if not isinstance(frame, bytes):
        return []
    try:
        return _decoder.decode(frame)
    except msgspec.DecodeError:
        return []
