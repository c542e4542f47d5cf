"""The distributed Map state: its run is made by the host, whose child executions have histories of their own.

History: MapStateEntered, MapStateStarted (0 items where a reader brings them), MapRunStarted; then MapRunSucceeded,
MapStateSucceeded and MapStateExited, or MapRunFailed and MapStateFailed. A redrive adds MapRunRedriven, which follows
MapStateStarted every time, and the end follows it. Everything that the run needs and that an expression says is
evaluated here, once, and waits with the frame.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid3

from engine.arn import machine_arn, map_run_arn
from engine.asl.model import MapState, NumberLimit, Program
from engine.execution.execution import Status
from engine.execution.frame import Frame, MapRun
from engine.execution.outcome import Failed, Outcome
from engine.execution.step import Step
from engine.execution.stimulus import MapRunEnded
from engine.failure import DATA_LIMIT_EXCEEDED, RUNTIME, StateError, evaluation_error, runtime_error
from engine.limits import MAP_RUN_REDRIVES_MAX
from engine.payload import Payload
from engine.states.data_flow import View, effective_input, finish, leave, select_result
from engine.states.map_inputs import Entry
from engine.states.map_limits import number_of, refused, whole_number

THRESHOLD_ERROR: Final = "States.ExceedToleratedFailureThreshold"
THRESHOLD_CAUSE: Final = "The specified tolerated failure threshold was exceeded"
FAILED: Final = (Status.FAILED, Status.TIMED_OUT)
"""How children end whose items count as failed."""
NOT_WRITABLE: Final = "Failed to write a test manifest into the specified output bucket."
_UUID_BYTES: Final = 16
_FIRST_ENTERED_ID: Final = 2


def start(state: MapState, frame: Frame, step: Step, items: list[Any] | None, view: View) -> MapRun:
    """Ask for a run; also after a retry, which gets a new one.

    Args:
        state: the Map.
        frame: its frame.
        step: the turn.
        items: from the state's data; None when an ItemReader brings them.
        view: the look that found them.
    """
    concurrency = whole_number(state.max_concurrency, view, "MaxConcurrency") or 0
    started_id = step.record(frame, "MapStateStarted", 0 if items is None else len(items))
    plan: dict[str, Any] = {
        "max_concurrency": concurrency,
        "tolerated_count": whole_number(state.tolerated_failure_count, view, "ToleratedFailureCount"),
        "tolerated_percentage": percentage_of(state.tolerated_failure_percentage, view),
    }
    if items is not None:
        plan["items"] = items
        if items and isinstance(items[0], Entry):
            plan["keyed"] = True
    plan |= reader_plan(state, view) | batcher_plan(state, view) | _writer(state, view)
    unique = _version_4(step.entropy(_UUID_BYTES))
    origin = step.execution.origin
    machine = machine_arn(origin.region, origin.account, origin.machine_name)
    arn = str(map_run_arn(machine, label_of(state, str(machine)), unique))
    frame.last_id = started_id
    run_id = step.record(frame, "MapRunStarted", arn)
    return MapRun(arn, run_id, Payload(plan), state_started_id=started_id)


def redrive(frame: Frame, waits: MapRun, step: Step) -> MapRun:
    """Ask for the same run again: it goes on with what failed and what never started.

    Raises:
        StateError: States.Runtime, it was redriven too often.
    """
    if waits.redrive_count >= MAP_RUN_REDRIVES_MAX:
        raise runtime_error(f"The Map Run cannot be redriven more than {MAP_RUN_REDRIVES_MAX} times.")
    count = waits.redrive_count + 1
    state_started_id = waits.state_started_id or waits.started_id - 1
    frame.last_id = step.note(state_started_id, "MapRunRedriven", waits.arn, count)
    return MapRun(waits.arn, frame.last_id, waits.input, count, state_started_id)


def ended(state: MapState, frame: Frame, waits: MapRun, step: Step, stimulus: MapRunEnded) -> Outcome:
    """The run is over: the state goes on with its result, or fails with its error.

    Raises:
        StateError: the run could not begin, or its result does not fit.
    """
    waits.spent = stimulus.output is not None or stimulus.error == DATA_LIMIT_EXCEEDED
    if stimulus.error == RUNTIME and (stimulus.cause or "").startswith(NOT_WRITABLE):
        raise runtime_error(stimulus.cause or "")  # recorded: neither MapRunFailed nor MapStateFailed
    if stimulus.output is None:
        failed_id = step.note(waits.started_id, "MapRunFailed", stimulus.error, stimulus.cause)
        return Failed(stimulus.error, stimulus.cause, failed_id)
    succeeded_id = step.note(waits.started_id, "MapRunSucceeded")
    step.note(succeeded_id, "MapStateSucceeded")
    # Recorded both ways: after MapRunSucceeded where the Map is the machine's first state, else after MapRunStarted.
    at_first = frame.entered_id == _FIRST_ENTERED_ID and not waits.redrive_count
    frame.last_id = succeeded_id if at_first else waits.started_id
    view = View(frame, step)
    result = select_result(state, view, stimulus.output)
    output, assigned = finish(state, view, result, state.result_path, is_work=True)
    return leave("MapStateExited", state, view, output, assigned, state.next)


def label_of(state: MapState, machine: str) -> str:
    """The state's Label, or a version 3 UUID that is the same for every execution of the machine."""
    return state.label or generated_label(state.name, machine)


def generated_label(state_name: str, machine: str) -> str:
    """What names the Map of a state without a Label in ARNs; `machine` is the ARN of the state machine."""
    return str(uuid3(NAMESPACE_URL, f"{machine}/{state_name}"))


def child_program(program: Program, state: MapState) -> Program:
    """What the children of a Map run: its ItemProcessor, without the machine's own time limit."""
    return replace(program, machine=state.processor, timeout_seconds=None)


def exceeds_tolerance(failed_items: int, items: int, count: int | None, percentage: float | None) -> bool:
    """Whether more has failed than the run may bear; without any number nothing may.

    Args:
        failed_items: of children that failed or timed out.
        items: of the whole run.
        count: ToleratedFailureCount, None where it is not given.
        percentage: ToleratedFailurePercentage, 0 to 100, None where it is not given.
    """
    if count is None and percentage is None:
        count = 0
    over_count = count is not None and failed_items > count
    return over_count or (percentage is not None and 100 * failed_items / max(1, items) > percentage)


def output_too_large(state: str) -> StateError:
    """The end of a run whose children together bring more than a state may hand on."""
    text = "returned a result with a size exceeding the maximum number of bytes service limit."
    return StateError(DATA_LIMIT_EXCEEDED, f"The state/task '{state}' {text}")


def child_name(run_id: UUID, index: int) -> str:
    """The name of a run's child execution: stable, so that starting it twice starts it once."""
    return str(uuid3(run_id, str(index)))


def child_unique(run_id: UUID, index: int) -> str:
    """The last part of an express child's ARN."""
    return _version_4(uuid3(run_id, f"express {index}").bytes)


def _version_4(random: bytes) -> str:
    return str(UUID(bytes=random[:_UUID_BYTES], version=4))


def percentage_of(limit: NumberLimit, view: View) -> float | None:
    """ToleratedFailurePercentage; None where there is no such field.

    Raises:
        StateError: States.Runtime with AWS's text, or States.QueryEvaluationError.
    """
    value = number_of(limit, view)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refused(limit, value, "ToleratedFailurePercentage", "float")
    if not 0 <= value <= 100:
        cause = "ToleratedFailurePercentage must be between 0 and 100."
        raise runtime_error(cause) if limit.path else evaluation_error(cause, "ToleratedFailurePercentage")
    return float(value)


def reader_plan(state: MapState, view: View) -> dict[str, Any]:
    """The evaluated ItemReader under `reader`; nothing without one."""
    reader = state.item_reader
    if reader is None:
        return {}
    return {
        "reader": {
            "resource": reader.resource,
            "config": dict(reader.config),
            "parameters": {} if reader.parameters is None else reader.parameters(_field_scope(state, view)),
            "max_items": whole_number(reader.max_items, view, "MaxItems", negative=True),
        }
    }


def batcher_plan(state: MapState, view: View) -> dict[str, Any]:
    """The evaluated ItemBatcher under `batcher`; nothing without one."""
    batcher = state.item_batcher
    if batcher is None:
        return {}
    plan: dict[str, Any] = {
        "max_items": whole_number(batcher.max_items, view, "MaxItemsPerBatch"),
        "max_bytes": whole_number(batcher.max_input_bytes, view, "MaxInputBytesPerBatch"),
    }
    if batcher.batch_input is not None:
        plan["batch_input"] = batcher.batch_input(_field_scope(state, view))
    return {"batcher": plan}


def _writer(state: MapState, view: View) -> dict[str, Any]:
    writer = state.result_writer
    if writer is None:
        return {}
    parameters = {} if writer.parameters is None else writer.parameters(_field_scope(state, view))
    return {"writer": {"resource": writer.resource, "config": dict(writer.config), "parameters": parameters}}


def _field_scope(state: MapState, view: View) -> Any:
    if state.query_language == "JSONata":
        return view.scope
    return view.scope.at(effective_input(state, view).value)
