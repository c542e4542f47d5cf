"""What every start of an execution says: its name, its input, and the test case of a mocked one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.arn import is_name
from engine.asl.jackson import jackson_message
from engine.limits import PAYLOAD_BYTES_MAX
from engine.payload import JsonError, decode_json
from services.api import errors
from services.api.context import Context
from services.runtime.ids import uuid4_text


def take_test_case(context: Context, body: dict[str, Any]) -> str:
    """Cut the test case off the ARN of the state machine: `arn:...:stateMachine:order#HappyPath`.

    Without mocks the ARN stays as it is, and is refused like any other that has such a character.
    """
    if not context.mocked:
        return ""
    body["stateMachineArn"], _, test_case = body["stateMachineArn"].partition("#")
    return str(test_case)


def execution_name(context: Context, body: dict[str, Any]) -> str:
    """The name that was given, or a random one.

    Raises:
        ApiError: InvalidName.
    """
    name: str | None = body.get("name")
    if name is None:
        return uuid4_text(context.ids.entropy(16))
    if not is_name(name):
        raise errors.invalid_name(name)
    return name


def input_of(body: Mapping[str, Any]) -> bytes:
    """The input's bytes as the caller wrote them, checked to be JSON.

    Raises:
        ApiError: InvalidExecutionInput.
    """
    text: str | None = body.get("input")
    if text is None:
        return b"{}"
    if not text.strip():
        raise errors.invalid_execution_input("Invalid execution input.")
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > PAYLOAD_BYTES_MAX:
        raise errors.invalid_execution_input("Input size is too big.")
    try:
        decode_json(data)
    except JsonError:
        raise errors.invalid_execution_input(jackson_message(text)) from None
    return data
