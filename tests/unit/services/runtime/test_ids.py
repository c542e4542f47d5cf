"""Ids that sort by time."""

from __future__ import annotations

from services.runtime.ids import SystemIds, uuid4, uuid7


def test_execution_ids_sort_by_their_time_whatever_the_random_part() -> None:
    assert uuid7(1_000, b"\xff" * 10) < uuid7(1_001, b"\x00" * 10)


def test_the_time_is_the_first_48_bits() -> None:
    assert uuid7(1_763_636_400_123, b"\xff" * 10).int >> 80 == 1_763_636_400_123


def test_versions_and_variants_are_marked() -> None:
    for made, version in ((uuid7(5, b"\xff" * 10), 7), (uuid4(b"\xff" * 16), 4), (uuid4(bytes(16)), 4)):
        assert made.version == version
        assert made.variant == "specified in RFC 4122"


def test_ids_of_one_millisecond_differ() -> None:
    ids = SystemIds()
    assert len({ids.execution_id(7) for _ in range(1_000)}) == 1_000
