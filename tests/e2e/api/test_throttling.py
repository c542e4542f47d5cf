"""AWS's token buckets, where an operator switches them on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from services.api.settings import ApiSettings
from tests.e2e.api.conftest import Server
from tests.fixtures.postgres import Databases

THROTTLED = "111122223333"
RATE_EXCEEDED = ("ThrottlingException", "Rate exceeded")


@pytest.fixture(scope="module")
def throttling(postgres_server: Databases) -> Iterator[Server]:
    url = asyncio.run(postgres_server.create())
    with Server(url, ApiSettings(node="throttled", throttle=f"off,{THROTTLED}=large")) as running:
        yield running


def answers(sfn: Any, times: int) -> set[tuple[str, str] | None]:
    """What CreateActivity says; the same again costs a token as well."""
    found: set[tuple[str, str] | None] = set()
    for _ in range(times):
        try:
            sfn.create_activity(name="a")
            found.add(None)
        except ClientError as error:
            found.add((error.response["Error"]["Code"], error.response["Error"]["Message"]))
    return found


def test_the_account_that_is_named_is_throttled_and_nobody_else(throttling: Server) -> None:
    limited, free = throttling.client(key=THROTTLED), throttling.client(key="444455556666")
    assert answers(limited, 100) == {None}
    assert RATE_EXCEEDED in answers(limited, 50)
    assert answers(throttling.client(key=THROTTLED, region="eu-west-1"), 50) == {None}
    assert answers(free, 150) == {None}
