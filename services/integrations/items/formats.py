"""The contents of S3 objects as items of a distributed Map: JSON, JSONL, CSV, and S3 inventories.

Source: reference of ItemReader; recordings of failing readers.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import zstandard

from engine.failure import StateError
from engine.payload import JsonError, decode_json
from engine.states.map_inputs import entries

READER_FAILED: Final = "States.ItemReaderFailed"
UNPACKED_BYTES_MAX: Final = 256 * 2**20
"""As much as an object that is not packed may have; a small packed one can hold thousands of times its size."""
_DELIMITERS: Final = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}


def input_type(config: Mapping[str, Any]) -> str:
    """`JSON`, `JSONL`, `CSV`, or `MANIFEST` of an inventory.

    Raises:
        StateError: States.ItemReaderFailed, a format that is not read here.
    """
    if config.get("ManifestType", "S3_INVENTORY") != "S3_INVENTORY":
        raise StateError(READER_FAILED, f"Manifests of type {config['ManifestType']} cannot be read.")
    found = str(config.get("InputType", "MANIFEST" if "ManifestType" in config else "JSON"))
    if found not in ("JSON", "JSONL", "CSV", "MANIFEST"):
        raise StateError(READER_FAILED, f"Items of type {found} cannot be read.")
    return found


def items_of_object(data: bytes, config: Mapping[str, Any]) -> Iterator[Any]:
    """The items of an object that is no manifest.

    Raises:
        StateError: States.ItemReaderFailed, as the service would say it.
    """
    match input_type(config):
        case "JSONL":
            return (_json(line) for line in data.splitlines() if line.strip())
        case "CSV":
            return _csv_items(data, config)
        case _:
            return _json_items(data, config.get("ItemsPointer"))


def unpacked(key: str, content: bytes) -> bytes:
    """The content of an object whose name says that it is packed.

    Raises:
        StateError: States.ItemReaderFailed, it is not, or it is larger than one object may be.
    """
    try:
        if key.endswith(".gz"):
            data = gzip.GzipFile(fileobj=io.BytesIO(content)).read(UNPACKED_BYTES_MAX + 1)
        elif key.endswith((".zst", ".zstd")):
            reader = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content), read_across_frames=True)
            data = reader.read(UNPACKED_BYTES_MAX + 1)
        else:
            return content
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise StateError(READER_FAILED, f"{key} cannot be unpacked: {error}") from None
    if len(data) > UNPACKED_BYTES_MAX:
        raise StateError(READER_FAILED, f"{key} has more than {UNPACKED_BYTES_MAX} bytes when it is unpacked.")
    return data


def _json(text: bytes) -> Any:
    try:
        return decode_json(text)
    except JsonError as error:
        raise StateError(READER_FAILED, f"The object is not JSON: {error}") from None


def _json_items(data: bytes, pointer: str | None) -> Iterator[Any]:
    node = _json(data)
    for step in (pointer or "").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        try:
            node = node[int(name)] if isinstance(node, list) else node[name]
        except (KeyError, IndexError, ValueError, TypeError):
            raise StateError(READER_FAILED, f"ItemsPointer {pointer} points to nothing.") from None
    if isinstance(node, dict):
        return iter(entries(node))
    if not isinstance(node, list):
        raise StateError(READER_FAILED, "Attempting to map over non-iterable node.")
    return iter(node)


def _csv_items(data: bytes, config: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    delimiter = _DELIMITERS.get(str(config.get("CSVDelimiter", "COMMA")), ",")
    rows = _rows(data, delimiter)
    headers = config["CSVHeaders"] if config.get("CSVHeaderLocation") == "GIVEN" else next(rows, [])
    if len(set(headers)) != len(headers):
        raise StateError(READER_FAILED, "CSV headers cannot contain duplicates.")
    return rows_as_objects(headers, rows)


def _rows(data: bytes, delimiter: str = ",") -> Iterator[list[str]]:
    text = io.StringIO(data.decode("utf-8-sig", "replace"), newline="")
    return (row for row in csv.reader(text, delimiter=delimiter, escapechar="\\") if row)


def rows_as_objects(headers: Sequence[str], rows: Iterable[list[str]]) -> Iterator[dict[str, str]]:
    """An object per row: missing columns are empty, surplus ones are dropped.

    Its members stand in the order of the service's own hash table, not in that of the columns (recorded).
    """
    order = sorted(enumerate(headers), key=lambda column: _place(column[1], len(headers)))
    for row in rows:
        yield {header: row[index] if index < len(row) else "" for index, header in order}


def _place(text: str, count: int) -> int:
    """The slot of a text among `count` keys of a java.util.HashMap."""
    units = text.encode("utf-16-be", "surrogatepass")
    code = 0
    for index in range(0, len(units), 2):
        code = (31 * code + int.from_bytes(units[index : index + 2])) & 0xFFFF_FFFF
    slots = 16
    while count > slots * 3 // 4:
        slots *= 2
    return (code ^ code >> 16) & (slots - 1)


def inventory_files(data: bytes, bucket: str) -> tuple[str, list[str], list[str]]:
    """The bucket, the keys and the columns of an inventory's files, from its manifest.

    Raises:
        StateError: States.ItemReaderFailed, it is no manifest.
    """
    manifest = _json(data)
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), list):
        raise StateError(READER_FAILED, "The object is no manifest of an S3 inventory.")
    source = str(manifest.get("destinationBucket", bucket)).rpartition(":")[2]
    columns = [name.strip() for name in str(manifest.get("fileSchema", "")).split(",")]
    return source, [str(file.get("key")) for file in manifest["files"] if isinstance(file, dict)], columns


def inventory_rows(content: bytes, columns: list[str]) -> Iterator[dict[str, str]]:
    """The rows of one of its files."""
    return rows_as_objects(columns, _rows(content))
