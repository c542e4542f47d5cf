"""Bodies travel together where one process listens, and alone where several take turns."""

from __future__ import annotations

from services.broker import queues
from services.broker.frames import FRAME_BYTES_MAX, join, split

MINE = queues.scheduler("s")
YOURS = queues.incarnation("i")
OURS = queues.offers("default")


def framed(*bodies: tuple[str, bytes]) -> list[tuple[str, list[bytes]]]:
    return [(queue, split(frame)) for queue, frame in join(bodies)]


def test_bodies_of_one_queue_are_joined_in_order() -> None:
    assert framed((MINE, b"1"), (YOURS, b"2"), (MINE, b"3")) == [(MINE, [b"1", b"3"]), (YOURS, [b"2"])]


def test_bodies_of_a_shared_queue_travel_alone() -> None:
    assert framed((OURS, b"1"), (OURS, b"2")) == [(OURS, [b"1"]), (OURS, [b"2"])]


def test_a_frame_is_closed_before_it_grows_too_large() -> None:
    half = b"x" * (FRAME_BYTES_MAX // 2)
    assert [len(bodies) for _, bodies in framed((MINE, half), (MINE, half), (MINE, b"1"))] == [2, 1]


def test_a_body_larger_than_a_frame_still_travels() -> None:
    large = b"x" * (FRAME_BYTES_MAX + 1)
    assert framed((MINE, large), (MINE, b"1")) == [(MINE, [large]), (MINE, [b"1"])]


def test_what_is_no_frame_holds_nothing() -> None:
    assert [split(strange) for strange in (None, "text", b"\xff", b"{}")] == [[], [], [], []]
