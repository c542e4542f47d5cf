"""What the tests of the clients share: a server as users run it, and the environment that `stepwell env` makes."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.server import Server

HERE = Path(__file__).parent
SAM = HERE / "templates" / "sam"
CDK = HERE / "templates" / "cdk" / "OrderStack.template.json"
ROLE = "arn:aws:iam::000000000000:role/any"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own for these tests; a deleted state machine is gone soon."""
    folder = tmp_path_factory.mktemp("clients")
    functions = folder / "functions.json"
    functions.write_text('{"functions": {"checker-dev": "%s:check_stock"}}' % (SAM / "handlers.py"))
    running = Server(folder, ["--functions", str(functions)], {"STEPWELL_DELETION_SECONDS": "1"})
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def client_environment(server: Server, tmp_path: Path) -> dict[str, str]:
    """The environment of a shell after `eval "$(stepwell env)"`, without any AWS files of this machine."""
    printed = server.run("env").stdout
    exported = {
        name: shlex.split(value)[0] for name, value in re.findall(r"^export (\w+)=(.*)$", printed, re.MULTILINE)
    }
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STEPWELL_"))}
    nowhere = {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }
    return clean | nowhere | exported
