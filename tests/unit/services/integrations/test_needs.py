"""What a definition needs: what runs each resource, where its calls go, and what is missing there."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.asl.parse import compile_definition
from engine.payload import encode_json
from services.integrations.credentials import RoleMap
from services.integrations.endpoints import Endpoints
from services.integrations.functions.targets import EchoTarget, HttpTarget, Targets
from services.integrations.needs import Need, needs_of, unreachable

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:"
ROLE = "arn:aws:iam::000000000000:role/any"
TARGETS = Targets({"here": EchoTarget(), "there": HttpTarget(url="http://127.0.0.1:9")})
ENVIRONMENT = {"AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9324", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9000"}
NO_KEYS = "no credentials for the role: name it in STEPWELL_ROLES_FILE, or set "
MAP_IT = NO_KEYS + "AWS_ENDPOINT_URL_LAMBDA, or map the function with --function"
QUEUES = "http://127.0.0.1:9324"
UNKNOWN = (
    "The resource provided arn:aws:states:::aws-sdk:nosuch:thing is not recognized. The value is not a valid resource "
    "ARN, or the resource is not available in this region."
)


def need(resource: str, **parameters: Any) -> Need:
    state = {"Type": "Task", "Resource": resource, "End": True, **({"Parameters": parameters} if parameters else {})}
    program = compile_definition(encode_json({"StartAt": "T", "States": {"T": state}}).decode())
    (found,) = needs_of(program, Endpoints(ENVIRONMENT), TARGETS, RoleMap(), ROLE)
    assert found.resource == resource
    return found


@pytest.mark.parametrize(
    ("resource", "parameters", "how", "endpoint", "problem"),
    [
        (f"{FUNCTION}here", {}, "function", "here", ""),
        (f"{FUNCTION}there", {}, "function", "http://127.0.0.1:9", ""),
        (f"{FUNCTION}other", {}, "function", "AWS", MAP_IT),
        ("arn:aws:states:us-east-1:000000000000:activity:a", {}, "activity", "whoever polls the activity", ""),
        ("arn:aws:states:::sqs:sendMessage", {"QueueUrl": "q", "MessageBody": "m"}, "optimised", QUEUES, ""),
        ("arn:aws:states:::sns:publish", {"Message": "m"}, "optimised", "AWS", f"{NO_KEYS}AWS_ENDPOINT_URL"),
        ("arn:aws:states:::aws-sdk:s3:listBuckets", {"X": 1}, "aws-sdk", "http://127.0.0.1:9000", ""),
        ("arn:aws:states:::states:startExecution.sync:2", {"StateMachineArn": "a"}, "optimised", "Stepwell", ""),
        ("arn:aws:states:::aws-sdk:nosuch:thing", {"X": 1}, "unknown", "", UNKNOWN),
    ],
)
def test_what_runs_a_resource(resource: str, parameters: Any, how: str, endpoint: str, problem: str) -> None:
    found = need(resource, **parameters)
    assert (found.how, found.endpoint, found.problem) == (how, endpoint, problem)


def test_readers_and_writers_of_maps_are_needs_too() -> None:
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "P",
        "States": {"P": {"Type": "Pass", "End": True}},
    }
    state = {
        "Type": "Map",
        "ItemProcessor": processor,
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSON"},
            "Parameters": {"Bucket": "b", "Key": "k"},
        },
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b", "Prefix": "p"}},
        "End": True,
    }
    program = compile_definition(encode_json({"StartAt": "M", "States": {"M": state}}).decode())
    found = list(needs_of(program, Endpoints(ENVIRONMENT), TARGETS, RoleMap(), ROLE))
    assert [(one.state, one.url, one.problem) for one in found] == [
        ("M ItemReader", "http://127.0.0.1:9000", ""),
        ("M ResultWriter", "http://127.0.0.1:9000", ""),
    ]


async def test_an_endpoint_is_tried_once_however_many_states_use_it() -> None:
    connections = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        assert await reader.read() == b""
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    needs = [Need("A", "r", "optimised", url, url), Need("B", "r", "optimised", url, url)]
    silent = await unreachable([*needs, Need("C", "r", "function", "there", "http://127.0.0.1:1")])
    server.close()
    assert silent == {"http://127.0.0.1:1": "connection refused"}
    assert connections == [1]
