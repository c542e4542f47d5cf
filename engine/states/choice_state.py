"""The Choice state: the first rule that holds says where to go.

History: ChoiceStateEntered, ChoiceStateExited (output = input after OutputPath, or the rule's Output).
"""

from __future__ import annotations

from typing import Final

from engine.asl.model import ChoiceRule, ChoiceState
from engine.execution.frame import Frame
from engine.execution.outcome import Outcome
from engine.execution.step import Step
from engine.expressions.scope import Scope
from engine.failure import runtime_error
from engine.payload import Payload
from engine.states.data_flow import View, effective_input, evaluate_assign, finish, leave

DEFAULT: Final = -1
"""The index that stands for no rule at all."""


def enter(state: ChoiceState, frame: Frame, step: Step) -> Outcome:
    """Enter, and go where the rules say."""
    step.record(frame, "ChoiceStateEntered", state.name, frame.input)
    return act(state, frame, step)


def act(state: ChoiceState, frame: Frame, step: Step) -> Outcome:
    """Go where the first matching rule, or else Default, points; after a redrive the rules are evaluated again.

    Raises:
        StateError: States.Runtime, no rule matches and there is no Default (AWS does not use States.NoChoiceMatched).
    """
    view = View(frame, step)
    given = effective_input(state, view)
    scope = view.scope.at(given.value)
    index = next((index for index, rule in enumerate(state.rules) if rule.condition(scope)), DEFAULT)
    rule = None if index == DEFAULT else state.rules[index]
    if rule is None and state.default is None:
        raise runtime_error("Failed to transition out of the state. The state does not point to a next state.")
    step.took("rule", state.name, index)
    if rule is not None and (rule.output is not None or rule.assign is not None):
        return _leave_by(rule, state, view, scope, given)
    if rule is not None:
        output = finish(_without_assign(state), view, given)[0]
        return leave("ChoiceStateExited", state, view, output, None, rule.next)
    output, assigned = finish(state, view, given)
    return leave("ChoiceStateExited", state, view, output, assigned, state.default)


def _leave_by(rule: ChoiceRule, state: ChoiceState, view: View, scope: Scope, given: Payload) -> Outcome:
    """A rule's own Output and Assign take the place of the state's."""
    output = Payload(rule.output(scope)) if rule.output is not None else finish(_without_assign(state), view, given)[0]
    assigned = evaluate_assign(rule.assign, scope, view)
    return leave("ChoiceStateExited", state, view, output, assigned, rule.next)


def _without_assign(state: ChoiceState) -> ChoiceState:
    """The state-level Assign belongs to Default alone."""
    if state.assign is None:
        return state
    return ChoiceState(
        name=state.name,
        query_language=state.query_language,
        input_path=state.input_path,
        output_path=state.output_path,
        output=state.output,
        rules=state.rules,
    )
