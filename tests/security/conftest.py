"""Real servers behind the doors that these tests knock at: one in a thread, one in a process of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tests.e2e.api.conftest import Server, machine, server
from tests.fixtures.server import Server as Up

__all__ = ["machine", "server", "sfn"]

_NUMBERS = itertools.count(1)


class Process(Up):
    """`stepwell up`, and what it takes."""

    def rss(self) -> int:
        """Resident bytes of the server's own process."""
        assert self.process is not None
        return int(psutil.Process(self.process.pid).memory_info().rss)


@pytest.fixture
def sfn(server: Server) -> Any:
    """A boto3 client of an account of its own that sends whatever it is told to."""
    return server.client(key=f"8{next(_NUMBERS):011d}", parameter_validation=False)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A server whose memory and time can be told from the test's."""
    running = Process(tmp_path_factory.mktemp("security"))
    running.start()
    try:
        yield running
    finally:
        running.stop()
