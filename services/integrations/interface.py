"""What a task asks of the world, and how the world answers: the one shape of every integration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from engine.asl.model import Resource


@dataclass(frozen=True, slots=True)
class Watch:
    """TestState's look at an HTTP task.

    Attributes:
        tell: gets `request` and `response` with their members as AWS names them.
        reveal_secrets: the request is told with what the connection adds to it.
    """

    tell: Callable[[str, Mapping[str, str]], None]
    reveal_secrets: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One attempt of one task.

    Attributes:
        resource: the parsed Resource of the state.
        input: the task input as JSON text (evaluated Parameters or Arguments).
        region, account: of the execution.
        role_arn: the state machine's role; `credentials_role_arn` is the state's Credentials.RoleArn, if any.
        timeout_seconds: what is left of the task's own deadline; None without one.
        attempt_name: how the end of a nested execution finds this attempt, "" where it waits for none.
        key: constant for one attempt, the idempotency key.
        attempt: retries so far in this visit; `visit` counts the visits of this state (mocks by visit).
        test_case: name of the mocked test case, "" outside mocked runs.
        watch: who wants to see the request and the response of an HTTP task.
    """

    resource: Resource
    input: bytes
    region: str
    account: str
    role_arn: str
    execution_arn: str
    machine_arn: str
    state: str
    key: str
    timeout_seconds: float | None = None
    attempt_name: str = ""
    credentials_role_arn: str | None = None
    trace_header: str | None = None
    attempt: int = 0
    visit: int = 0
    test_case: str = ""
    watch: Watch | None = None


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The task is done; `output` is JSON text."""

    output: bytes


FIRST_LOOK: Final = "first_look_seconds"
"""Member of a submitted job: how long to leave it alone before the first look; without it the look comes at once."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """The call answered, the task goes on: a callback is awaited, or `job` (JSON-able) says what to poll."""

    output: bytes
    job: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The task failed with an error name and a cause as AWS writes them."""

    error: str
    cause: str


@dataclass(frozen=True, slots=True)
class Pending:
    """The polled job still runs; look again after so many seconds."""

    seconds: float


Outcome: TypeAlias = Succeeded | Submitted | Failed


class Integrations(Protocol):
    """Everything that a Task state can reach. Never blocks the loop; sends exactly one request per `call`."""

    async def call(self, call: Call) -> Outcome:
        """Run the attempt. Problems come back as `Failed`, never as an exception; cancelling kills what it started."""
        ...

    async def poll(self, call: Call, job: Mapping[str, Any]) -> Succeeded | Failed | Pending:
        """Look at a submitted job; repeatable."""
        ...

    async def cancel(self, call: Call, job: Mapping[str, Any]) -> None:
        """Stop a submitted job where AWS does; repeatable."""
        ...

    async def close(self) -> None:
        """End subprocesses and connections."""
        ...
