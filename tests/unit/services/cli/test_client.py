"""The command line's client signs as AWS does and finds its endpoint as AWS's tools do."""

from __future__ import annotations

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from services.cli.client import Target, sign

BODY = b'{"name":"\xc3\xa9"}'
HEADERS = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AWSStepFunctions.ListStateMachines"}


@pytest.mark.parametrize("token", ["", "session-token"])
def test_the_signature_is_botocores(token: str) -> None:
    target = Target("http://127.0.0.1:8083", "eu-west-1", "AKIDEXAMPLE", "secret", token)
    now_ms = 1_700_000_000_123

    class FixedAuth(SigV4Auth):
        """botocore's signer at a given moment."""

        def add_auth(self, request: AWSRequest) -> None:
            request.context["timestamp"] = "20231114T221320Z"
            self._modify_request_before_signing(request)
            canonical = self.canonical_request(request)
            signature = self.signature(self.string_to_sign(request, canonical), request)
            self._inject_signature_to_request(request, signature)

    request = AWSRequest("POST", target.endpoint + "/", headers=dict(HEADERS), data=BODY)
    FixedAuth(Credentials("AKIDEXAMPLE", "secret", token or None), "states", "eu-west-1").add_auth(request)
    ours = sign(target, "127.0.0.1:8083", HEADERS, BODY, now_ms)
    assert ours["Authorization"] == request.headers["Authorization"]
    assert ours["X-Amz-Date"] == request.headers["X-Amz-Date"]


@pytest.mark.parametrize(
    ("given", "environment", "expected"),
    [
        pytest.param(None, {}, "http://127.0.0.1:8083", id="default"),
        pytest.param(None, {"AWS_ENDPOINT_URL": "http://a/"}, "http://a", id="general-variable"),
        pytest.param(
            None, {"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_SFN": "http://b"}, "http://b", id="service"
        ),
        pytest.param(None, {"AWS_ENDPOINT_URL_SFN": "http://b", "STEPWELL_ENDPOINT": "http://c"}, "http://c", id="own"),
        pytest.param("http://d", {"STEPWELL_ENDPOINT": "http://c"}, "http://d", id="option"),
    ],
)
def test_the_nearest_endpoint_counts(given: str | None, environment: dict[str, str], expected: str) -> None:
    assert Target.of_environment(given, None, environment).endpoint == expected
