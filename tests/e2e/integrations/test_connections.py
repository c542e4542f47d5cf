"""Connections: made on the command line, used by an HTTP task, their secrets seen by nobody else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.e2e.integrations.conftest import StandIn
from tests.fixtures.server import Server

SECRET = "hush-hush"


def description(value: str) -> str:
    key = {"ApiKeyName": "x-key", "ApiKeyValue": value}
    return json.dumps({"AuthorizationType": "API_KEY", "AuthParameters": {"ApiKeyAuthParameters": key}})


def definition(folder: Path, url: str, arn: str) -> str:
    parameters = {"ApiEndpoint": f"{url}/hello", "Method": "GET", "InvocationConfig": {"ConnectionArn": arn}}
    task = {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "Parameters": parameters, "End": True}
    file = folder / "call.asl.json"
    file.write_text(json.dumps({"StartAt": "Call", "States": {"Call": task}}))
    return str(file)


def test_a_connection_lives_from_create_to_delete(server: Server, stand_in: StandIn, tmp_path: Path) -> None:
    data = ["--data", str(server.folder / "data")]
    made = server.run("connections", "create", "orders", description(SECRET), *data)
    assert made.returncode == 0, made.stderr
    arn = made.stdout.strip()
    assert arn.startswith("arn:aws:events:us-east-1:000000000000:connection/orders/")
    file = definition(tmp_path, stand_in.url, arn)

    assert server.run("run", file).returncode == 0
    assert stand_in.seen[-1].headers["x-key"] == SECRET

    assert server.run("connections", "update", "orders", "-", *data, text=description("other")).returncode == 0
    assert server.run("run", file).returncode == 0
    assert stand_in.seen[-1].headers["x-key"] == "other"

    listed: Any = json.loads(server.run("connections", "list", "--json", *data).stdout)
    assert [(it["name"], it["authorizationType"], it["arn"]) for it in listed] == [("orders", "API_KEY", arn)]

    assert server.run("connections", "delete", arn, *data).returncode == 0
    failed = server.run("run", file)
    assert (failed.returncode, "Events.ConnectionResource.ResourceNotFound" in failed.stderr) == (1, True)
    assert len(stand_in.seen) == 2
    assert SECRET.encode() not in server.log.read_bytes()


def test_what_is_wrong_is_one_line(server: Server, tmp_path: Path) -> None:
    data = ["--data", str(server.folder / "data")]
    for arguments, said in [
        (("create", "bad", '{"AuthorizationType": "MAGIC"}', *data), "AuthorizationType must be one of"),
        (("delete", "nobody", *data), "there is no connection 'nobody'"),
        (("list", "--data", str(tmp_path)), "no `stepwell up` runs on the data folder"),
    ]:
        done = server.run("connections", *arguments)
        assert (done.returncode, said in done.stderr, done.stderr.count("\n")) == (2, True, 1), done.stderr
