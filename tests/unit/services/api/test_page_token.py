"""Page tokens continue the call that they came from, for a day, and nothing else."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from services.api.errors import ApiError
from services.api.page_token import VALID_SECONDS, PageTokens, page_size
from services.api.request import Request

NOW_MS = 1_700_000_000_000


def call(operation: str = "ListExecutions", account: str = "0", region: str = "r", **body: Any) -> Request:
    return Request(operation, {"stateMachineArn": "m"} | body, account, region)


TOKENS = PageTokens(b"seal")
TOKEN = TOKENS.make(call(maxResults=3), [7, "name", b"\x00\xff"], NOW_MS)


def test_the_cursor_comes_back_whatever_the_page_size() -> None:
    assert TOKENS.cursor(call(nextToken=TOKEN, maxResults=9), NOW_MS) == [7, "name", b"\x00\xff"]
    assert TOKENS.cursor(call(), NOW_MS) is None


def test_a_default_that_is_said_is_the_same_call() -> None:
    history = call("GetExecutionHistory")
    token = TOKENS.make(history, 1, NOW_MS)
    said = call("GetExecutionHistory", nextToken=token, reverseOrder=False, includeExecutionData=True)
    assert TOKENS.cursor(said, NOW_MS) == 1
    for other in ({"reverseOrder": True}, {"includeExecutionData": False}):
        with pytest.raises(ApiError):
            TOKENS.cursor(call("GetExecutionHistory", nextToken=token, **other), NOW_MS)


def test_two_processes_with_one_seal_read_each_others_tokens() -> None:
    assert PageTokens(b"seal").cursor(call(nextToken=TOKEN), NOW_MS) == [7, "name", b"\x00\xff"]


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(call(nextToken=TOKEN, statusFilter="RUNNING"), id="other-arguments"),
        pytest.param(call(operation="ListMapRuns", nextToken=TOKEN), id="other-operation"),
        pytest.param(call(account="1", nextToken=TOKEN), id="other-account"),
        pytest.param(call(region="s", nextToken=TOKEN), id="other-region"),
        pytest.param(call(nextToken="é"), id="not-ascii"),
        pytest.param(call(nextToken="AAAA"), id="short"),
        pytest.param(call(nextToken=base64.b64encode(bytes(200)).decode()), id="foreign"),
        pytest.param(call(nextToken=TOKEN[:-4]), id="cut"),
        pytest.param(call(nextToken=TOKEN + "\n"), id="tail"),
    ],
)
def test_any_other_token_is_invalid(request_: Request) -> None:
    with pytest.raises(ApiError) as caught:
        TOKENS.cursor(request_, NOW_MS)
    assert (caught.value.code, caught.value.message) == ("InvalidToken", "Invalid Token: 'Invalid token'")


def test_a_token_lasts_a_day() -> None:
    TOKENS.cursor(call(nextToken=TOKEN), NOW_MS + VALID_SECONDS * 1000)
    with pytest.raises(ApiError):
        TOKENS.cursor(call(nextToken=TOKEN), NOW_MS + VALID_SECONDS * 1000 + 1000)


def test_every_flipped_bit_is_found() -> None:
    data = bytearray(base64.b64decode(TOKEN))
    for position in range(len(data)):
        data[position] ^= 1
        with pytest.raises(ApiError):
            TOKENS.cursor(call(nextToken=base64.b64encode(data).decode()), NOW_MS)
        data[position] ^= 1


@pytest.mark.parametrize(("given", "size"), [(None, 100), (0, 100), (1, 1), (1000, 1000)])
def test_no_page_size_and_zero_mean_a_hundred(given: int | None, size: int) -> None:
    assert page_size(call(maxResults=given)) == size
