"""Who may call, as far as signatures say: forged, replayed, guessed. Each test names its threat."""

from __future__ import annotations

import hmac
from typing import Any

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from services.api.errors import ApiError
from services.api.sigv4 import CREDENTIALS_MAX, SIGNING_KEYS_MAX, SignedRequest
from tests.fixtures.work import lines_run
from tests.security.door import BODY, HOST, KEY, SECRET, TARGET, Door, changed, signed, value_of

REFUSED = {
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "IncompleteSignatureException",
    "MissingAuthenticationTokenException",
}


def test_a2_a_request_that_botocore_signed_is_accepted() -> None:
    assert Door().call(signed()) == (200, "")


def test_a2_a_key_that_looks_like_an_account_names_none_where_signatures_count() -> None:
    door = Door(key="111122223333")
    assert door.call(signed(key="111122223333")) == (200, "")
    assert door.store.accounts == ["000000000000"]


def test_a2_one_character_changed_anywhere_in_the_authorization_is_refused() -> None:
    door, headers = Door(), signed()
    authorization = value_of(headers, b"authorization")
    passed = []
    for index in range(len(authorization)):
        flipped = bytes([authorization[index] ^ 1])
        forged = authorization[:index] + flipped + authorization[index + 1 :]
        status, code = door.call(changed(headers, b"authorization", forged))
        if status == 200 or code not in REFUSED:
            passed.append((index, forged, code))
    assert passed == []


@pytest.mark.parametrize("name", [b"host", b"x-amz-date", b"x-amz-target"])
def test_a2_a_changed_signed_header_is_refused(name: bytes) -> None:
    headers = signed()
    value = value_of(headers, name)
    for forged in (value[:-1] + bytes([value[-1] ^ 1]), value + b"x", b""):
        # A target that does not exist is said to be so before anybody asks who wants it.
        assert Door().call(changed(headers, name, forged))[1] in REFUSED | {"UnknownOperationException"}


def test_a2_another_operation_under_a_signature_is_refused() -> None:
    headers = changed(signed(), b"x-amz-target", b"AWSStepFunctions.ListActivities")
    assert Door().call(headers)[1] == "UnrecognizedClientException"


@pytest.mark.parametrize("body", [BODY + b" ", b'{"maxResults": 2}', b"", b"{"])
def test_a2_a_changed_body_is_refused_before_it_is_read(body: bytes) -> None:
    assert Door().call(signed(), body)[1] == "UnrecognizedClientException"


def test_a2_an_unsigned_payload_is_refused() -> None:
    class Unsigned(SigV4Auth):
        def payload(self, request: Any) -> str:
            return "UNSIGNED-PAYLOAD"

    given = {"X-Amz-Target": TARGET, "Host": HOST, "X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
    request = AWSRequest("POST", f"http://{HOST}/", given, BODY)
    Unsigned(Credentials(KEY, SECRET), "states", "eu-west-1").add_auth(request)
    headers = [(name.lower().encode(), value.encode()) for name, value in request.headers.items()]
    assert Door().call(headers)[1] == "UnrecognizedClientException"


@pytest.mark.parametrize("name", [b"authorization", b"x-amz-date", b"host", b"x-amz-target"])
@pytest.mark.parametrize("first", [True, False], ids=["before", "behind"])
def test_a2_a_header_that_comes_twice_cannot_carry_two_meanings(name: bytes, first: bool) -> None:
    headers = signed()
    other = {
        b"authorization": value_of(signed(secret="guess"), b"authorization"),
        b"x-amz-date": b"20200101T000000Z",
        b"host": b"elsewhere",
        b"x-amz-target": b"AWSStepFunctions.ListActivities",
    }[name]
    twice = [(name, other), *headers] if first else [*headers, (name, other)]
    assert Door().call(twice)[0] == 400


@pytest.mark.parametrize("left_out", ["host", "x-amz-date"])
def test_a2_a_header_that_must_be_signed_and_is_not_is_refused(left_out: str) -> None:
    headers = signed()
    authorization = value_of(headers, b"authorization").decode()
    listed = authorization.split("SignedHeaders=")[1].split(",")[0]
    fewer = ";".join(name for name in listed.split(";") if name != left_out)
    forged = authorization.replace(f"SignedHeaders={listed}", f"SignedHeaders={fewer}").encode()
    assert Door().call(changed(headers, b"authorization", forged))[1] == "IncompleteSignatureException"


@pytest.mark.parametrize("service", ["s3", "lambda", "state", ""])
def test_a2_a_signature_for_another_service_is_refused(service: str) -> None:
    assert Door().call(signed(service=service))[1] in REFUSED


@pytest.mark.parametrize("path", ["/%2f", "/%252e", "//", "/./", "/x/.."])
def test_a2_only_the_one_path_is_answered(path: str) -> None:
    assert Door().call(signed(), path=path) == (404, "UnknownOperationException")


def test_a2_no_signature_is_refused() -> None:
    headers = [(name, value) for name, value in signed() if name != b"authorization"]
    assert Door().call(headers) == (400, "MissingAuthenticationTokenException")


@pytest.mark.parametrize(("offset", "accepted"), [(290, True), (310, False), (-290, True), (-310, False)])
def test_a3_a_request_is_good_for_five_minutes_either_way(offset: int, accepted: bool) -> None:
    status, code = Door(offset_seconds=offset).call(signed())
    assert (status, code) == ((200, "") if accepted else (400, "InvalidSignatureException"))


def test_a3_a_date_that_is_not_the_one_of_the_scope_is_refused() -> None:
    headers = signed()
    date = value_of(headers, b"x-amz-date")
    yesterday = b"%08d" % (int(date[:8]) - 1) + date[8:]
    assert Door().call(changed(headers, b"x-amz-date", yesterday))[1] == "InvalidSignatureException"


def test_a3_a_presigned_query_opens_nothing() -> None:
    """It could be replayed for as long as it says; no client of this API needs one."""
    request = AWSRequest("POST", f"http://{HOST}/", {"X-Amz-Target": TARGET, "Host": HOST}, BODY)
    SigV4QueryAuth(Credentials(KEY, SECRET), "states", "eu-west-1", expires=604_800).add_auth(request)
    query = request.url.partition("?")[2].encode()
    headers = [(b"host", HOST.encode()), (b"x-amz-target", TARGET.encode())]
    assert Door().call(headers, query=query) == (400, "MissingAuthenticationTokenException")


def test_a4_an_unknown_key_and_a_wrong_signature_get_the_same_answer() -> None:
    door = Door()
    unknown = door.answer(signed(key="AKIDNOBODY0", secret="guess"))
    wrong = door.answer(signed(secret="guess"))
    assert unknown == wrong == (400, wrong[1])
    assert wrong[1]["__type"].endswith("#UnrecognizedClientException")


def _request(**how: str) -> SignedRequest:
    headers = {name.decode(): value.decode() for name, value in signed(**how)}
    return SignedRequest("POST", "/", "", headers, BODY)


def test_a4_an_unknown_key_costs_the_same_work_as_a_wrong_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = Door().verifier
    hashed: list[int] = []
    digest = hmac.digest

    def counted(key: bytes, message: bytes, name: str) -> bytes:
        hashed.append(len(message))
        return digest(key, message, name)

    monkeypatch.setattr(hmac, "digest", counted)

    def refuse(request: SignedRequest) -> None:
        with pytest.raises(ApiError):
            verifier.verify(request)

    def work(request: SignedRequest) -> tuple[int, list[int]]:
        hashed.clear()
        return lines_run(lambda: refuse(request)), list(hashed)

    unknown, wrong = _request(key="AKIDNOBODY0"), _request(secret="guess")
    for request in (unknown, wrong):
        refuse(request)  # the signing keys of a day are derived once
    (unknown_lines, unknown_hashes), (wrong_lines, wrong_hashes) = work(unknown), work(wrong)
    assert unknown_hashes == wrong_hashes
    assert unknown_hashes
    assert 0.75 < unknown_lines / wrong_lines < 1.33


def test_a5_guessed_keys_cost_one_look_up_each_and_no_memory() -> None:
    door = Door()
    good = _request()
    assert door.verifier.verify(good).access_key == KEY
    template = _request(key="AKIDGUESS00000")
    for number in range(10_000):
        headers = dict(template.headers)
        headers["authorization"] = headers["authorization"].replace("AKIDGUESS00000", f"AKIDGUESS{number:05d}")
        with pytest.raises(ApiError):
            door.verifier.verify(SignedRequest("POST", "/", "", headers, BODY))
    assert len(door.asked) == 10_001
    assert len(door.verifier._signing_keys) <= 2
    assert len(door.verifier._claims) <= CREDENTIALS_MAX
    door.asked.clear()
    door.verifier.verify(good)
    assert door.asked == []  # the good client's signing key was not driven out


def test_a5_guessed_regions_do_not_fill_the_memory() -> None:
    door = Door()
    template = _request(key="AKIDNOBODY0", region="region-00000")
    for number in range(SIGNING_KEYS_MAX + 500):
        headers = dict(template.headers)
        headers["authorization"] = headers["authorization"].replace("region-00000", f"region-{number:05d}")
        with pytest.raises(ApiError):
            door.verifier.verify(SignedRequest("POST", "/", "", headers, BODY))
    assert len(door.verifier._signing_keys) <= SIGNING_KEYS_MAX
