"""Optimised integrations as tables: one `Service` per AWS service, one `Action` per API action, one `Job` per `.sync`.

A service file holds its table and the few functions that say what AWS does specially; the handler here does the
rest: it reads the parameters, sends the one request, words errors as the SDK for Java 1 does, and polls jobs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from engine.asl.model import Resource
from engine.payload import JsonError, decode_json, encode_json
from services.integrations.aws import Aws, fill_idempotency_tokens
from services.integrations.aws_sender import AwsAnswer
from services.integrations.failures import (
    ApiRefused,
    KnownFailure,
    OptimisedNames,
    Unreachable,
    not_startable,
    optimised_failure,
    sized,
    task_failed,
)
from services.integrations.interface import FIRST_LOOK, Call, Failed, Outcome, Pending, Submitted, Succeeded
from services.integrations.known_parameters import check_parameters
from services.integrations.models import service_model
from services.integrations.sdk_metadata import with_metadata
from services.integrations.shapes import MISSING, OPTIMISED, ParameterProblems, to_json, to_parameters
from services.runtime.clock import Clock

if TYPE_CHECKING:
    from botocore.model import OperationModel

    from services.integrations.outlines import Outline

Json = dict[str, Any]
Progress = tuple[Literal["running", "succeeded", "failed"], Any]
"""How a job stands, and the output (or the cause) once it has ended."""

_THROTTLED: Final = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """How `.sync` waits for what an action has started.

    Attributes:
        reference: (result, parameters) to what identifies the job, JSON-able; kept in the committed TaskSubmitted.
        describe: operation that looks at it; its parameters are `look(reference)`, by default the reference itself.
        judge: (described, reference) to how it stands.
        cancel: operation that stops it and the parameters made of the reference; None where AWS has no such call.
        gone: error codes of `describe` that mean the thing exists no more, which ends a deletion well.
        poll_seconds: shortest and longest time between two looks.
    """

    reference: Callable[[Json, Json], Json]
    describe: str
    judge: Callable[[Json, Json], Progress]
    look: Callable[[Json], Json] = dict
    cancel: tuple[str, Callable[[Json], Json]] | None = None
    gone: frozenset[str] = frozenset()
    poll_seconds: tuple[float, float] = (1.0, 60.0)


def _unchanged(parameters: Json) -> Json:
    return parameters


def _as_written(parameters: Json, resource: Resource) -> Json:
    return parameters


def _as_answered(result: Json, parameters: Json) -> Json:
    return result


def _accepted(result: Json, call: Call) -> Failed | None:
    return None


async def _at_once(aws: Aws, call: Call, parameters: Json) -> Json:
    return parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One action.

    Attributes:
        operation: the API's name.
        job: how `.sync` waits, None where the action has no `.sync`.
        token: whether `.waitForTaskToken` exists.
        before: what must be found out before the request, as read-only calls; may change the parameters.
        complete: adds what AWS adds, as TaskScheduled shows it; doing it again changes nothing. May refuse.
        own_members: the parameters are not those of the API, so that nobody knows which are unknown.
        as_json: members whose values may be any JSON, which is sent as text.
        sync_only_own: members that the service fills in itself for `.sync`, which a definition must not give.
        prepare: changes the parameters to what the API takes.
        finish: (result, parameters) to what the task shows.
        check: finds failures in an answer that came with status 200.
        metadata: whether the result carries SDK metadata.
        required: members that a definition must give beside those that the API requires.
        given: members that the API requires and the integration fills in itself.
        timeout_seconds: how long an answer may take when the task has no deadline of its own.
    """

    operation: str
    job: Job | None = None
    token: bool = False
    before: Callable[[Aws, Call, Json], Awaitable[Json]] = _at_once
    complete: Callable[[Json, Resource], Json] = _as_written
    own_members: bool = False
    as_json: tuple[str, ...] = ()
    sync_only_own: tuple[str, ...] = ()
    prepare: Callable[[Json], Json] = _unchanged
    finish: Callable[[Json, Json], Json] = _as_answered
    check: Callable[[Json, Call], Failed | None] = _accepted
    metadata: bool = True
    required: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    timeout_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """An optimised service: `name` in the Resource, `botocore` its model, `names` its error names."""

    name: str
    botocore: str
    names: OptimisedNames
    actions: Mapping[str, Action]


class OptimisedHandler:
    """Runs the table of one service."""

    def __init__(self, aws: Aws, service: Service, clock: Clock) -> None:
        """Use the shared connection to AWS."""
        self._aws = aws
        self._service = service
        self._clock = clock

    async def call(self, call: Call) -> Outcome:
        """Send the action's one request."""
        action = self._service.actions[call.resource.api_action]
        try:
            parameters, answer = await self._send(call, action)
        except KnownFailure as known:
            return known.failed
        except ParameterProblems as problem:
            return not_startable(call, problem.problems)
        except (ApiRefused, Unreachable) as problem:
            return optimised_failure(problem, self._service.names)
        result = action.finish(to_json(answer.parsed, answer.operation.output_shape, OPTIMISED), parameters)
        failed = action.check(result, call)
        return failed if failed is not None else self._outcome(call, action, parameters, result, answer)

    async def poll(self, call: Call, job: Mapping[str, Any]) -> Succeeded | Failed | Pending:
        """Look at the job once. A throttled or lost look is no failure of the job: it is repeated later."""
        action = self._service.actions[call.resource.api_action]
        assert action.job is not None
        reference: Json = dict(job["reference"])
        try:
            described = await self._request(call, action.job.describe, action.job.look(reference))
        except ApiRefused as problem:
            if problem.code in action.job.gone:
                return Succeeded(encode_json({}))
            if problem.code in _THROTTLED or problem.status >= 500:
                return Pending(self._wait(action.job, job))
            return optimised_failure(problem, self._service.names)
        except Unreachable:
            return Pending(self._wait(action.job, job))
        return self._judged(call, action.job, job, described)

    async def cancel(self, call: Call, job: Mapping[str, Any]) -> None:
        """Stop the job, as well as AWS lets us; a refusal leaves it running, as in AWS."""
        action = self._service.actions[call.resource.api_action]
        if action.job is None or action.job.cancel is None:
            return
        operation, parameters_of = action.job.cancel
        try:
            await self._request(call, operation, parameters_of(dict(job["reference"])))
        except (ApiRefused, Unreachable):
            return

    async def _send(self, call: Call, action: Action) -> tuple[Json, AwsAnswer]:
        written = _object(call)
        model = await self._aws.model(self._service.botocore, action.operation, call.region)
        _check_required(action, written)
        completed = action.complete(dict(written), call.resource)
        prepared = action.prepare(await action.before(self._aws, call, completed))
        parameters = to_parameters(prepared, model.input_shape, OPTIMISED, tokens_of(model))
        fill_idempotency_tokens(parameters, model, call.key)
        answer = await self._aws.request(
            call, self._service.botocore, action.operation, parameters, timeout_seconds=action.timeout_seconds
        )
        return written, answer

    async def _request(self, call: Call, operation: str, written: Json) -> Json:
        model = await self._aws.model(self._service.botocore, operation, call.region)
        parameters = to_parameters(written, model.input_shape, OPTIMISED)
        answer = await self._aws.request(call, self._service.botocore, operation, parameters)
        shown: Json = to_json(answer.parsed, model.output_shape, OPTIMISED)
        return shown

    def _outcome(self, call: Call, action: Action, parameters: Json, result: Json, answer: AwsAnswer) -> Outcome:
        shown = result
        if action.metadata:
            shown = with_metadata(result, answer.status, answer.headers, answer.request_id)
        done = sized(call, encode_json(shown))
        if isinstance(done, Failed) or call.resource.pattern == "request_response":
            return done
        if call.resource.pattern == "wait_for_task_token":
            return Submitted(done.output)
        assert action.job is not None
        job = {
            "reference": action.job.reference(result, parameters),
            "submitted_ms": self._clock.now_ms(),
            FIRST_LOOK: action.job.poll_seconds[0],
        }
        return Submitted(done.output, job)

    def _judged(self, call: Call, kind: Job, job: Mapping[str, Any], described: Json) -> Succeeded | Failed | Pending:
        standing, output = kind.judge(described, dict(job["reference"]))
        if standing == "running":
            return Pending(self._wait(kind, job))
        text = encode_json(output)
        if standing == "failed":
            return task_failed(text.decode("utf-8"))
        return sized(call, text)

    def _wait(self, kind: Job, job: Mapping[str, Any]) -> float:
        """A fifth of the job's age, within the bounds: quick jobs are seen soon, long ones cost little."""
        shortest, longest = kind.poll_seconds
        age = max(0, self._clock.now_ms() - int(job["submitted_ms"])) / 1000
        return min(longest, max(shortest, age / 5))


def table_rule(service: Service, resource: Resource) -> Callable[[Json], Json]:
    """What TaskScheduled shows of an action's parameters; the rule raises ParameterProblems. Reads the API's model."""
    action = service.actions[resource.api_action]
    model = service_model(service.botocore).operation_model(action.operation)
    given = (*action.given, *tokens_of(model))

    def rule(written: Json) -> Json:
        _check_required(action, written)
        completed = action.complete(written, resource)
        if not action.own_members:
            check_parameters(completed, model.input_shape, OPTIMISED, given=given, as_json=action.as_json)
        return completed

    return rule


def tokens_of(operation: OperationModel | Outline) -> list[str]:
    """The tokens that the SDK makes where none is given, so that no definition must give one.

    Models call other things tokens as well: Athena's StopQueryExecution its QueryExecutionId.
    """
    return [OPTIMISED.member(name) for name in operation.idempotent_members if "token" in name.lower()]


def _check_required(action: Action, written: Json) -> None:
    absent = [name for name in action.required if name not in written]
    if absent:
        raise ParameterProblems([MISSING.format(name) for name in absent])


def by_status(
    inner: Callable[[Json], Any],
    status: str,
    succeeded: frozenset[str],
    failed: frozenset[str],
    output: Callable[[Json, Any], Any] = lambda described, found: found,
) -> Callable[[Json, Json], Progress]:
    """Judge by one member: `inner` finds the job in the described JSON, `status` is a dotted path in it."""
    path = status.split(".")

    def judge(described: Json, reference: Json) -> Progress:
        found = inner(described)
        value = found
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if value in succeeded:
            return "succeeded", output(described, found)
        if value in failed:
            return "failed", output(described, found)
        return "running", None

    return judge


def _object(call: Call) -> Json:
    try:
        value = decode_json(call.input)
    except JsonError as error:
        raise ParameterProblems([str(error)]) from None
    if not isinstance(value, dict):
        raise ParameterProblems(["The Parameters must be a JSON object"])
    return value
