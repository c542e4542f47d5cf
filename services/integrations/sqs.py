"""Amazon SQS: `sqs:sendMessage`, with `.waitForTaskToken`."""

from __future__ import annotations

import asyncio
import socket
from typing import Final
from urllib.parse import urlsplit

from services.integrations.aws import Aws
from services.integrations.endpoints import is_aws
from services.integrations.failures import OptimisedNames, Unreachable
from services.integrations.interface import Call
from services.integrations.optimised import Action, Json, Service


async def _check_host(aws: Aws, call: Call, parameters: Json) -> Json:
    """Fail as AWS does when the queue's host does not exist; the request itself always goes to the endpoint."""
    url = parameters.get("QueueUrl")
    host = urlsplit(url).hostname if isinstance(url, str) and "://" in url else None
    endpoint = aws.endpoints.of_service("sqs", "SQS")
    if host is None or is_aws(url) or (endpoint is not None and host == urlsplit(endpoint).hostname):
        return parameters
    try:
        await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise Unreachable(f"Unable to execute HTTP request: {host}: Name or service not known") from None
    return parameters


SERVICE: Final = Service(
    name="sqs",
    botocore="sqs",
    names=OptimisedNames("SQS", "AmazonSQS", "AmazonSQSException"),
    actions={"sendMessage": Action(operation="SendMessage", token=True, before=_check_host, as_json=("MessageBody",))},
)
