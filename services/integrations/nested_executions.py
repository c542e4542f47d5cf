"""Nested executions: `states:startExecution` with `.sync`, `.sync:2` and `.waitForTaskToken`, in our own engine.

The child starts without a detour over HTTP. Without a Name the child is named by the attempt's key, so that an
attempt that is repeated by accident finds its own child. `.sync` ends with the child's description in Pascal case,
times in epoch milliseconds; `.sync:2` shows Input and Output as JSON instead of text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from engine.asl.model import Resource
from engine.payload import JsonError, decode_json, encode_json
from services.integrations.aws import uuid_of
from services.integrations.failures import (
    ApiRefused,
    OptimisedNames,
    not_startable,
    optimised_failure,
    sized,
    task_failed,
)
from services.integrations.interface import FIRST_LOOK, Call, Failed, Outcome, Pending, Submitted, Succeeded
from services.integrations.java_names import raised
from services.integrations.sdk_metadata import with_metadata
from services.integrations.shapes import MISSING, NOT_SUPPORTED, ParameterProblems, text_of
from services.runtime.clock import Clock
from services.runtime.ids import Ids
from services.store.description import PARENT_MEMBER

NAMES: Final = OptimisedNames("StepFunctions", "AWSStepFunctions", "AWSStepFunctionsException")
# Errors of every API, which the model of StartExecution does not name.
_UNMODELLED: Final = frozenset({"AccessDeniedException", "ServiceUnavailableException", "ThrottlingException"})
PARAMETERS: Final = frozenset({"StateMachineArn", "Name", "Input", "TraceHeader"})
_FAILED: Final = frozenset({"FAILED", "TIMED_OUT", "ABORTED"})
_DATES: Final = frozenset({"startDate", "stopDate", "redriveDate"})
_SHORTEST_SECONDS: Final = 1.0
_LONGEST_SECONDS: Final = 60.0


class NestedRefused(Exception):
    """Our own API refused; `code` is AWS's error code (`StateMachineDoesNotExist`)."""

    def __init__(self, code: str, message: str) -> None:
        """Keep both."""
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class NestedStart:
    """The child that was started, or that already runs under the same name with the same input."""

    execution_arn: str
    start_ms: int


class NestedExecutions(Protocol):
    """What this integration needs of the API; `call` says on whose behalf (account, roles, parent execution)."""

    async def start(
        self, call: Call, machine_arn: str, name: str, input_text: bytes, trace_header: str | None
    ) -> NestedStart:
        """StartExecution with the parent's ARN kept beside the child.

        Raises:
            NestedRefused: as the API refuses.
        """
        ...

    async def describe(self, call: Call, execution_arn: str) -> Mapping[str, Any]:
        """DescribeExecution as on the wire (camelCase), except that dates are epoch milliseconds.

        Raises:
            NestedRefused: as the API refuses.
        """
        ...

    async def stop(self, call: Call, execution_arn: str) -> None:
        """StopExecution.

        Raises:
            NestedRefused: as the API refuses.
        """
        ...


class StartExecution:
    """The handler of `states:startExecution`."""

    def __init__(self, executions: NestedExecutions, clock: Clock, ids: Ids) -> None:
        """Use our own API through `executions`."""
        self._executions = executions
        self._clock = clock
        self._ids = ids

    async def call(self, call: Call) -> Outcome:
        """Start the child."""
        parameters, problems = _parameters(call)
        if problems:
            return not_startable(call, problems)
        name = text_of(parameters.get("Name") or uuid_of(call.key))
        given = parameters.get("Input")
        text = b"{}" if given is None else text_of(given).encode("utf-8")
        trace = parameters.get("TraceHeader")
        try:
            child = await self._executions.start(
                call, text_of(parameters["StateMachineArn"]), name, text, None if trace is None else text_of(trace)
            )
        except NestedRefused as refused:
            return self._refused(refused)
        return self._started(call, child)

    async def poll(self, call: Call, job: Mapping[str, Any]) -> Succeeded | Failed | Pending:
        """Look at the child."""
        arn = str(job["execution_arn"])
        try:
            described = await self._executions.describe(call, arn)
        except NestedRefused as refused:
            return self._refused(refused)
        if described["status"] == "RUNNING":
            age = max(0, self._clock.now_ms() - int(job["submitted_ms"])) / 1000
            return Pending(min(_LONGEST_SECONDS, max(_SHORTEST_SECONDS, age / 5)))
        ended = ending(described, call.resource.pattern)
        return ended if isinstance(ended, Failed) else sized(call, ended.output)

    async def cancel(self, call: Call, job: Mapping[str, Any]) -> None:
        """Stop the child; one that has ended stays as it is."""
        try:
            await self._executions.stop(call, str(job["execution_arn"]))
        except NestedRefused:
            return

    def _started(self, call: Call, child: NestedStart) -> Outcome:
        body = {"executionArn": child.execution_arn, "startDate": child.start_ms / 1000}
        request_id = str(self._ids.uuid())
        headers = [
            ("x-amzn-RequestId", request_id),
            ("connection", "keep-alive"),
            ("Content-Length", str(len(encode_json(body)))),
            ("Date", _http_date(self._clock.now_ms())),
            ("Content-Type", "application/x-amz-json-1.0"),
        ]
        result = {"ExecutionArn": child.execution_arn, "StartDate": child.start_ms}
        output = encode_json(with_metadata(result, 200, headers, request_id))
        if call.resource.pattern == "request_response":
            return sized(call, output)
        if call.resource.pattern == "wait_for_task_token":
            return Submitted(output)
        job = {"execution_arn": child.execution_arn, "submitted_ms": self._clock.now_ms()}
        return Submitted(output, {**job, FIRST_LOOK: _SHORTEST_SECONDS})

    def _refused(self, refused: NestedRefused) -> Failed:
        shape = "" if refused.code in _UNMODELLED else refused.code
        problem = ApiRefused(refused.code, refused.message, 400, str(self._ids.uuid()), shape)
        return optimised_failure(problem, NAMES)


def _parameters(call: Call) -> tuple[dict[str, Any], list[str]]:
    try:
        written = decode_json(call.input)
    except JsonError as error:
        return {}, [str(error)]
    if not isinstance(written, dict):
        return {}, ["The Parameters must be a JSON object"]
    try:
        return check(written, call.resource), []
    except ParameterProblems as problem:
        return {}, problem.problems


def check(written: dict[str, Any], resource: Resource) -> dict[str, Any]:
    """The parameters, if they can be used.

    Raises:
        ParameterProblems: no state machine is named, or a member is unknown.
    """
    problems = [NOT_SUPPORTED.format(name) for name in written if name not in PARAMETERS]
    if written.get("StateMachineArn") is None:
        problems.append(MISSING.format("StateMachineArn"))
    if problems:
        raise ParameterProblems(problems)
    return written


def ending(described: Mapping[str, Any], pattern: str) -> Succeeded | Failed:
    """What the task of a child that has ended becomes; `described` is DescribeExecution with dates in milliseconds."""
    shown = encode_json(_shown(described, parsed=pattern == "sync:2"))
    return task_failed(shown.decode("utf-8", "replace")) if described["status"] in _FAILED else Succeeded(shown)


def dates_in_ms(described: Mapping[str, Any]) -> dict[str, Any]:
    """DescribeExecution's answer with its dates in epoch milliseconds instead of seconds."""
    return {name: round(1000 * value) if name in _DATES else value for name, value in described.items()}


def _shown(described: Mapping[str, Any], *, parsed: bool) -> dict[str, Any]:
    """The description as a task's output: Pascal case, alphabetical, what is absent left out."""
    shown = {raised(name): value for name, value in described.items() if value is not None and name != PARENT_MEMBER}
    for name in ("InputDetails", "OutputDetails"):
        if isinstance(shown.get(name), Mapping):
            shown[name] = {raised(inner): value for inner, value in shown[name].items()}
    if parsed:
        for name in ("Input", "Output"):
            if isinstance(shown.get(name), str):
                shown[name] = _parsed(shown[name])
    return {name: shown[name] for name in sorted(shown)}


def _parsed(text: str) -> Any:
    try:
        return decode_json(text)
    except JsonError:
        return text


def _http_date(now_ms: int) -> str:
    from email.utils import formatdate

    return formatdate(now_ms / 1000, usegmt=True)


class NoNestedExecutions:
    """Stands in where no engine is at hand: every start is refused with what is missing."""

    async def start(
        self, call: Call, machine_arn: str, name: str, input_text: bytes, trace_header: str | None
    ) -> NestedStart:
        """Refuse."""
        raise NestedRefused("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{machine_arn}'")

    async def describe(self, call: Call, execution_arn: str) -> Mapping[str, Any]:
        """Refuse."""
        raise NestedRefused("ExecutionDoesNotExist", f"Execution Does Not Exist: '{execution_arn}'")

    async def stop(self, call: Call, execution_arn: str) -> None:
        """Refuse."""
        raise NestedRefused("ExecutionDoesNotExist", f"Execution Does Not Exist: '{execution_arn}'")
