"""Names are spelled as the SDKs for Java spell them."""

from __future__ import annotations

import re

import pytest

from services.integrations.java_names import action_name, member_name, optimised_exception, pascal, sdk_exception
from services.integrations.sdk_services import SDK_SERVICES
from tests.fixtures.shared import SHARED

REFERENCE = SHARED / "reference" / "integrations.md"


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("ListBuckets", "listBuckets"),
        ("DescribeDBInstances", "describeDBInstances"),
        ("GetObject", "getObject"),
        ("ListObjectsV2", "listObjectsV2"),
    ],
)
def test_actions(operation: str, action: str) -> None:
    assert action_name(operation) == action


@pytest.mark.parametrize(
    ("member", "shown"),
    [
        ("DBInstanceIdentifier", "DbInstanceIdentifier"),
        ("ETag", "ETag"),
        ("ChecksumCRC32", "ChecksumCRC32"),
        ("executionArn", "ExecutionArn"),
        ("SSEKMSKeyId", "SsekmsKeyId"),
        ("ACL", "Acl"),
        ("KMSKeyId", "KmsKeyId"),
        ("MD5OfMessageBody", "Md5OfMessageBody"),
        ("Bucket", "Bucket"),
    ],
)
def test_members(member: str, shown: str) -> None:
    assert member_name(member) == shown


@pytest.mark.parametrize(
    ("shape", "exception"),
    [
        ("NoSuchBucket", "NoSuchBucketException"),
        ("ResourceNotFoundException", "ResourceNotFoundException"),
        ("InvalidToken", "InvalidTokenException"),
        ("DBInstanceNotFoundFault", "DbInstanceNotFoundException"),
    ],
)
def test_exceptions(shape: str, exception: str) -> None:
    assert sdk_exception(shape) == exception


def test_optimised_integrations_keep_the_shapes_name() -> None:
    assert optimised_exception("StateMachineDoesNotExist") == "StateMachineDoesNotExistException"
    assert optimised_exception("NotFoundException") == "NotFoundException"
    assert optimised_exception("CacheClusterNotFoundFault") == "CacheClusterNotFoundException"


def test_service_prefixes_follow_from_the_service_id() -> None:
    assert [pascal(name) for name in ("DynamoDB", "CloudWatch Logs", "SFN", "FSx")] == [
        "DynamoDb",
        "CloudWatchLogs",
        "Sfn",
        "FSx",
    ]


@pytest.mark.parametrize(
    ("name", "prefix", "botocore"),
    [
        ("sfn", "Sfn", "stepfunctions"),
        ("dynamodb", "DynamoDb", "dynamodb"),
        ("cloudwatchlogs", "CloudWatchLogs", "logs"),
        ("eventbridge", "EventBridge", "events"),
        ("config", "Config", "config"),
        ("s3", "S3", "s3"),
        ("emrserverless", "EmrServerless", "emr-serverless"),
        ("costexplorer", "CostExplorer", "ce"),
    ],
)
def test_services(name: str, prefix: str, botocore: str) -> None:
    service = SDK_SERVICES[name]
    assert (service.name, service.prefix, service.botocore) == (name, prefix, botocore)


def test_every_service_of_the_table_has_a_model() -> None:
    from services.integrations.models import loader

    known = set(loader().list_available_services("service-2"))
    assert {service.botocore for service in SDK_SERVICES.values()} <= known


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference pages are not at hand")
def test_documented_prefixes_are_ours() -> None:
    documented = dict(re.findall(r"(?<=\| )([a-z0-9]+) = ([A-Za-z0-9]+)(?= \|)", REFERENCE.read_text()))
    wrong = {
        name: prefix
        for name, prefix in documented.items()
        if name in SDK_SERVICES and SDK_SERVICES[name].prefix != prefix
    }
    assert not wrong
    assert len(documented) > 250
