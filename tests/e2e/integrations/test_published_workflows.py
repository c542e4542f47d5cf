"""Definitions as people publish them: every one deploys, apart from those that are broken where they come from."""

from __future__ import annotations

import json

import pytest

from services.cli.errors import ServerError
from tests.fixtures.server import Server
from tests.fixtures.shared import WORKFLOWS

ROLE = "arn:aws:iam::123456789012:role/any"
# Templates that code fills in before use, a trailing comma, and an intrinsic function that does not exist.
BROKEN = {
    "agent-with-tools-flow-template",
    "dynamic-agent-template",
    "dynamic-sql-agent-template",
    "pattern-1",
    "sfn-iot-data-analytics-dataset",
    "shared-fallback-state-jsonata",
    "supervisor-agent-flow-template",
    "web-search-agent",
}


@pytest.mark.skipif(not WORKFLOWS.exists(), reason="the published workflows are not at hand")
def test_every_published_definition_deploys(server: Server) -> None:
    client, refused, deployed = server.client, {}, 0
    for number, entry in enumerate(json.loads((WORKFLOWS / "index.json").read_text())):
        definition = (WORKFLOWS / entry["file"]).read_text()
        kind = "EXPRESS" if entry.get("type") == "EXPRESS" else "STANDARD"
        try:
            client.call("CreateStateMachine", name=f"w-{number}", definition=definition, roleArn=ROLE, type=kind)
            deployed += 1
        except ServerError as error:
            refused[entry["file"]] = str(error)
    really = {name: why for name, why in refused.items() if not any(one in name for one in BROKEN)}
    assert really == {}
    assert deployed >= 200
