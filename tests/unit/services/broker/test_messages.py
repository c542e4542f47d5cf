"""Every message survives the wire, and nothing else gets in."""

from __future__ import annotations

import msgspec
import pytest

from services.broker.messages import (
    Ack,
    Beat,
    Claim,
    Command,
    Grant,
    Hint,
    Message,
    Offer,
    Poll,
    Refusal,
    Reply,
    Result,
    TaskJob,
    Wish,
    decode,
    encode,
    pack,
    unpack,
)

JOB = TaskJob(
    "arn:aws:states:::lambda:invoke",
    "lambda",
    "invoke",
    "request_response",
    b"{}",
    "e",
    "m",
    "S",
    "r",
    "",
    5,
    None,
    "",
    "k",
)
EACH: list[Message] = [
    Hint([b"e" * 16]),
    Offer(b"e" * 16, 3, "0/1", b"t" * 16, "q"),
    Claim(b"e" * 16, 3, "0/1", b"t" * 16, "i"),
    Refusal(b"t" * 16),
    Grant(b"e" * 16, 3, "0/1", b"t" * 16, b"g" * 16, "i", "q", JOB),
    Result(b"e" * 16, 3, "0/1", b"t" * 16, b"g" * 16, "i", "succeeded", b'{"a":1}'),
    Ack([b"g" * 16, b"h" * 16]),
    Beat("i", "default", 7, True),
    Poll(b"e" * 16, 3, "0/1", b"t" * 16, b"g" * 16, "q", JOB, b"{}"),
    Command("r", "q", b"e" * 16, 3, "stop", pack("error", None)),
    Reply("r", "", pack(17)),
    Wish("q", [("arn:aws:states:us-east-1:000000000000:activity:a", 2)]),
]


def test_every_message_is_read_as_it_was_written() -> None:
    assert decode(encode(EACH)) == EACH


@pytest.mark.parametrize("body", [b"", b"\x00", b"{}", encode(EACH)[:-3], msgspec.msgpack.encode([[99, 1]])])
def test_what_is_not_ours_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(body)


def test_a_message_with_a_later_field_is_still_read() -> None:
    assert decode(msgspec.msgpack.encode([[4, b"t" * 16, "a field of a later release"]])) == [Refusal(b"t" * 16)]


def test_no_values_need_no_body() -> None:
    assert unpack(b"") == []
    assert unpack(pack("a", None, 3)) == ["a", None, 3]
