"""What all tests share: tests are marked after the folder they lie in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.postgres import database_url, postgres_server, store
from tests.fixtures.redis import redis_server, redis_url

__all__ = ["database_url", "postgres_server", "redis_server", "redis_url", "store"]

ROOT = Path(__file__).parent.parent
_MARKED = ("integration", "e2e")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test below `tests/integration` and `tests/e2e`."""
    for item in items:
        folder = item.path.relative_to(ROOT / "tests").parts[0]
        if folder in _MARKED:
            item.add_marker(folder)
