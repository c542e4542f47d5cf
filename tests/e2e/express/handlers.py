"""Functions of the express tests."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any


def work(event: Any, context: Any) -> Any:
    """Sleep, then leave a file behind: what was cut off leaves none."""
    Path(event["path"] + ".begun").write_text(str(os.getpid()))
    time.sleep(event["seconds"])
    Path(event["path"]).touch()
    return event["path"]


def nap(event: Any, context: Any) -> Any:
    """When it began and ended."""
    begun = time.time()
    time.sleep(0.3)
    return [begun, time.time()]
