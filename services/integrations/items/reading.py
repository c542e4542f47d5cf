"""Reads the items of a distributed Map out of S3, as its evaluated ItemReader says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from engine.failure import StateError
from services.integrations.items.formats import (
    READER_FAILED,
    input_type,
    inventory_files,
    inventory_rows,
    items_of_object,
    unpacked,
)
from services.integrations.items.objects import ItemObjects, ObjectError, Owner

ITEMS_MAX: Final = 2_000_000
"""What is made of items is kept in the store while a run lasts; a listing need not have an end."""


async def read_items(reader: Mapping[str, Any], owner: Owner, objects: ItemObjects) -> AsyncIterator[tuple[Any, str]]:
    """One item after the other with its `$$.Map.Item.Source`, all or as many as MaxItems lets in.

    Args:
        reader: evaluated: `resource`, `config`, `parameters`, `max_items`.
        owner: who reads.
        objects: the way to S3.

    Raises:
        StateError: States.ItemReaderFailed.
    """
    most = reader.get("max_items") or 0
    if most < 0:
        raise StateError(READER_FAILED, "field MaxItems must be positive")
    count = 0
    try:
        async for item in _items(reader, owner, objects):
            yield item
            count += 1
            if count == most:
                break
            if count > ITEMS_MAX:
                raise StateError(READER_FAILED, f"There are more than {ITEMS_MAX} items; MaxItems takes the first.")
    except ObjectError as error:
        raise StateError(READER_FAILED, str(error)) from None


async def _items(reader: Mapping[str, Any], owner: Owner, objects: ItemObjects) -> AsyncIterator[tuple[Any, str]]:
    config, parameters = reader["config"], reader["parameters"]
    bucket = str(parameters.get("Bucket", ""))
    place = f"s3://{bucket}/{parameters.get('Key') or parameters.get('Prefix', '')}"
    if reader["resource"].endswith(":s3:listObjectsV2"):
        async for listed in objects.listing(owner, parameters):
            if config.get("Transformation", "NONE") == "NONE":
                yield listed, place
                continue
            content = await _content(objects, owner, {"Bucket": bucket, "Key": listed["Key"]})
            for item in items_of_object(content, config):
                yield item, f"s3://{bucket}/{listed['Key']}"
        return
    content = await _content(objects, owner, parameters)
    if input_type(config) != "MANIFEST":
        for item in items_of_object(content, config):
            yield item, place
        return
    source, keys, columns = inventory_files(content, bucket)
    for key in keys:
        for item in inventory_rows(await _content(objects, owner, {"Bucket": source, "Key": key}), columns):
            yield item, place


async def _content(objects: ItemObjects, owner: Owner, parameters: Mapping[str, Any]) -> bytes:
    return unpacked(str(parameters.get("Key", "")), await objects.get(owner, parameters))
