"""Reads the items of a distributed Map out of the objects that a test case brings along."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from services.integrations.items.formats import input_type, inventory_files, inventory_rows, items_of_object, missing
from services.testing.s3_objects import Objects

_LISTED_SECONDS: Final = 1_767_225_600.0


class Unreadable(Exception):
    """The test host cannot read such items."""


def read_items(resource: str, config: Mapping[str, Any], parameters: Mapping[str, Any], objects: Objects) -> list[Any]:
    """The items of one run.

    Args:
        resource: of the ItemReader.
        config: its ReaderConfig.
        parameters: its evaluated Parameters or Arguments.
        objects: what there is in S3.

    Raises:
        StateError: States.ItemReaderFailed, as the service would say it.
        Unreadable: a format that only a server reads.
    """
    bucket = str(parameters.get("Bucket", ""))
    if resource.endswith(":s3:listObjectsV2"):
        if config.get("Transformation", "NONE") != "NONE":
            raise Unreadable("a mocked run cannot read listings with Transformation LOAD_AND_FLATTEN")
        return list(_listing(objects, bucket, str(parameters.get("Prefix", ""))))
    if config.get("ManifestType", "S3_INVENTORY") != "S3_INVENTORY":
        raise Unreadable(f"a mocked run cannot read manifests of type {config['ManifestType']}")
    if config.get("InputType") == "PARQUET":
        raise Unreadable("a mocked run cannot read items of type PARQUET")
    return list(_contents(config, objects, bucket, str(parameters.get("Key", ""))))


def _listing(objects: Objects, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    for key, size in objects.keys(bucket, prefix):
        tag = hashlib.md5(objects.buckets[bucket][key], usedforsecurity=False).hexdigest()
        yield {
            "Etag": f'"{tag}"',
            "Key": key,
            "LastModified": _LISTED_SECONDS,
            "Size": size,
            "StorageClass": "STANDARD",
        }


def _contents(config: Mapping[str, Any], objects: Objects, bucket: str, key: str) -> Iterator[Any]:
    data = _content(objects, bucket, key)
    if input_type(config) != "MANIFEST":
        yield from items_of_object(data, config)
        return
    source, keys, columns = inventory_files(data, bucket)
    for file in keys:
        yield from inventory_rows(_content(objects, source, file), columns)


def _content(objects: Objects, bucket: str, key: str) -> bytes:
    content = objects.get(bucket, key)
    if content is None:
        raise missing(bucket, key)
    return content
