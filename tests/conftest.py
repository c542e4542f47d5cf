"""What all tests share: tests are marked after the folder they lie in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.fixtures.postgres import database_url, postgres_server, store
from tests.fixtures.redis import redis_server, redis_url

__all__ = ["database_url", "postgres_server", "redis_server", "redis_url", "store"]

ROOT = Path(__file__).parent.parent
EXAMPLES = int(os.environ.get("STEPWELL_EXAMPLES", "100"))
_MARKED = ("integration", "e2e")

# A failure found at random is kept in .hypothesis and tried again; where that is not kept, everybody tries the same.
settings.register_profile(
    "stepwell",
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("stepwell")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test below `tests/integration` and `tests/e2e`."""
    for item in items:
        folder = item.path.relative_to(ROOT / "tests").parts[0]
        if folder in _MARKED:
            item.add_marker(folder)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Say what a test process of several had to say."""
    line = getattr(node, "workeroutput", {}).get("said")
    if line is not None:
        node.config.get_terminal_writer().line(f"\n{line}")
