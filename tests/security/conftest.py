"""A real server behind the doors that these tests knock at."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.e2e.api.conftest import Server, machine, server

__all__ = ["machine", "server", "sfn"]

_NUMBERS = itertools.count(1)


@pytest.fixture
def sfn(server: Server) -> Any:
    """A boto3 client of an account of its own that sends whatever it is told to."""
    return server.client(key=f"8{next(_NUMBERS):011d}", parameter_validation=False)
