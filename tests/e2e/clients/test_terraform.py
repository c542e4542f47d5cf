"""The calls that Terraform's AWS provider makes, in its order; `terraform/*.json` says them and what it looks at.

Source: the provider's documented behaviour of aws_sfn_state_machine, aws_sfn_alias and aws_sfn_activity: the definition
is validated at plan time, a refresh describes and lists, a deletion is waited for.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.e2e.clients.conftest import HERE, ROLE
from tests.fixtures.server import Server

PLACE = "arn:aws:states:eu-west-1:222233334444"
WORDS = {
    "{definition_1}": json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}),
    "{definition_2}": json.dumps({"StartAt": "B", "States": {"B": {"Type": "Pass", "End": True}}}, indent=2),
    "{broken}": json.dumps({"StartAt": "Nowhere", "States": {}}),
    "{role}": ROLE,
    "{machine}": f"{PLACE}:stateMachine:terraform",
    "{activity}": f"{PLACE}:activity:terraform",
}
DELETION_SECONDS = 30


def filled(value: Any) -> Any:
    """The value with its placeholders filled in."""
    if isinstance(value, str):
        for word, text in WORDS.items():
            value = value.replace(word, text)
        return value
    if isinstance(value, list):
        return [filled(item) for item in value]
    if isinstance(value, dict):
        return {key: filled(item) for key, item in value.items()}
    return value


def seen(wanted: Any, answer: Any) -> Any:
    """The part of an answer that is spoken of."""
    if isinstance(wanted, dict) and isinstance(answer, dict):
        return {key: seen(value, answer.get(key)) for key, value in wanted.items()}
    if isinstance(wanted, list) and isinstance(answer, list) and len(wanted) == len(answer):
        return [seen(one, other) for one, other in zip(wanted, answer, strict=True)]
    return answer


def error_of(method: Any, given: dict[str, Any]) -> tuple[str, Any]:
    """The error code, or "" and the answer."""
    try:
        return "", method(**given)
    except ClientError as error:
        return error.response["Error"]["Code"], None


def make(sfn: Any, call: dict[str, Any]) -> None:
    """Make one call and look at what Terraform looks at."""
    method, given = getattr(sfn, xform_name(call["operation"])), filled(call["input"])
    if "until_error" in call:
        deadline = time.monotonic() + DELETION_SECONDS
        while True:
            code, answer = error_of(method, given)
            if code:
                assert code == call["until_error"]
                return
            assert seen(call["meanwhile"], answer) == call["meanwhile"]
            assert time.monotonic() < deadline, f"still there: {answer}"
            time.sleep(0.2)
    code, answer = error_of(method, given)
    assert code == call.get("error", "")
    if not code:
        wanted = filled(call["answer"])
        assert seen(wanted, answer) == wanted


@pytest.mark.parametrize("script", ["state_machine", "activity"])
def test_terraform_finds_what_it_made(server: Server, script: str) -> None:
    sfn = boto3.client(
        "stepfunctions",
        endpoint_url=server.endpoint,
        region_name="eu-west-1",
        aws_access_key_id="222233334444",
        aws_secret_access_key="x",
        config=Config(inject_host_prefix=False),
    )
    for phase in json.loads(Path(HERE / "terraform" / f"{script}.json").read_text("utf-8")):
        for call in phase["calls"]:
            try:
                make(sfn, call)
            except AssertionError as error:
                raise AssertionError(f"{phase['phase']}: {call['operation']}: {error}") from None
