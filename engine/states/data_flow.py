"""How data flow through a state: from InputPath to OutputPath in JSONPath, from Arguments to Output in JSONata.

Source: reference of evaluation order, JSONPath (InputPath first, OutputPath last) and JSONata (Assign and Output
side by side on the variables as they were on entry). None in a JSONPath field
means `$`, so most states evaluate nothing.
"""

from __future__ import annotations

from typing import TypeAlias

from engine.asl.model import (
    DISCARD,
    Assign,
    BaseState,
    Catcher,
    Discard,
    PassState,
    PathField,
    WorkState,
)
from engine.execution.context import scope_of
from engine.execution.frame import Frame
from engine.execution.outcome import Done
from engine.execution.step import Step
from engine.expressions.reference_path import ReferencePath
from engine.expressions.scope import Expression, Scope
from engine.failure import DATA_LIMIT_EXCEEDED, StateError, runtime_error
from engine.limits import PAYLOAD_BYTES_MAX, VARIABLE_BYTES_MAX, VARIABLES_BYTES_MAX
from engine.payload import EMPTY_OBJECT, Payload, encode_json

Assigned: TypeAlias = dict[str, Payload] | None


class View:
    """One state's look at its data during one visit; the scope is made at most once, and only if a field needs it."""

    __slots__ = ("_scope", "frame", "secret", "step")

    def __init__(self, frame: Frame, step: Step, secret: bytes | None = None) -> None:
        """Keep who is asking; `secret` puts the task token with it into the context object."""
        self.frame = frame
        self.step = step
        self.secret = secret
        self._scope: Scope | None = None

    @property
    def scope(self) -> Scope:
        """What the state's expressions see; `$` is the raw input."""
        if self._scope is None:
            self._scope = scope_of(
                self.step.execution, self.frame, self.step.entropy, self.secret, now_ms=self.step.now_ms
            )
        return self._scope

    def shows(self, member: str, payload: Payload) -> Payload:
        """Tell TestState an intermediate value; nobody listens otherwise."""
        if self.step.inspect is not None:
            self.step.inspect(member, payload)
        return payload


def effective_input(state: BaseState, view: View) -> Payload:
    """The raw input after InputPath (JSONata has none)."""
    if state.query_language == "JSONata":
        return view.frame.input
    return view.shows("afterInputPath", _through(state.input_path, view.frame.input, view))


def work_input(state: WorkState, view: View) -> Payload:
    """What a Task or Parallel is given: InputPath and Parameters, or Arguments."""
    if state.query_language == "JSONata":
        if state.arguments is None:
            return view.frame.input
        return view.shows("afterArguments", Payload(state.arguments(view.scope)))
    given = effective_input(state, view)
    if state.parameters is not None:
        given = Payload(state.parameters(view.scope.at(given.value)))
    return view.shows("afterParameters", given)


def select_result(state: WorkState, view: View, result: Payload) -> Payload:
    """The raw result after ResultSelector (JSONata has none)."""
    if state.result_selector is not None:
        result = Payload(state.result_selector(view.scope.at(result.value)))
    if state.query_language == "JSONPath":
        view.shows("afterResultSelector", result)
    return result


def finish(
    state: BaseState,
    view: View,
    result: Payload,
    result_path: ReferencePath | Discard | None = None,
    *,
    is_work: bool = False,
) -> tuple[Payload, Assigned]:
    """The state's output and the variables that it assigns.

    Args:
        state: the state.
        view: its look at the data.
        result: JSONPath: the value after ResultSelector; JSONata: the raw result, or the input where there is none.
        result_path: JSONPath's ResultPath.
        is_work: the state has a result of its own, so that `$states.result` exists.
    """
    if state.query_language == "JSONata":
        if state.output is None and state.assign is None:
            return result, None
        scope = view.scope.with_result(result.value) if is_work else view.scope
        output = result if state.output is None else Payload(state.output(scope))
        return output, evaluate_assign(state.assign, scope, view)
    assigned = None
    if state.assign is not None:
        assigned = evaluate_assign(state.assign, view.scope.at(result.value), view)
    output = apply_result_path(result_path, view.frame.input, result)
    if isinstance(state, PassState | WorkState):
        view.shows("afterResultPath", output)
    return _through(state.output_path, output, view), assigned


def evaluate_assign(assign: Assign | None, scope: Scope, view: View) -> Assigned:
    """New values of variables, none of which sees another.

    Raises:
        StateError: States.DataLimitExceeded, too much in one Assign or in the execution.
    """
    if assign is None:
        return None
    assigned = {name: Payload(expression(scope)) for name, expression in assign.expressions.items()}
    new_bytes = sum(payload.size_bytes for payload in assigned.values())
    if new_bytes > VARIABLE_BYTES_MAX:
        raise StateError(
            DATA_LIMIT_EXCEEDED, "The size of the variables assigned by this state exceeds the service limit.", "Assign"
        )
    live_bytes = sum(
        payload.size_bytes
        for frame in view.step.execution.frames.values()
        for name, payload in frame.variables.items()
        if frame is not view.frame or name not in assigned  # what is assigned anew takes the place of the old value
    )
    if live_bytes + new_bytes > VARIABLES_BYTES_MAX:
        raise StateError(
            DATA_LIMIT_EXCEEDED, "The total size of the execution's variables exceeds the service limit.", "Assign"
        )
    return assigned


def apply_result_path(path: ReferencePath | Discard | None, raw: Payload, result: Payload) -> Payload:
    """Put the result where ResultPath says: into the raw input, instead of it, or nowhere."""
    if path is None:
        return result
    if path is DISCARD:
        return raw
    assert isinstance(path, ReferencePath)
    return Payload(path.put(raw.value, result.value)) if path.steps else result


def caught(catcher: Catcher, view: View, error_output: Payload) -> tuple[Payload, Assigned]:
    """Output and variables of a catcher; OutputPath does not apply to what was caught."""
    state = view.step.execution.state_of(view.frame)
    if state.query_language == "JSONata":
        scope = view.scope.at(view.frame.input.value)
        scope.error_output = error_output.value
        output = error_output if catcher.output is None else Payload(catcher.output(scope))
        return output, evaluate_assign(catcher.assign, scope, view)
    assigned = evaluate_assign(catcher.assign, view.scope.at(error_output.value), view)
    return apply_result_path(catcher.result_path, view.frame.input, error_output), assigned


def leave(kind: str, state: BaseState, view: View, output: Payload, assigned: Assigned, next_state: str | None) -> Done:
    """Write the Exited event, keep the variables, and go to `next_state` (None ends the machine or branch)."""
    frame = view.frame
    check_size(state.name, output)
    if assigned:
        view.step.record(frame, kind, state.name, output, assigned)
        frame.variables = {**frame.variables, **assigned}
    else:
        view.step.record(frame, kind, state.name, output)
    return Done(output, next_state)


def check_size(name: str, payload: Payload) -> None:
    """Refuse what is larger than AWS's payload limit.

    Raises:
        StateError: States.DataLimitExceeded; `name` is the state, `lambda`, or the function's ARN.
    """
    if payload.size_bytes > PAYLOAD_BYTES_MAX:
        raise StateError(
            DATA_LIMIT_EXCEEDED,
            f"The state/task '{name}' returned a result with a size exceeding the maximum number of bytes "
            "service limit.",
        )


def text_of(field: str | Expression | None, scope: Scope, name: str) -> str | None:
    """A text field that may come from its `...Path` twin (JSONata has checked the type of its own).

    Raises:
        StateError: States.Runtime, the path leads to something else than a string.
    """
    if field is None or isinstance(field, str):
        return field
    value = field(scope)
    if not isinstance(value, str):
        shown = encode_json(value).decode()
        raise runtime_error(f"The {name}Path parameter does not reference a string value: {shown}")
    return value


def _through(path: PathField, payload: Payload, view: View) -> Payload:
    if path is None:
        return payload
    if isinstance(path, Discard):
        return EMPTY_OBJECT
    return Payload(path(view.scope.at(payload.value)))
