"""Reads the items of a distributed Map out of the objects that a test case brings along.

Source: reference of ItemReader: JSON, JSONL, CSV, S3 inventories, and listings.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping
from typing import Any, Final

from engine.failure import StateError
from engine.payload import JsonError, decode_json
from services.testing.s3_objects import Objects

_READER_FAILED: Final = "States.ItemReaderFailed"
_DELIMITERS: Final = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}
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
    data = objects.get(bucket, key)
    if data is None:
        raise StateError(_READER_FAILED, f"The specified key does not exist: s3://{bucket}/{key}")
    kind = config.get("InputType", "MANIFEST" if "ManifestType" in config else "JSON")
    if config.get("ManifestType", "S3_INVENTORY") != "S3_INVENTORY":
        raise Unreadable(f"a mocked run cannot read manifests of type {config['ManifestType']}")
    match kind:
        case "JSON":
            return _json_items(data, config.get("ItemsPointer"))
        case "JSONL":
            return (_json(line) for line in data.splitlines() if line.strip())
        case "CSV":
            return _csv_items(data, config)
        case "MANIFEST":
            return _inventory_items(data, objects, bucket)
        case _:
            raise Unreadable(f"a mocked run cannot read items of type {kind}")


def _json(text: bytes) -> Any:
    try:
        return decode_json(text)
    except JsonError as error:
        raise StateError(_READER_FAILED, f"The object is not JSON: {error}") from None


def _json_items(data: bytes, pointer: str | None) -> Iterator[Any]:
    node = _json(data)
    for step in (pointer or "").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        try:
            node = node[int(name)] if isinstance(node, list) else node[name]
        except (KeyError, IndexError, ValueError, TypeError):
            raise StateError(_READER_FAILED, f"ItemsPointer {pointer} points to nothing.") from None
    if isinstance(node, dict):
        return iter([{"Key": key, "Value": value} for key, value in node.items()])
    if not isinstance(node, list):
        raise StateError(_READER_FAILED, "Attempting to map over non-iterable node.")
    return iter(node)


def _csv_items(data: bytes, config: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    delimiter = _DELIMITERS.get(str(config.get("CSVDelimiter", "COMMA")), ",")
    rows = _rows(data, delimiter)
    headers = config["CSVHeaders"] if config.get("CSVHeaderLocation") == "GIVEN" else next(rows, [])
    if len(set(headers)) != len(headers):
        raise StateError(_READER_FAILED, "CSV headers cannot contain duplicates.")
    return (_row(headers, row) for row in rows)


def _rows(data: bytes, delimiter: str = ",") -> Iterator[list[str]]:
    text = io.StringIO(data.decode("utf-8-sig", "replace"), newline="")
    return (row for row in csv.reader(text, delimiter=delimiter, escapechar="\\") if row)


def _row(headers: list[str], row: list[str]) -> dict[str, str]:
    """Missing columns are empty, surplus ones are dropped."""
    return {header: row[index] if index < len(row) else "" for index, header in enumerate(headers)}


def _inventory_items(data: bytes, objects: Objects, bucket: str) -> Iterator[dict[str, str]]:
    manifest = _json(data)
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), list):
        raise StateError(_READER_FAILED, "The object is no manifest of an S3 inventory.")
    source = str(manifest.get("destinationBucket", bucket)).rpartition(":")[2]
    headers = [name.strip() for name in str(manifest.get("fileSchema", "")).split(",")]
    for file in manifest["files"]:
        content = objects.get(source, str(file.get("key")))
        if content is None:
            raise StateError(_READER_FAILED, f"The specified key does not exist: s3://{source}/{file.get('key')}")
        for row in _rows(content):
            yield _row(headers, row)
