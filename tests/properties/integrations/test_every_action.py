"""Every action of every service: its parameters become a signed request, what it answers becomes JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from random import Random
from typing import Any

import pytest

from engine.payload import encode_json
from services.integrations.aws_sdk import actions_of, operation_of
from services.integrations.clients import Clients, Prepared
from services.integrations.credentials import FrozenKeys, KeyHolder
from services.integrations.endpoints import Endpoints
from services.integrations.known_api import known_api
from services.integrations.known_parameters import check_parameters
from services.integrations.models import service_model
from services.integrations.optimised import Service
from services.integrations.outlines import input_outline, outline_of
from services.integrations.registry import TABLE
from services.integrations.sdk_services import SDK_SERVICES, SdkService
from services.integrations.shapes import (
    OPTIMISED,
    SDK,
    Dialect,
    is_stream,
    iso_time,
    text_or_base64,
    to_json,
    to_parameters,
)
from tests.conftest import EXAMPLES
from tests.fixtures.shape_values import shape_value

KEYS = KeyHolder(FrozenKeys("key", "secret"))
NO_REQUEST = {
    "accountaccessruntime": "signs with a bearer token",
    "codecatalyst": "signs with a bearer token",
    "cloudfrontkeyvaluestore": "its endpoint is in an ARN",
    "eventbridge": "a global endpoint is signed with a library of its own",
    "sesv2": "a global endpoint is signed with a library of its own",
    "machinelearning": "its endpoint is in a parameter",
    "s3": "checksums of other kinds than CRC32 and SHA need a library of their own",
}
"""Services some of whose requests need more than random values."""


def chosen() -> list[SdkService]:
    """Every service in a long run, else some that stand for all and a few others."""
    names = sorted(SDK_SERVICES)
    if EXAMPLES <= 100:
        names = ["batch", "cloudwatch", "dynamodb", "ecs", "eventbridge", "lambda", "route53", "s3", "sfn", "sqs"]
        names += Random(EXAMPLES).sample(sorted(set(SDK_SERVICES) - {"ec2"}), 5)
    return [SDK_SERVICES[name] for name in names]


def operations(service: SdkService) -> Iterator[Any]:
    """The models of what tasks can call."""
    for action in actions_of(service):
        operation = operation_of(service, action)
        assert operation is not None
        known = known_api(f"aws-sdk:{service.name}", action)
        assert known is not None, action
        yield service_model(service.botocore).operation_model(operation)


def as_shown(value: Any) -> Any:
    """What is left of a value that goes through a task: times are text, bytes too."""
    if isinstance(value, dict):
        return {name: as_shown(item) for name, item in value.items()}
    if isinstance(value, list):
        return [as_shown(item) for item in value]
    if isinstance(value, bytes):
        return text_or_base64(value).encode()
    return iso_time(value) if isinstance(value, datetime) else value


def written(given: dict[str, Any], shape: Any, dialect: Dialect) -> Any:
    """Parameters as a definition writes them; a streamed body is JSON there."""
    return json.loads(encode_json(to_json(given, shape, dialect)))


@pytest.mark.parametrize("service", chosen(), ids=lambda service: service.name)
def test_parameters_arrive_as_they_were_meant(service: SdkService) -> None:
    for model in operations(service):
        shape, random = model.input_shape, Random(model.name)
        if shape is None:
            continue
        given = shape_value(shape, random)
        meant = as_shown(given)
        for name, value in meant.items():
            if is_stream(shape, name, shape.members[name]):
                meant[name] = encode_json(value.decode())
        sent = written(given, shape, SDK)
        check_parameters(sent, outline_of(shape), SDK)
        assert to_parameters(sent, shape, SDK) == meant, model.name
        assert to_parameters(sent, input_outline(service.botocore, model.name), SDK) == meant, model.name


JOBS = [
    pytest.param(row.service, action, id=f"{name}-{action}")
    for name, row in sorted(TABLE.items())
    if row.service is not None
    for action, entry in row.service.actions.items()
    if entry.job is not None and not entry.own_members
]


@pytest.mark.parametrize(("service", "action"), JOBS)
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_job_is_judged_whatever_is_described(service: Service, action: str, share: float) -> None:
    entry = service.actions[action]
    job, model = entry.job, service_model(service.botocore)
    assert job is not None
    started, described = model.operation_model(entry.operation), model.operation_model(job.describe)
    for seed in range(20):
        random = Random(seed)
        parameters = written(shape_value(started.input_shape, random, share=1), started.input_shape, OPTIMISED)
        answer = shape_value(started.output_shape, random, share=1)
        result = entry.finish(written(answer, started.output_shape, OPTIMISED), parameters)
        reference = job.reference(result, parameters)
        assert json.loads(encode_json(reference)) == reference
        to_parameters(job.look(reference), described.input_shape, OPTIMISED)
        found = written(shape_value(described.output_shape, random, share=share), described.output_shape, OPTIMISED)
        standing, output = job.judge(found, reference)
        assert standing in ("running", "succeeded", "failed")
        encode_json(output)
        if job.cancel is not None:
            operation, parameters_of = job.cancel
            to_parameters(parameters_of(reference), model.operation_model(operation).input_shape, OPTIMISED)


@pytest.mark.parametrize("service", chosen(), ids=lambda service: service.name)
def test_a_request_can_be_signed(service: SdkService) -> None:
    client = Clients(Endpoints({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})).make(service.botocore, "us-east-1")
    client.signing.holder = KEYS
    refused = []
    for model in operations(service):
        shape, random = model.input_shape, Random(model.name)
        given = {} if shape is None else written(shape_value(shape, random), shape, SDK)
        try:
            getattr(client.client, client.operations[model.name])(**to_parameters(given, shape, SDK))
        except Prepared as prepared:
            assert prepared.request.url.startswith("http")
        except Exception as error:
            refused.append((model.name, error))
    assert not refused or service.name in NO_REQUEST


@pytest.mark.parametrize("service", chosen(), ids=lambda service: service.name)
@pytest.mark.parametrize("dialect", [SDK, OPTIMISED], ids=["sdk", "optimised"])
def test_whatever_is_answered_is_shown_as_json(service: SdkService, dialect: Dialect) -> None:
    for model in operations(service):
        if model.output_shape is None:
            continue
        answer = shape_value(model.output_shape, Random(model.name))
        shown = to_json(answer, model.output_shape, dialect)
        assert len(shown) == len(answer), f"two members of {model.name} are spelled alike"
        assert json.loads(encode_json(shown)) == shown
