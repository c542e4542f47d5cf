"""Moments as AWS reads them, and the context object's form."""

from __future__ import annotations

import pytest

from engine.timestamps import iso_from_ms, ms_from_iso


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("1970-01-01T00:00:00Z", 0, id="epoch"),
        pytest.param("2016-12-05T21:29:29Z", 1_480_973_369_000, id="utc"),
        pytest.param("2016-12-05T21:29:29.5Z", 1_480_973_369_500, id="fraction"),
        pytest.param("2016-12-05T22:29:29+01:00", 1_480_973_369_000, id="east"),
        pytest.param("2016-12-05T16:29:29-05:00", 1_480_973_369_000, id="west"),
        pytest.param("2016-12-05 21:29:29Z", None, id="no-t"),
        pytest.param("2016-12-05T21:29:29", None, id="no-zone"),
        pytest.param("2016-12-05t21:29:29z", 1_480_973_369_000, id="lower-case"),
        pytest.param("2016-12-05T21:29Z", 1_480_973_340_000, id="no-seconds"),
        pytest.param("2016-12-05T21:29:29.Z", 1_480_973_369_000, id="no-digit-behind-the-point"),
        pytest.param("2016-12-05T21:29:29.123456789Z", 1_480_973_369_123, id="nanoseconds"),
        pytest.param("2016-12-05T21:29:29.1234567891Z", None, id="ten-digits"),
        pytest.param("2016-12-05T21:29:29.058Z", 1_480_973_369_058, id="milliseconds-are-exact"),
        pytest.param("2016-12-05T21:29:59+00:00:30", 1_480_973_369_000, id="seconds-of-an-offset"),
        pytest.param("2016-12-05T21:29:29+18:00", 1_480_908_569_000, id="farthest-offset"),
        pytest.param("2016-12-05T21:29:29+18:01", None, id="too-far-an-offset"),
        pytest.param("2016-12-05T21:29:29+01:60", None, id="no-such-offset"),
        pytest.param("2016-12-05T21:29:60Z", None, id="leap-second"),
        pytest.param("2016-12-05T24:00:00Z", None, id="midnight-of-the-day-before"),
        pytest.param("2016-13-05T21:29:29Z", None, id="no-such-month"),
        pytest.param("2016-12-05", None, id="date-only"),
        pytest.param("٢016-12-05T21:29:29Z", None, id="other-digits"),
    ],
)
def test_moments_are_read(text: str, expected: int | None) -> None:
    assert ms_from_iso(text) == expected


def test_the_context_objects_form_has_milliseconds_and_z() -> None:
    assert iso_from_ms(1_790_218_588_731) == "2026-09-24T02:56:28.731Z"
