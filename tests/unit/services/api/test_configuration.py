"""What a state machine may be configured with."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from services.api.configuration import read_encryption
from services.api.context import Context
from services.api.errors import ApiError
from services.api.request import Request
from services.runtime.ids import SystemIds

REQUEST = Request("CreateActivity", {}, "111122223333", "eu-west-1")
CONTEXT = cast("Context", SimpleNamespace(ids=SystemIds()))
FOREIGN = "arn:aws:kms:eu-west-1:999999999999:key/other-account"
KEYS = "arn:aws:kms:eu-west-1:111122223333"


def key(name: str) -> dict[str, Any]:
    return {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": name}


@pytest.mark.parametrize(
    ("name", "arn"),
    [
        ("1234abcd-12ab-34cd-56ef-1234567890ab", f"{KEYS}:key/1234abcd-12ab-34cd-56ef-1234567890ab"),
        ("mrk-1234abcd", f"{KEYS}:key/mrk-1234abcd"),
        ("alias/teams/a_1", f"{KEYS}:alias/teams/a_1"),
        (f"{KEYS}:key/1234", f"{KEYS}:key/1234"),
        (f"{KEYS}:alias/a", f"{KEYS}:alias/a"),
        (
            "arn:aws:kms:eu-west-1:999999999999:key/other-account",
            "arn:aws:kms:eu-west-1:999999999999:key/other-account",
        ),
    ],
)
def test_a_key_may_be_named_in_four_ways(name: str, arn: str) -> None:
    kept = read_encryption(CONTEXT, REQUEST, key(name))
    assert kept == {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": arn, "kmsDataKeyReusePeriodSeconds": 300}


@pytest.mark.parametrize(
    "name", ["a key", "arn:aws:s3:::bucket", "arn:", f"{KEYS}:grant/1", "alias/", "k\u00e9y", "a\0"]
)
def test_what_names_no_key_is_refused(name: str) -> None:
    with pytest.raises(ApiError) as caught:
        read_encryption(CONTEXT, REQUEST, key(name))
    assert (caught.value.code, caught.value.message) == (
        "InvalidEncryptionConfiguration",
        "Invalid Encryption Configuration: Must set a valid kmsKeyId.",
    )


def test_a_key_of_another_region_is_refused_in_the_words_of_kms() -> None:
    with pytest.raises(ApiError) as caught:
        read_encryption(CONTEXT, REQUEST, key("arn:aws:kms:us-east-1:111122223333:key/1"))
    assert caught.value.code == "InvalidEncryptionConfiguration"
    begin, _, end = caught.value.message.partition(", Request ID: ")
    assert begin == "Invalid arn us-east-1 (Service: Kms, Status Code: 400"
    assert end[36:] == ") (SDK Attempt Count: 1)"
