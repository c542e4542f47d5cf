"""S3 as the distributed Maps of a test case see it: the objects that the case brings along, and what its runs write."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from services.integrations.items.objects import ObjectError, Owner

_LISTED_SECONDS: Final = 1_767_225_600.0


class ObjectsError(ValueError):
    """The objects are not given as they must be; the message is what follows the member's name."""


@dataclass(frozen=True, slots=True)
class Objects:
    """Bucket to key to content."""

    buckets: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)


class CaseObjects:
    """`ItemObjects` of one run of a case. Every bucket can be written to; what is written can be read."""

    def __init__(self, given: Objects) -> None:
        """Nothing is written yet."""
        self._buckets = {bucket: dict(objects) for bucket, objects in given.buckets.items()}

    async def get(self, owner: Owner, parameters: Mapping[str, Any]) -> bytes:
        """The content of one object."""
        bucket, key = str(parameters.get("Bucket", "")), str(parameters.get("Key", ""))
        content = self._buckets.get(bucket, {}).get(key)
        if content is None:
            raise ObjectError(f"The specified key does not exist: s3://{bucket}/{key}")
        return content

    async def listing(self, owner: Owner, parameters: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """The objects below a prefix, in S3's order."""
        for key, content in sorted(self._buckets.get(str(parameters.get("Bucket", "")), {}).items()):
            if key.startswith(str(parameters.get("Prefix", ""))):
                yield {
                    "Etag": f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"',
                    "Key": key,
                    "LastModified": _LISTED_SECONDS,
                    "Size": len(content),
                    "StorageClass": "STANDARD",
                }

    async def put(self, owner: Owner, bucket: str, key: str, content: bytes) -> None:
        """Write one object."""
        self._buckets.setdefault(bucket, {})[key] = content


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
