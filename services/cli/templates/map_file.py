"""The map file of a deployment: what the template refers to and nobody here deploys.

    {
      "ChargeCard": {"function": "handlers.py:charge"},
      "OrdersTable": "orders",
      "ShippingStack-QueueUrl": "http://localhost:9324/queue/shipping",
      "Connection.Arn": "arn:aws:events:us-east-1:000000000000:connection/billing/…",
      "arn:aws:lambda:us-east-1:111122223333:function:legacy": "arn:aws:lambda:us-east-1:000000000000:function:new"
    }

A key is a logical id, a logical id with an attribute, an export, a pseudo parameter, a dynamic reference or an ARN
that definitions hold. A value is a text, or for a function where it runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.cli.errors import CommandError
from services.cli.templates.reading import read_document


@dataclass(frozen=True, slots=True)
class References:
    """The entries of a map file: texts by key, and the targets of functions by logical id; `folder` is the file's."""

    values: dict[str, str] = field(default_factory=dict)
    functions: dict[str, Any] = field(default_factory=dict)
    folder: Path = Path()

    @property
    def arns(self) -> dict[str, str]:
        """What ARNs inside definitions are replaced by."""
        return {key: value for key, value in self.values.items() if key.startswith("arn:")}


def read_map(path: Path | None) -> References:
    """Read a map file; no file is an empty one.

    Raises:
        CommandError: it cannot be read, or an entry is neither a text nor a function.
    """
    if path is None:
        return References()
    document = read_document(path)
    if not isinstance(document, dict):
        raise CommandError(f"{path} must hold an object of names and what they stand for")
    found = References(folder=path.parent)
    for key, value in document.items():
        if isinstance(value, dict) and set(value) == {"function"}:
            found.functions[str(key)] = value["function"]
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            found.values[str(key)] = str(value)
        else:
            raise CommandError(f'{path}: {key!r} must be a text, or {{"function": TARGET}}')
    return found
