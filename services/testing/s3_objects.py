"""S3 objects that a test case brings along, for the readers of distributed Maps: bucket, key, bytes."""

from __future__ import annotations

import base64
import binascii
import gzip
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import zstandard


class ObjectsError(ValueError):
    """The objects are not given as they must be; the message is what follows the member's name."""


@dataclass(frozen=True, slots=True)
class Objects:
    """Bucket to key to content."""

    buckets: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)

    def get(self, bucket: str, key: str) -> bytes | None:
        """The content of an object, unpacked if its name says that it is packed; None when there is none."""
        content = self.buckets.get(bucket, {}).get(key)
        return content if content is None else _unpacked(key, content)

    def keys(self, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
        """Keys with that prefix in S3's order, with the sizes of their objects."""
        for key, content in sorted(self.buckets.get(bucket, {}).items()):
            if key.startswith(prefix):
                yield key, len(content)


def read_objects(given: Any) -> Objects:
    """Read `{"bucket": {"key": "text" or {"base64": "..."}}}`.

    Raises:
        ObjectsError: it is not of that shape.
    """
    if not isinstance(given, dict):
        raise ObjectsError(" must map buckets to objects")
    buckets: dict[str, dict[str, bytes]] = {}
    for bucket, objects in given.items():
        if not isinstance(objects, dict):
            raise ObjectsError(f".{bucket} must map keys to contents")
        buckets[bucket] = {key: _content(content, f".{bucket}.{key}") for key, content in objects.items()}
    return Objects(buckets)


def _content(given: Any, where: str) -> bytes:
    if isinstance(given, str):
        return given.encode()
    if isinstance(given, dict) and isinstance(given.get("base64"), str):
        try:
            return base64.b64decode(given["base64"], validate=True)
        except binascii.Error as error:
            raise ObjectsError(f"{where}.base64: {error}") from None
    raise ObjectsError(f'{where} must be a text or {{"base64": ...}}')


def _unpacked(key: str, content: bytes) -> bytes:
    try:
        if key.endswith(".gz"):
            return gzip.decompress(content)
        if key.endswith((".zst", ".zstd")):
            return zstandard.ZstdDecompressor().decompressobj().decompress(content)
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise ObjectsError(f": {key} cannot be unpacked: {error}") from None
    return content
