"""How the events of a turn become bytes: msgpack with every payload stored once, zstd when it is worth it.

Layout: one marker byte (0 plain, 1 zstd), then msgpack of `[timestamp_ms, payload texts, events]`. An event is
`[code, previous_event_id, members...]`; a payload member is an index into the payload texts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import zstandard

from engine.payload import Payload

COMPRESS_BYTES_MIN: Final = 512
_PLAIN: Final = b"\0"
_ZSTD: Final = b"\1"
_UNPACKED_BYTES_MAX: Final = 1 << 30

_compressor = zstandard.ZstdCompressor(level=1)
_decompressor = zstandard.ZstdDecompressor()
_decode = msgspec.msgpack.Decoder().decode

RecordedEvent = tuple[Any, ...]
"""`(code, previous_event_id, *members)` with Payload members, as `events.EVENT_TYPES` lists them."""


class PayloadTable:
    """Payload texts of one page in the order of their first use."""

    __slots__ = ("texts",)

    def __init__(self) -> None:
        """Start empty."""
        self.texts: dict[bytes, int] = {}

    def add(self, payload: Any) -> int:
        """The index of a payload's text; this is msgspec's hook for values it does not know."""
        if not isinstance(payload, Payload):
            raise TypeError(f"{type(payload).__name__} cannot stand in a page")
        texts = self.texts
        return texts.setdefault(payload.text, len(texts))


@dataclass(frozen=True, slots=True)
class DecodedEvents:
    """The events of one page, payload members still as indexes into `payloads` (JSON texts)."""

    timestamp_ms: int
    payloads: list[bytes]
    events: list[list[Any]]


def encode_events(events: Sequence[RecordedEvent], timestamp_ms: int, table: PayloadTable) -> bytes:
    """Pack the events of one turn; `table` keeps the payloads so that frames can refer to them too."""
    packed = msgspec.msgpack.encode(events, enc_hook=table.add)
    head = msgspec.msgpack.encode((timestamp_ms, list(table.texts)))
    # A two-element array of [head, events] without encoding the events twice.
    return squeeze(b"\x92" + head + packed)


def decode_events(data: bytes) -> DecodedEvents:
    """Unpack what `encode_events` made."""
    (timestamp_ms, payloads), events = _decode(expand(data))
    return DecodedEvents(timestamp_ms, payloads, events)


def squeeze(data: bytes) -> bytes:
    """Add the marker byte; compress what is long enough and gets shorter."""
    if len(data) >= COMPRESS_BYTES_MIN:
        packed = _compressor.compress(data)
        if len(packed) < len(data):
            return _ZSTD + packed
    return _PLAIN + data


def expand(data: bytes) -> bytes:
    """Undo `squeeze`."""
    marker, body = data[:1], data[1:]
    if marker == _PLAIN:
        return body
    assert marker == _ZSTD, "unknown page format: written by a newer release?"
    return _decompressor.decompress(body, max_output_size=_UNPACKED_BYTES_MAX)


def payload_reader(texts: Sequence[bytes]) -> Callable[[type, Any], Payload]:
    """msgspec's hook for reading payload indexes back; equal indexes give one shared Payload."""
    made: dict[int, Payload] = {}

    def read(kind: type, index: Any) -> Payload:
        assert kind is Payload
        payload = made.get(index)
        if payload is None:
            payload = made[index] = Payload(text=texts[index])
        return payload

    return read
