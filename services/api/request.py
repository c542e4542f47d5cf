"""One request as an operation sees it: who asks, what for, and the checked body."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from engine.arn import Arn, InvalidArn, Kind, parse_arn
from services.api import errors
from services.store.records import Parent


class Request:
    """One call of one operation.

    Attributes:
        operation: AWS's name.
        body: the JSON body, already in the shape of the service model.
        account, region: whose resources it is about.
        trace_header: X-Amzn-Trace-Id of the HTTP request.
        parent: who starts a nested execution, where a task of ours asks.
        next_message: ASGI's receive: the body is read, so what comes next is that the caller has hung up.
    """

    __slots__ = ("account", "body", "next_message", "operation", "parent", "region", "trace_header")

    def __init__(
        self,
        operation: str,
        body: dict[str, Any],
        account: str,
        region: str,
        trace_header: str | None = None,
        next_message: Callable[[], Awaitable[dict[str, Any]]] | None = None,
        parent: Parent | None = None,
    ) -> None:
        """Keep the parts."""
        self.parent = parent
        self.operation = operation
        self.body = body
        self.account = account
        self.region = region
        self.trace_header = trace_header
        self.next_message = next_message

    def arn(self, member: str, *kinds: Kind) -> Arn:
        """Read a required ARN of one of these kinds.

        Raises:
            ApiError: InvalidArn.
        """
        return read_arn(self.body[member], *kinds)

    def owns(self, arn: Arn) -> bool:
        """Whether the resource belongs to the caller; what is foreign answers like what does not exist."""
        return arn.account == self.account and arn.region == self.region and arn.partition == "aws"

    @property
    def arn_prefix(self) -> str:
        """`arn:aws:states:<region>:<account>`."""
        return f"arn:aws:states:{self.region}:{self.account}"


def read_arn(text: str, *kinds: Kind) -> Arn:
    """Read an ARN of one of these kinds.

    Raises:
        ApiError: InvalidArn.
    """
    try:
        return parse_arn(text, *kinds)
    except InvalidArn as error:
        raise errors.invalid_arn(str(error)) from None
