"""Text from users in `text` columns, which cannot hold everything that JSON strings can."""

from __future__ import annotations

import re
from typing import Final, overload

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


@overload
def storable(text: str) -> str: ...
@overload
def storable(text: None) -> None: ...
@overload
def storable(text: str | None) -> str | None: ...
def storable(text: str | None) -> str | None:
    """The text with U+FFFD for NUL and for lone surrogates: a single one would make the whole statement fail."""
    return None if text is None else _UNSTORABLE.sub("\ufffd", text)
