"""The Task state: ask the world for something and wait for the answer.

History: TaskStateEntered, then per attempt Scheduled, Started, (Submitted), Succeeded or Failed or TimedOut, at last
TaskStateExited. The names depend on the resource: a function ARN, an activity, or a service integration.
"""

from __future__ import annotations

from typing import Any

from engine import task_token
from engine.asl.model import NumberLimit, Resource, TaskState
from engine.execution.frame import Attempt, Frame
from engine.execution.outcome import Failed, Outcome
from engine.execution.step import Step
from engine.execution.stimulus import (
    TaskFailed,
    TaskGivenBack,
    TaskHeartbeat,
    TaskStarted,
    TaskSubmitted,
    TaskSucceeded,
    WorkerLost,
)
from engine.expressions.scope import Scope
from engine.failure import (
    DATA_LIMIT_EXCEEDED,
    HEARTBEAT_TIMEOUT,
    TIMEOUT,
    evaluation_error,
    runtime_error,
    shown_cause,
)
from engine.limits import PAYLOAD_BYTES_MAX, TASK_SECONDS_MAX
from engine.payload import Payload
from engine.states.data_flow import View, check_size, effective_input, finish, leave, select_result, work_input
from engine.states.map_limits import refused, shown_json

_TOKEN_BYTES = 16
_KINDS = {"lambda": "LambdaFunction", "activity": "Activity", "service": "Task"}


def enter(state: TaskState, frame: Frame, step: Step) -> Outcome:
    """Enter and schedule the first attempt."""
    step.record(frame, "TaskStateEntered", state.name, frame.input)
    return schedule(state, frame, step)


def schedule(state: TaskState, frame: Frame, step: Step) -> Outcome:
    """Schedule the next attempt; Parameters are evaluated anew, because the context knows the retry count."""
    if state.resource.arn in step.execution.missing_activities:
        raise runtime_error(f"The activity {state.resource.arn} does not exist.")
    token = step.entropy(_TOKEN_BYTES)
    hands_token_out = state.resource.pattern != "request_response"
    secret = step.entropy(task_token.SECRET_BYTES) if hands_token_out else None
    view = View(frame, step, secret)
    given = work_input(state, view)
    check_size(state.name, given)
    prepare = step.execution.program.preparers.get(state.resource.arn)
    if prepare is not None and not step.execution.origin.test_case:
        # A mocked call reaches no service that could want its parameters otherwise.
        given = prepare(given)
    scope = view.scope if state.input_path is None else view.scope.at(effective_input(state, view).value)
    timeout = _seconds(state.timeout_seconds, scope, "TimeoutSeconds")
    heartbeat = _seconds(state.heartbeat_seconds, scope, "HeartbeatSeconds")
    role_arn = _role_arn(state, scope)
    scheduled_id = _record_scheduled(state.resource, frame, step, given, timeout, heartbeat, role_arn)
    attempt = Attempt(
        token,
        given,
        scheduled_id,
        timeout_seconds=timeout,
        heartbeat_seconds=heartbeat,
        role_arn=role_arn,
        number=frame.retry_count,
        callback=b"" if secret is None else task_token.digest(secret),
    )
    if state.resource.kind != "activity":
        _start_clocks(attempt, step.now_ms)
    return attempt


def started(state: TaskState, frame: Frame, attempt: Attempt, step: Step, stimulus: TaskStarted) -> None:
    """Write the start record: from now on this incarnation, and no other, may run the attempt."""
    if attempt.bound:
        return
    attempt.incarnation, attempt.grant = stimulus.incarnation, stimulus.grant
    attempt.callback = stimulus.callback or attempt.callback
    step.touched.add(frame.path)
    if attempt.started_id:
        return  # the grant before was given back: AWS's history knows one start of an attempt
    resource = state.resource
    if resource.kind == "lambda":
        attempt.started_id = step.record(frame, "LambdaFunctionStarted")
    elif resource.kind == "activity":
        attempt.started_id = step.record(frame, "ActivityStarted", stimulus.worker_name)
        _start_clocks(attempt, step.now_ms)
    else:
        attempt.started_id = step.record(frame, "TaskStarted", resource.service, resource.action)


def submitted(state: TaskState, frame: Frame, attempt: Attempt, step: Step, stimulus: TaskSubmitted) -> Outcome | None:
    """The API call answered; a result that came before the answer counts now."""
    if attempt.submitted_id or not attempt.bound:
        return None
    attempt.submitted_id = step.record(
        frame, "TaskSubmitted", state.resource.service, state.resource.action, stimulus.output
    )
    attempt.job = stimulus.job
    if attempt.early_output is not None:
        return succeeded(state, frame, step, attempt.early_output, attempt.early_secret)
    if attempt.early_failure is not None:
        return failed(state, frame, step, *attempt.early_failure)
    return None


def ended(
    state: TaskState, frame: Frame, attempt: Attempt, step: Step, stimulus: TaskSucceeded | TaskFailed
) -> Outcome | None:
    """A result: of the incarnation that holds the grant, of a poll, or by task token. None: nothing changes yet."""
    by_token = not stimulus.grant
    if not attempt.bound or (not by_token and stimulus.grant != attempt.grant):
        return None
    if by_token and state.resource.kind == "service" and not attempt.submitted_id:
        _keep_for_later(attempt, stimulus)
        step.touched.add(frame.path)
        return None
    if isinstance(stimulus, TaskFailed):
        return failed(state, frame, step, stimulus.error, stimulus.cause)
    return succeeded(state, frame, step, stimulus.output, stimulus.secret)


def succeeded(state: TaskState, frame: Frame, step: Step, output: Payload, secret: bytes = b"") -> Outcome:
    """The attempt ended well: ResultSelector, ResultPath and the rest, then leave.

    `secret` is of the task token that brought the result: the context object still shows that token.
    """
    resource = state.resource
    if output.size_bytes > PAYLOAD_BYTES_MAX:
        name = resource.arn if resource.kind == "lambda" else resource.service or state.name
        cause = (
            f"The state/task '{name}' returned a result with a size exceeding the maximum number of bytes "
            "service limit."
        )
        return failed(state, frame, step, DATA_LIMIT_EXCEEDED, cause)
    _record_end(resource, frame, step, "Succeeded", output)
    view = View(frame, step, secret or None)
    view.shows("result", output)
    result = select_result(state, view, output)
    final, assigned = finish(state, view, result, state.result_path, is_work=True)
    return leave("TaskStateExited", state, view, final, assigned, state.next)


def failed(state: TaskState, frame: Frame, step: Step, error: str | None, cause: str | None) -> Failed:
    """The attempt ended badly."""
    cause = shown_cause(cause)
    return Failed(error, cause, _record_end(state.resource, frame, step, "Failed", error, cause))


def heartbeat(frame: Frame, attempt: Attempt, step: Step, stimulus: TaskHeartbeat) -> None:
    """The attempt is alive: its heartbeat clock starts anew."""
    if attempt.heartbeat_seconds is not None and attempt.bound:
        attempt.heartbeat_ms = step.now_ms + 1000 * attempt.heartbeat_seconds
        step.touched.add(frame.path)


def timed_out(state: TaskState, frame: Frame, attempt: Attempt, step: Step) -> Failed | None:
    """A deadline may have passed. A missed heartbeat shows as States.Timeout too, but can be caught by its own name."""
    if attempt.due_ms is None or attempt.due_ms > step.now_ms:
        return None
    missed_heartbeat = attempt.timeout_ms is None or attempt.timeout_ms > step.now_ms
    event_id = _record_end(state.resource, frame, step, "TimedOut", TIMEOUT)
    return Failed(TIMEOUT, None, event_id, also=HEARTBEAT_TIMEOUT if missed_heartbeat else None)


def worker_lost(state: TaskState, frame: Frame, attempt: Attempt, step: Step, stimulus: WorkerLost) -> Failed | None:
    """Nobody can know whether the call was made, so the attempt fails and says so; it is never repeated silently."""
    if attempt.grant != stimulus.grant or attempt.submitted_id:
        return None
    service = "Lambda" if state.resource.kind == "lambda" else _title(state.resource)
    cause = "The worker that ran this task was lost; whether the task had any effect is unknown."
    return failed(state, frame, step, f"{service}.SdkClientException", cause)


def given_back(frame: Frame, attempt: Attempt, step: Step, stimulus: TaskGivenBack) -> None:
    """The incarnation will never run the grant: the same attempt may be bound again, without a second start event."""
    if attempt.grant == stimulus.grant and attempt.bound and not attempt.submitted_id:
        attempt.incarnation, attempt.grant = "", b""
        step.touched.add(frame.path)


def _start_clocks(attempt: Attempt, now_ms: int) -> None:
    if attempt.timeout_seconds is not None:
        attempt.timeout_ms = now_ms + 1000 * attempt.timeout_seconds
    if attempt.heartbeat_seconds is not None:
        attempt.heartbeat_ms = now_ms + 1000 * attempt.heartbeat_seconds


def _keep_for_later(attempt: Attempt, stimulus: TaskSucceeded | TaskFailed) -> None:
    """A token came back before the call that handed it out had answered; the history wants TaskSubmitted first."""
    if attempt.answered:
        return
    if isinstance(stimulus, TaskFailed):
        attempt.early_failure = (stimulus.error, stimulus.cause)
    else:
        attempt.early_output, attempt.early_secret = stimulus.output, stimulus.secret


def _record_scheduled(
    resource: Resource,
    frame: Frame,
    step: Step,
    given: Payload,
    timeout: int | None,
    heartbeat: int | None,
    role_arn: str | None,
) -> int:
    if resource.kind == "lambda":
        return step.record(frame, "LambdaFunctionScheduled", resource.arn, given, timeout, role_arn)
    if resource.kind == "activity":
        return step.record(frame, "ActivityScheduled", resource.arn, given, timeout, heartbeat)
    region = step.execution.origin.region
    return step.record(
        frame, "TaskScheduled", resource.service, resource.action, region, given, timeout, heartbeat, role_arn
    )


def _record_end(resource: Resource, frame: Frame, step: Step, how: str, *members: Any) -> int:
    if resource.kind == "service":
        return step.record(frame, f"Task{how}", resource.service, resource.action, *members)
    return step.record(frame, f"{_KINDS[resource.kind]}{how}", *members)


def _role_arn(state: TaskState, scope: Scope) -> str | None:
    if state.credentials is None:
        return None
    credentials = state.credentials(scope)
    role_arn = credentials.get("RoleArn") if isinstance(credentials, dict) else None
    if not isinstance(role_arn, str):
        cause = "The field 'RoleArn' of the field 'Credentials' must be a string"
        raise runtime_error(cause) if state.query_language == "JSONPath" else evaluation_error(cause, "Credentials")
    return role_arn


def _seconds(limit: NumberLimit | None, scope: Scope, name: str) -> int | None:
    """A whole number of seconds from a literal, a ...Path or a JSONata expression."""
    if limit is None or limit.value is None:
        return None
    if not callable(limit.value):
        return int(limit.value)
    value = limit.value(scope)
    is_whole = isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)
    if limit.path and not is_whole:
        raise refused(limit, value, name, "integer")
    if not is_whole or not 0 < value <= TASK_SECONDS_MAX:
        cause = f"The {name} field must be a positive integer but was: {shown_json(value)}"
        raise runtime_error(cause) if limit.path else evaluation_error(cause, name)
    return int(value)


def _title(resource: Resource) -> str:
    """`Sqs` for `sqs`, `S3` for `aws-sdk:s3`: how error names begin."""
    name = resource.service.rpartition(":")[2]
    return name[:1].upper() + name[1:]
