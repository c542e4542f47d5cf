"""Objects in S3 for whatever a definition's readers ask for: any bucket, any key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from engine.asl.model import MapState, Program
from services.integrations.items.formats import input_type
from services.testing.s3_objects import Objects

_CSV = b"id,name\n1,one\n2,two\n3,three\n"
_MANIFEST = {"sourceBucket": "any", "destinationBucket": "arn:aws:s3:::any", "fileFormat": "CSV"}


class AnyObjects(Objects):
    """Answers in the format that the definition's first reader wants, unless a key's ending says otherwise."""

    _kind: str
    _item: Any

    def __init__(self, program: Program, item: Any) -> None:
        """`item` is one item of a JSON array."""
        super().__init__(_Everything())
        readers = [state.item_reader for state in program.all_states.values() if isinstance(state, MapState)]
        kinds = [input_type(reader.config) for reader in readers if reader is not None and reader.config]
        object.__setattr__(self, "_kind", kinds[0] if kinds else "JSON")
        object.__setattr__(self, "_item", item)

    def get(self, bucket: str, key: str) -> bytes | None:
        """The content of any object."""
        kind = self._kind
        if key.endswith("data.csv") or kind == "CSV":
            return _CSV
        if kind == "MANIFEST":
            columns = {"fileSchema": "Bucket, Key, Size", "files": [{"key": "data.csv"}]}
            return json.dumps(_MANIFEST | columns).encode()
        if kind == "JSONL":
            return b"\n".join([json.dumps(self._item).encode()] * 2)
        return json.dumps([self._item, self._item]).encode()

    def keys(self, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
        """Two objects below any prefix."""
        for name in ("a.txt", "b.json"):
            yield prefix + name, len(_CSV)


class _Everything(dict[str, Any]):
    def __missing__(self, key: str) -> Any:
        return _Contents()


class _Contents(dict[str, bytes]):
    def __missing__(self, key: str) -> bytes:
        return _CSV
