"""The pytest plugin: `stepwell_server`, a real server for the tests of a project.

    @pytest.mark.stepwell(mocks="tests/mocks.json")
    def test_an_order_is_paid(stepwell_server):
        sfn = stepwell_server.client()

Tests that ask for the same things share a server. Loaded by every pytest run, so nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from services.testing.server import Server

_MARK = "stepwell(mocks=None, functions=(), targets=None, environment=None)"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The defaults of a project, in its pytest configuration."""
    parser.addini("stepwell_mocks", "mock file for stepwell_server", type="string", default="")
    parser.addini("stepwell_functions", "map files of function targets for stepwell_server", type="paths", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", f"{_MARK}: what the server of this test is started with.")


class Servers:
    """Running servers by what they were started with."""

    def __init__(self) -> None:
        """None runs yet."""
        self._stack = ExitStack()
        self._running: dict[str, Server] = {}

    def __len__(self) -> int:
        """How many run."""
        return len(self._running)

    def get(self, **wanted: Any) -> Server:
        """The server that was started so; starts it if there is none."""
        from services.testing.server import Server

        key = repr(sorted(wanted.items()))
        if key not in self._running:
            self._running[key] = self._stack.enter_context(Server(**wanted))
        return self._running[key]

    def close(self) -> None:
        """End them all."""
        self._stack.close()


@pytest.fixture(scope="session")
def stepwell_servers() -> Iterator[Servers]:
    """All servers of the session; `get(mocks=..., functions=..., targets=..., environment=...)` gives one."""
    servers = Servers()
    yield servers
    servers.close()


@pytest.fixture
def stepwell_server(request: pytest.FixtureRequest, stepwell_servers: Servers) -> Server:
    """A running server with an empty data folder of its own, shared with the tests that want the same one."""
    mark = request.node.get_closest_marker("stepwell")
    wanted = dict(mark.kwargs) if mark is not None else {}
    root = request.config.rootpath
    mocks = wanted.pop("mocks", None) or request.config.getini("stepwell_mocks")
    functions = wanted.pop("functions", None) or request.config.getini("stepwell_functions")
    return stepwell_servers.get(
        mocks=str(root / Path(mocks)) if mocks else None,
        functions=[str(root / Path(file)) for file in functions],
        **wanted,
    )
