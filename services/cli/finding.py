"""One line of what `stepwell doctor` found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what to do: "" where nothing is to be done."""

    check: str
    level: Level
    finding: str
    advice: str = ""
