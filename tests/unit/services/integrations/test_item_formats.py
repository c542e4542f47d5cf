"""What is packed is unpacked up to the size that an object may have, and no further."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
import zstandard

from engine.failure import StateError
from services.integrations.items import formats
from services.integrations.items.formats import unpacked

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "k.gz": gzip.compress,
    "k.zst": zstandard.compress,
    "k.zstd": zstandard.compress,
}


@pytest.mark.parametrize("key", PACKERS)
@pytest.mark.parametrize(("size", "fits"), [(1_000, True), (1_001, False), (5_000_000, False)])
def test_an_object_is_unpacked_up_to_the_limit(
    monkeypatch: pytest.MonkeyPatch, key: str, size: int, fits: bool
) -> None:
    monkeypatch.setattr(formats, "UNPACKED_BYTES_MAX", 1_000)
    packed = PACKERS[key](b"x" * size)
    if fits:
        assert unpacked(key, packed) == b"x" * size
    else:
        with pytest.raises(StateError) as refused:
            unpacked(key, packed)
        assert refused.value.error == "States.ItemReaderFailed"
        assert refused.value.cause == f"{key} has more than 1000 bytes when it is unpacked."


@pytest.mark.parametrize("key", PACKERS)
def test_parts_that_were_packed_one_by_one_are_one_object(key: str) -> None:
    assert unpacked(key, PACKERS[key](b"one") + PACKERS[key](b"two")) == b"onetwo"


@pytest.mark.parametrize("key", PACKERS)
def test_what_is_not_packed_fails(key: str) -> None:
    with pytest.raises(StateError) as refused:
        unpacked(key, b"no archive")
    assert refused.value.cause is not None and refused.value.cause.startswith(f"{key} cannot be unpacked: ")


def test_other_objects_are_taken_as_they_are() -> None:
    assert unpacked("k.json", b"[1]") == b"[1]"
