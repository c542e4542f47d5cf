"""SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat: answers that the owner of the execution has committed."""

from __future__ import annotations

from typing import Any

from engine import task_token
from engine.limits import PAYLOAD_BYTES_MAX
from engine.payload import JsonError, decode_json
from engine.task_token import TaskToken
from services.api import errors
from services.api.commands import Refused
from services.api.context import Context
from services.api.request import Request
from services.broker.messages import pack


async def send_task_success(context: Context, request: Request) -> dict[str, Any]:
    """End an attempt well. Checked in AWS's order: form of the token, JSON of the output, then the attempt."""
    token = _token_of(request)
    output = request.body["output"].encode("utf-8", "surrogatepass")
    if len(output) > PAYLOAD_BYTES_MAX:
        raise errors.invalid_output()
    try:
        decode_json(output)
    except JsonError:
        raise errors.invalid_output() from None
    return await _ask(context, token, "task-succeeded", pack(token.path, token.secret, output))


async def send_task_failure(context: Context, request: Request) -> dict[str, Any]:
    """End an attempt badly; error and cause may both be absent."""
    token = _token_of(request)
    body = pack(token.path, token.secret, request.body.get("error"), request.body.get("cause"))
    return await _ask(context, token, "task-failed", body)


async def send_task_heartbeat(context: Context, request: Request) -> dict[str, Any]:
    """Say that an attempt is alive."""
    token = _token_of(request)
    return await _ask(context, token, "task-heartbeat", pack(token.path, token.secret))


def _token_of(request: Request) -> TaskToken:
    try:
        return task_token.decode(request.body["taskToken"], f"{request.region}:{request.account}")
    except ValueError:
        raise errors.invalid_token() from None


async def _ask(context: Context, token: TaskToken, kind: str, body: bytes) -> dict[str, Any]:
    try:
        await context.commands.ask(token.execution_id, kind, body)
    except Refused as refused:
        raise errors.task_timed_out(refused.values[0] if refused.values else "") from None
    return {}
