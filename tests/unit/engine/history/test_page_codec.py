"""Events become bytes and come back; equal payloads are kept once."""

from __future__ import annotations

import pytest

from engine.history.events import CODE, EVENT_TYPES
from engine.history.page_codec import PayloadTable, decode_events, encode_events, expand, squeeze
from engine.history.render import render
from engine.payload import Payload

ENTERED, EXITED = CODE["PassStateEntered"], CODE["PassStateExited"]


def test_equal_payloads_are_stored_once() -> None:
    table = PayloadTable()
    events = [(ENTERED, 0, "A", Payload({"x": 1})), (EXITED, 1, "A", Payload({"x": 1}))]
    decoded = decode_events(encode_events(events, 5, table))
    assert decoded.payloads == [b'{"x":1}']
    assert decoded.events == [[ENTERED, 0, "A", 0], [EXITED, 1, "A", 0]]


def test_long_pages_are_compressed_and_short_ones_are_not() -> None:
    assert squeeze(b"a" * 100)[:1] == b"\0"
    assert squeeze(b"a" * 10_000)[:1] == b"\1"
    assert expand(squeeze(b"a" * 10_000)) == b"a" * 10_000


def test_a_page_of_another_format_is_not_guessed_at() -> None:
    with pytest.raises(AssertionError, match="unknown page format"):
        expand(b"\7rest")


def test_data_are_left_out_on_request_and_names_stay() -> None:
    table = PayloadTable()
    events = [(EXITED, 2, "A", Payload("é"), {"v": Payload(1)})]
    decoded = decode_events(encode_events(events, 1_500, table))
    (shown,) = render(3, decoded)
    assert shown == {
        "id": 3,
        "previousEventId": 2,
        "timestamp": 1.5,
        "type": "PassStateExited",
        "stateExitedEventDetails": {
            "name": "A",
            "output": '"é"',
            "outputDetails": {"truncated": False},
            "assignedVariables": {"v": "1"},
            "assignedVariablesDetails": {"truncated": False},
        },
    }
    (hidden,) = render(3, decoded, include_data=False)
    assert hidden["stateExitedEventDetails"] == {"name": "A"}


def test_absent_members_are_left_out_and_typed_details_stay() -> None:
    table = PayloadTable()
    decoded = decode_events(encode_events([(CODE["ExecutionFailed"], 1, None, None)], 0, table))
    assert render(2, decoded)[0]["executionFailedEventDetails"] == {}
    decoded = decode_events(encode_events([(CODE["TaskStateAborted"], 1)], 0, table))
    assert set(render(2, decoded)[0]) == {"id", "previousEventId", "timestamp", "type"}


def test_numbers_of_event_types_are_unique() -> None:
    assert len({event.code for event in EVENT_TYPES}) == len(EVENT_TYPES) == 62
