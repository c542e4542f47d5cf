"""Finds the items of a distributed Map in data that TestState was given in place of S3."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from engine.failure import StateError
from services.integrations.items.formats import READER_FAILED, items_of_object


def reader_of(data: str) -> Callable[[Mapping[str, Any]], list[Any]]:
    """Read `data` as an ItemReader says that the object in S3 is written."""

    def read(reader: Mapping[str, Any]) -> list[Any]:
        most = reader.get("max_items") or 0
        if most < 0:
            raise StateError(READER_FAILED, "field MaxItems must be positive")
        return list(islice(_items(data, reader), most or None))

    return read


def _items(data: str, reader: Mapping[str, Any]) -> Iterable[Any]:
    """What stands for a listing, an inventory or a Parquet file is the JSON array of its items."""
    config = reader["config"]
    listed = reader["resource"].endswith(":s3:listObjectsV2") and config.get("Transformation", "NONE") == "NONE"
    if listed or "ManifestType" in config or config.get("InputType") in ("MANIFEST", "PARQUET"):
        config = {"InputType": "JSON"}
    return items_of_object(data.encode("utf-8", "surrogatepass"), config)
