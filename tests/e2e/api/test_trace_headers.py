"""Trace headers: the HTTP header wins over the member, and what was passed is shown as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.api.conftest import PASS

MEMBER = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0"
HEADER = "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1"


@pytest.mark.parametrize(
    ("member", "header", "shown"),
    [(None, None, None), (MEMBER, None, MEMBER), (None, HEADER, HEADER), (MEMBER, HEADER, HEADER)],
)
def test_the_header_of_the_request_comes_first(
    sfn: Any, machine: Callable[..., str], member: str | None, header: str | None, shown: str | None
) -> None:
    def put(params: dict[str, Any], **_: Any) -> None:
        # botocore itself sets the header inside Lambda; here nobody else does.
        if header is not None:
            params["headers"]["X-Amzn-Trace-Id"] = header

    sfn.meta.events.register("before-call.stepfunctions.StartExecution", put)
    given = {} if member is None else {"traceHeader": member}
    execution = sfn.start_execution(stateMachineArn=machine(PASS), **given)["executionArn"]
    sfn.meta.events.unregister("before-call.stepfunctions.StartExecution", put)
    assert sfn.describe_execution(executionArn=execution).get("traceHeader") == shown
