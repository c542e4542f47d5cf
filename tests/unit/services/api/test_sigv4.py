"""Signatures made by botocore are accepted; every changed part is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from services.api.errors import ApiError
from services.api.sigv4 import Credential, Credentials, SignedRequest, Verifier

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
BODY = b'{"maxResults": 1}'


def signed(now: datetime, url: str = "http://127.0.0.1:8083/", service: str = "states") -> SignedRequest:
    """A request as botocore signs it at a moment of the real clock."""
    headers = {"X-Amz-Target": "AWSStepFunctions.ListStateMachines", "Host": "127.0.0.1:8083"}
    request = AWSRequest("POST", url, headers, BODY)
    SigV4Auth(BotoCredentials(KEY, SECRET), service, "eu-west-1").add_auth(request)
    headers = {name.lower(): value for name, value in request.headers.items()}
    query = url.partition("?")[2]
    return SignedRequest("POST", "/", query, headers, BODY)


def verifier(now: datetime, offset_seconds: float = 0.0) -> Verifier:
    return Verifier({KEY: SECRET}.get, lambda: round((now.timestamp() + offset_seconds) * 1000))


def changed(request: SignedRequest, **parts: Any) -> SignedRequest:
    values = {name: getattr(request, name) for name in ("method", "path", "query", "headers", "body")}
    return SignedRequest(**(values | parts))


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


def test_botocores_signature_is_right(now: datetime) -> None:
    credential = verifier(now).verify(signed(now))
    assert credential == Credential(KEY, now.strftime("%Y%m%d"), "eu-west-1")


def test_a_query_is_part_of_the_signature(now: datetime) -> None:
    request = signed(now, url="http://127.0.0.1:8083/?b=2&a=1%20x")
    verifier(now).verify(request)
    with pytest.raises(ApiError):
        verifier(now).verify(changed(request, query="b=2&a=1"))


def test_the_second_request_uses_the_kept_signing_key(now: datetime) -> None:
    asked: list[str] = []

    def secret_of(key: str) -> str:
        asked.append(key)
        return SECRET

    one = Verifier(secret_of, lambda: round(now.timestamp() * 1000))
    one.verify(signed(now))
    one.verify(signed(now))
    assert asked == [KEY]


@pytest.mark.parametrize("part", ["body", "method", "path", "header", "signature", "region", "key"])
def test_every_changed_part_is_refused(now: datetime, part: str) -> None:
    request = signed(now)
    authorization = request.headers["authorization"]
    match part:
        case "body":
            wrong = changed(request, body=BODY + b" ")
        case "method":
            wrong = changed(request, method="PUT")
        case "path":
            wrong = changed(request, path="/other")
        case "header":
            target = {"x-amz-target": "AWSStepFunctions.DeleteStateMachine"}
            wrong = changed(request, headers=dict(request.headers) | target)
        case "signature":
            last = "0" if authorization[-1] != "0" else "1"
            wrong = changed(request, headers=dict(request.headers) | {"authorization": authorization[:-1] + last})
        case "region":
            text = authorization.replace("eu-west-1", "us-east-1")
            wrong = changed(request, headers=dict(request.headers) | {"authorization": text})
        case _:
            text = authorization.replace(KEY, "AKIDOTHER")
            wrong = changed(request, headers=dict(request.headers) | {"authorization": text})
    with pytest.raises(ApiError) as caught:
        verifier(now).verify(wrong)
    assert caught.value.code == "UnrecognizedClientException"


@pytest.mark.parametrize(("offset", "accepted"), [(299, True), (301, False), (-298, True), (-302, False)])
def test_a_request_is_good_for_five_minutes(now: datetime, offset: float, accepted: bool) -> None:
    request = signed(now)
    at = datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if accepted:
        verifier(at, offset).verify(request)
    else:
        with pytest.raises(ApiError) as caught:
            verifier(at, offset).verify(request)
        assert caught.value.code == "InvalidSignatureException"


def test_a_scope_of_another_service_is_refused(now: datetime) -> None:
    with pytest.raises(ApiError) as caught:
        verifier(now).verify(signed(now, service="s3"))
    assert caught.value.message == "Credential should be scoped to correct service: 'states'."


def test_no_signature_is_told_apart_from_an_unreadable_one(now: datetime) -> None:
    with pytest.raises(ApiError) as caught:
        verifier(now).verify(SignedRequest("POST", "/", "", {}, b""))
    assert caught.value.code == "MissingAuthenticationTokenException"
    with pytest.raises(ApiError) as caught:
        verifier(now).verify(SignedRequest("POST", "/", "", {"authorization": "AWS4-HMAC-SHA256 nonsense"}, b""))
    assert caught.value.code == "IncompleteSignatureException"


@pytest.mark.parametrize(
    ("authorization", "query", "expected"),
    [
        pytest.param(
            b"AWS4-HMAC-SHA256 Credential=111122223333/20260101/eu-west-1/states/aws4_request, SignedHeaders=host",
            b"",
            Credential("111122223333", "20260101", "eu-west-1"),
            id="header",
        ),
        pytest.param(
            None,
            b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F20260101%2Fus-west-2%2Fstates%2Faws4_request",
            Credential("AK", "20260101", "us-west-2"),
            id="presigned",
        ),
        pytest.param(None, b"", None, id="none"),
    ],
)
def test_the_scope_says_who_asks(authorization: bytes | None, query: bytes, expected: Credential | None) -> None:
    assert Credentials().of(authorization, query) == expected


@pytest.mark.parametrize(
    "authorization",
    [
        b"",
        b"Bearer token",
        b"AWS4-HMAC-SHA256 SignedHeaders=host",
        b"AWS4-HMAC-SHA256 Credential=a/b/c",
        b"AWS4-HMAC-SHA256 Credential=a/20260101/../states/aws4_request, x",
        b"AWS4-HMAC-SHA256 Credential=a/20260101/eu:west/states/aws4_request, x",
        "AWS4-HMAC-SHA256 Credential=a/20260101/\u00e9/states/aws4_request, x".encode(),
    ],
)
def test_an_unreadable_scope_is_an_incomplete_signature(authorization: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        Credentials().of(authorization, b"")
    assert caught.value.code == "IncompleteSignatureException"
