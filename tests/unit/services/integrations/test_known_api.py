"""What definitions may ask of the AWS SDK, without keeping its models."""

from __future__ import annotations

import pytest

from services.integrations.known_api import known_api


@pytest.mark.parametrize(
    ("service", "action", "required"),
    [
        ("s3", "putObject", ("Bucket", "Key")),
        ("dynamodb", "putItem", ("TableName", "Item")),
        ("sfn", "startExecution", ("StateMachineArn",)),
        ("sqs", "listQueues", ()),
        ("s3", "PutObject", None),
        ("s3", "fly", None),
        ("nosuch", "thing", None),
        ("sts", "assumeRole", None),
        ("s3", "selectObjectContent", None),
    ],
)
def test_what_an_action_requires(service: str, action: str, required: tuple[str, ...] | None) -> None:
    assert known_api(service, action) == required
