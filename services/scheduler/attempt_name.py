"""The name of an attempt that waits for a nested execution: kept beside the child, it leads the child's end to it.

It is for schedulers only. A task token, which clients hold, is something else: nobody can make one from a name.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

CHILD_PATTERNS: Final = ("sync", "sync:2")


def attempt_name(execution_id: UUID, path: str, token: bytes) -> str:
    """The text of a name; it has no blank."""
    return f"{execution_id.hex}.{path}.{token.hex()}"


def read_attempt_name(text: str) -> tuple[UUID, str, bytes]:
    """Execution, path and attempt's token.

    Raises:
        ValueError: not a name.
    """
    execution_id, path, token = text.split(".")
    return UUID(hex=execution_id), path, bytes.fromhex(token)
