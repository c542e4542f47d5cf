"""What a ResultWriter writes: files of entries by status, and the manifest that names them.

Source: captures of result files; the order of members is the service's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from engine.payload import decode_json, encode_json

FILES: Final = ("FAILED", "PENDING", "SUCCEEDED")
_INCLUDED: Final = {"Included": True}


class ResultFiles:
    """Collects the entries of one run.

    Args:
        config: WriterConfig: `Transformation` and `OutputType`.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Nothing is written yet."""
        self._lines = config.get("OutputType", "JSON") == "JSONL"
        self._transformation = config.get("Transformation", "NONE")
        self._entries: dict[str, list[bytes]] = {name: [] for name in FILES}

    def ended(self, described: Mapping[str, Any], output: bytes | None) -> None:
        """A child that ended; `output` is that of a success, None of anything else."""
        if output is None:
            self._entries["FAILED"].append(encode_json(dict(described)))
        else:
            self._entries["SUCCEEDED"].extend(transformed([output], self._transformation, described))

    def pending(self, given: bytes) -> None:
        """A child that never started."""
        entry = {"Input": given.decode("utf-8", "replace"), "InputDetails": _INCLUDED, "Status": "PENDING"}
        self._entries["PENDING"].append(encode_json(entry))

    def contents(self, *always: str) -> dict[str, bytes]:
        """Content by file name, of those that have any; an empty one of the kinds named."""
        suffix = "jsonl" if self._lines else "json"
        return {
            f"{name}_0.{suffix}": self._joined(found)
            for name, found in self._entries.items()
            if found or name in always
        }

    def _joined(self, entries: Sequence[bytes]) -> bytes:
        if self._lines:
            return b"".join(entry + b"\n" for entry in entries)
        return b"[" + b",".join(entries) + b"]"


def transformed(
    outputs: Iterable[bytes], transformation: str, described: Mapping[str, Any] | None = None
) -> list[bytes]:
    """Outputs of children as entries: whole descriptions (NONE), as they are (COMPACT), arrays joined (FLATTEN)."""
    if transformation == "NONE" and described is not None:
        return [encode_json(dict(described)) for _ in outputs]
    if transformation != "FLATTEN":
        return list(outputs)
    entries: list[bytes] = []
    for output in outputs:
        value = decode_json(output)
        entries.extend(encode_json(element) for element in (value if isinstance(value, list) else [value]))
    return entries


def manifest(bucket: str, run_arn: str, files: Sequence[tuple[str, int]]) -> bytes:
    """The manifest; `files` are keys and sizes."""
    listed = {
        kind: [{"Key": key, "Size": size} for key, size in files if key.rpartition("/")[2].startswith(kind)]
        for kind in FILES
    }
    return encode_json({"DestinationBucket": bucket, "MapRunArn": run_arn, "ResultFiles": listed})


def folder_of(parameters: Mapping[str, Any], run: str, redrive_count: int = 0) -> str:
    """Where the files of a run's attempt stand."""
    attempt = f"Redrive-{redrive_count}" if redrive_count else ""
    return "/".join(filter(None, (str(parameters.get("Prefix") or "").rstrip("/"), run, attempt)))
