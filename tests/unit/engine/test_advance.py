"""Sequences of history events, line by line as the reference and the recordings have them."""

from __future__ import annotations

from typing import Any

import pytest

from engine.execution.execution import Status
from engine.execution.frame import Attempt
from engine.execution.stimulus import CallDropped, Redrive, Stop, TaskStarted, TaskSucceeded, TimerDue
from engine.payload import Payload
from tests.fixtures.memory_host import START_MS, MemoryHost, TaskError, history

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"


def machine(**states: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def task(**fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": FUNCTION, "End": True, **fields}


def failing(error: str = "Broken", cause: str = "why") -> Any:
    def answer(offer: Any) -> Any:
        raise TaskError(error, cause)

    return answer


PASS = {"Type": "Pass", "End": True}


def test_pass_then_succeed() -> None:
    host = MemoryHost(machine(A={"Type": "Pass", "Next": "B"}, B={"Type": "Succeed"})).run()
    assert host.lines == history(
        "1<0:ExecutionStarted 2<0:PassStateEntered 3<2:PassStateExited 4<3:SucceedStateEntered "
        "5<4:SucceedStateExited 6<5:ExecutionSucceeded"
    )


def test_a_retried_task_follows_its_failures_and_fails_the_execution_at_last() -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 2}]
    resource = "arn:aws:states:::lambda:invoke"
    definition = machine(T=task(Resource=resource, Parameters={"FunctionName": "f"}, Retry=retry))
    host = MemoryHost(definition, answer=failing()).run()
    assert host.lines[1:] == history(
        "2<0:TaskStateEntered 3<2:TaskScheduled 4<3:TaskStarted 5<4:TaskFailed 6<5:TaskScheduled 7<6:TaskStarted "
        "8<7:TaskFailed 9<8:TaskScheduled 10<9:TaskStarted 11<10:TaskFailed 12<11:ExecutionFailed"
    )
    assert host.now_ms - START_MS == 1000 + 2000


def test_a_caught_failure_leaves_the_state_with_error_and_cause() -> None:
    catch = [{"ErrorEquals": ["Broken"], "Next": "Z", "ResultPath": "$.problem"}]
    host = MemoryHost(machine(T=task(Catch=catch), Z=PASS), {"a": 1}, failing()).run()
    assert host.lines[5:9] == history(
        "6<5:TaskStateExited 7<6:PassStateEntered 8<7:PassStateExited 9<8:ExecutionSucceeded"
    )
    assert host.output == {"a": 1, "problem": {"Error": "Broken", "Cause": "why"}}


def test_cause_is_empty_after_a_timeout_and_the_event_has_none() -> None:
    catch = [{"ErrorEquals": ["States.Timeout"], "Next": "Z"}]
    definition = machine(T=task(TimeoutSeconds=5, Catch=catch), Z=PASS)
    host = MemoryHost(definition, answer=lambda offer: MemoryHost.NEVER).run()
    timed_out = next(event for event in host.events if event["type"] == "LambdaFunctionTimedOut")
    assert timed_out["lambdaFunctionTimedOutEventDetails"] == {"error": "States.Timeout"}
    assert host.output == {"Error": "States.Timeout", "Cause": ""}
    assert host.now_ms - START_MS == 5000


@pytest.mark.parametrize("name", ["States.Timeout", "States.HeartbeatTimeout", "States.ALL"])
def test_a_missed_heartbeat_is_caught_by_either_name(name: str) -> None:
    catch = [{"ErrorEquals": [name], "Next": "Z"}]
    definition = machine(T=task(TimeoutSeconds=60, HeartbeatSeconds=5, Catch=catch), Z=PASS)
    host = MemoryHost(definition, answer=lambda offer: MemoryHost.NEVER).run()
    assert host.output == {"Error": "States.Timeout", "Cause": ""}


def test_states_taskfailed_does_not_match_a_timeout() -> None:
    catch = [{"ErrorEquals": ["States.TaskFailed"], "Next": "Z"}]
    definition = machine(T=task(TimeoutSeconds=5, Catch=catch), Z=PASS)
    host = MemoryHost(definition, answer=lambda offer: MemoryHost.NEVER).run()
    assert host.execution.status is Status.FAILED


def test_parallel_with_one_failing_branch_caught() -> None:
    parallel = {
        "Type": "Parallel",
        "Branches": [machine(T=task(Resource="arn:aws:states:::lambda:invoke", Parameters={"FunctionName": "f"}))],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Z"}],
        "End": True,
    }
    host = MemoryHost(machine(P=parallel, Z=PASS), answer=failing()).run()
    assert host.lines[6:11] == history(
        "7<6:TaskFailed 8<7:TaskStateAborted 9<7:ParallelStateFailed 10<9:ParallelStateExited 11<10:PassStateEntered"
    )


def test_a_fail_state_in_a_branch_aborts_its_waiting_sibling() -> None:
    branches = [machine(F={"Type": "Fail", "Error": "E"}), machine(W={"Type": "Wait", "Seconds": 9, "End": True})]
    definition = machine(P={"Type": "Parallel", "Branches": branches[::-1], "End": True})
    host = MemoryHost(definition).run()
    assert host.lines[3:] == history(
        "4<3:WaitStateEntered 5<3:FailStateEntered 6<5:WaitStateAborted 7<5:ParallelStateFailed 8<7:ExecutionFailed"
    )


def test_parallel_exits_with_the_last_event_of_the_branch_that_finished_last() -> None:
    branches = [machine(W={"Type": "Wait", "Seconds": 9, "End": True}), machine(A=PASS)]
    host = MemoryHost(machine(P={"Type": "Parallel", "Branches": branches, "End": True}), {"x": 1}).run()
    assert host.lines[3:] == history(
        "4<3:WaitStateEntered 5<3:PassStateEntered 6<5:PassStateExited 7<4:WaitStateExited "
        "8<7:ParallelStateSucceeded 9<7:ParallelStateExited 10<9:ExecutionSucceeded"
    )
    assert host.output == [{"x": 1}, {"x": 1}]


def inline_map(**fields: Any) -> dict[str, Any]:
    return {"Type": "Map", "ItemProcessor": machine(I=PASS), "End": True, **fields}


def test_map_with_max_concurrency_1_starts_the_next_item_from_the_last_event_of_the_one_before() -> None:
    host = MemoryHost(machine(M=inline_map(MaxConcurrency=1)), [10, 20]).run()
    assert host.lines[1:] == history(
        "2<0:MapStateEntered 3<2:MapStateStarted 4<3:MapIterationStarted 5<4:PassStateEntered 6<5:PassStateExited "
        "7<6:MapIterationSucceeded 8<6:MapIterationStarted 9<8:PassStateEntered 10<9:PassStateExited "
        "11<10:MapIterationSucceeded 12<11:MapStateSucceeded 13<11:MapStateExited 14<13:ExecutionSucceeded"
    )
    assert host.output == [10, 20]


def test_map_over_an_empty_array() -> None:
    host = MemoryHost(machine(M=inline_map()), []).run()
    assert host.lines[2:5] == history("3<2:MapStateStarted 4<3:MapStateSucceeded 5<3:MapStateExited")
    assert host.output == []


def test_map_starts_all_iterations_before_it_enters_their_states() -> None:
    host = MemoryHost(machine(M=inline_map()), [1, 2, 3]).run()
    assert host.lines[3:7] == history(
        "4<3:MapIterationStarted 5<3:MapIterationStarted 6<3:MapIterationStarted 7<4:PassStateEntered"
    )


def test_map_runs_at_most_40_iterations_at_once() -> None:
    waiting = machine(W={"Type": "Wait", "Seconds": 9, "End": True})
    host = MemoryHost(machine(M=inline_map(ItemProcessor=waiting)), list(range(41)))
    host.run(until_ms=START_MS)
    assert sum(event["type"] == "MapIterationStarted" for event in host.events) == 40
    assert host.go_on().output == list(range(41))


def test_map_failure_ends_every_iteration_in_the_recorded_order() -> None:
    waiting = machine(T=task(TimeoutSeconds=60))

    def answer(offer: Any) -> Any:
        if offer.attempt.input.value == 2:
            raise TaskError("E")
        return MemoryHost.NEVER

    host = MemoryHost(machine(M=inline_map(ItemProcessor=waiting)), [1, 2], answer).run()
    failed = next(event["id"] for event in host.events if event["type"] == "LambdaFunctionFailed")
    assert host.lines[failed:] == [
        f"{failed + 1}<{failed}:MapIterationFailed",
        f"{failed + 2}<{failed}:TaskStateAborted",
        f"{failed + 3}<{failed}:MapIterationAborted",
        f"{failed + 4}<{failed}:TaskStateAborted",
        f"{failed + 5}<{failed}:MapStateFailed",
        f"{failed + 6}<{failed + 5}:ExecutionFailed",
    ]


def test_a_retried_map_starts_again_after_the_event_that_failed_it() -> None:
    fail = machine(F={"Type": "Fail", "Error": "E"})
    retry = [{"ErrorEquals": ["E"], "MaxAttempts": 1, "IntervalSeconds": 1}]
    host = MemoryHost(machine(M=inline_map(ItemProcessor=fail, Retry=retry)), [1]).run()
    assert host.lines[2:] == history(
        "3<2:MapStateStarted 4<3:MapIterationStarted 5<4:FailStateEntered 6<5:MapIterationFailed 7<5:MapStateStarted "
        "8<7:MapIterationStarted 9<8:FailStateEntered 10<9:MapIterationFailed 11<9:MapStateFailed 12<11:ExecutionFailed"
    )


def test_a_runtime_error_in_a_branch_ends_the_execution_at_once() -> None:
    bad = machine(Fast={"Type": "Pass", "InputPath": "$.missing", "End": True})
    host = MemoryHost(machine(P={"Type": "Parallel", "Branches": [bad], "End": True})).run()
    assert host.lines[2:] == history("3<2:ParallelStateStarted 4<3:PassStateEntered 5<4:ExecutionFailed")
    details = host.events[-1]["executionFailedEventDetails"]
    assert details["error"] == "States.Runtime"
    assert details["cause"].startswith(
        "An error occurred while executing the state 'Fast' (entered at the event id #4). "
    )


def test_a_jsonata_failure_follows_what_came_before_the_state() -> None:
    states = machine(A={"Type": "Pass", "Output": "{% $states.input.x %}", "End": True})
    definition = {"QueryLanguage": "JSONata", **states}
    host = MemoryHost(definition).run()
    assert host.lines[1:] == history("2<0:PassStateEntered 3<0:EvaluationFailed 4<3:ExecutionFailed")
    details = host.events[2]["evaluationFailedEventDetails"]
    assert (details["state"], details["location"]) == ("A", "Output")


def test_stop_writes_one_event_without_a_cause_and_nothing_else() -> None:
    host = MemoryHost(machine(W={"Type": "Wait", "Seconds": 60, "End": True}))
    host.run(until_ms=START_MS)
    host.turn(Stop("E", "C"))
    assert host.lines[-1] == "3<0:ExecutionAborted"
    assert host.execution.status is Status.ABORTED


def test_the_machine_timeout_ends_the_execution_to_the_millisecond() -> None:
    definition = {"TimeoutSeconds": 7, **machine(W={"Type": "Wait", "Seconds": 60, "End": True})}
    host = MemoryHost(definition).run()
    assert host.lines[-1] == "3<0:ExecutionTimedOut"
    assert host.execution.stop_ms == START_MS + 7000


def test_an_endless_loop_ends_at_25000_events() -> None:
    loop = machine(A={"Type": "Pass", "Next": "B"}, B={"Type": "Pass", "Next": "A"}, C={"Type": "Succeed"})
    never = {"Variable": "$.x", "IsPresent": True, "Next": "C"}
    loop["States"]["B"] = {"Type": "Choice", "Choices": [never], "Default": "A"}
    host = MemoryHost(loop, reload=False).run()
    last = host.events[-1]
    assert (last["id"], last["previousEventId"], last["type"]) == (25_000, 24_999, "ExecutionFailed")
    assert last["executionFailedEventDetails"]["cause"] == (
        "The execution reached the maximum number of history events (25000)."
    )


def test_a_turn_makes_at_most_its_budget_of_transitions() -> None:
    states = {f"S{n}": {"Type": "Pass", "Next": f"S{n + 1}"} for n in range(10)}
    host = MemoryHost(machine(**states, S10=PASS), budget=3).run()
    assert len(host.pages) == 4
    assert host.execution.status is Status.SUCCEEDED


def test_a_result_of_a_closed_attempt_changes_nothing() -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]
    host = MemoryHost(machine(T=task(TimeoutSeconds=5, Retry=retry)), answer=lambda offer: MemoryHost.NEVER)
    host.run(until_ms=START_MS)
    waits = host.execution.frames["0"].waits
    assert isinstance(waits, Attempt)
    host.go_on(until_ms=START_MS + 5000)
    pages = len(host.pages)
    host.turn(TaskSucceeded("0", waits.token, Payload(1), b"grant"))
    assert len(host.pages) == pages


def test_an_attempt_is_bound_once() -> None:
    host = MemoryHost(machine(T=task()), answer=lambda offer: MemoryHost.NEVER)
    host.run(until_ms=START_MS)
    waits = host.execution.frames["0"].waits
    assert isinstance(waits, Attempt)
    host.turn(TaskStarted("0", waits.token, "another", b"other"))
    assert host.lines[-1] == "4<3:LambdaFunctionStarted"


def test_a_stale_timer_changes_nothing() -> None:
    host = MemoryHost(machine(W={"Type": "Wait", "Seconds": 60, "End": True}))
    host.run(until_ms=START_MS)
    host.now_ms += 60_000
    host.turn(TimerDue("0", 0))
    assert not host.execution.ended


@pytest.mark.parametrize(
    ("after_ms", "grant", "ended"), [(4_999, b"grant", False), (5_000, b"other", False), (5_000, b"grant", True)]
)
def test_a_dropped_call_times_out_when_the_definition_says_so_and_not_before(
    after_ms: int, grant: bytes, ended: bool
) -> None:
    host = MemoryHost(machine(T=task(TimeoutSeconds=5)), answer=lambda offer: MemoryHost.NEVER)
    host.run(until_ms=START_MS)
    waits = host.execution.frames["0"].waits
    assert isinstance(waits, Attempt)
    host.now_ms += after_ms
    host.turn(CallDropped("0", waits.token, grant))
    host.turn(CallDropped("0", waits.token, grant))
    assert [line.partition(":")[2] for line in host.lines[4:]] == (
        ["LambdaFunctionTimedOut", "ExecutionFailed"] if ended else []
    )


def test_redrive_goes_on_at_the_task_that_failed_with_its_old_entered_event() -> None:
    answers = iter([TaskError("E"), 5])

    def answer(offer: Any) -> Any:
        given = next(answers)
        if isinstance(given, TaskError):
            raise given
        return given

    host = MemoryHost(machine(T=task()), answer=answer).run()
    host.turn(Redrive())
    host.go_on()
    assert host.lines[5:] == history(
        "6<5:ExecutionFailed 7<6:ExecutionRedriven 8<2:LambdaFunctionScheduled 9<8:LambdaFunctionStarted "
        "10<9:LambdaFunctionSucceeded 11<10:TaskStateExited 12<11:ExecutionSucceeded"
    )


def test_a_payload_over_the_limit_fails_the_state() -> None:
    host = MemoryHost(machine(State_1={"Type": "Pass", "Result": "x" * 262_143, "End": True})).run()
    assert host.lines[1:] == history("2<0:PassStateEntered 3<2:ExecutionFailed")
    assert host.events[-1]["executionFailedEventDetails"] == {
        "error": "States.DataLimitExceeded",
        "cause": "The state/task 'State_1' returned a result with a size exceeding the maximum number of bytes "
        "service limit.",
    }
    fits = MemoryHost(machine(State_1={"Type": "Pass", "Result": "x" * 262_142, "End": True})).run()
    assert fits.execution.status is Status.SUCCEEDED


def test_a_witness_hears_which_rule_retrier_and_catcher_was_taken() -> None:
    rules = [{"Variable": "$.n", "NumericEquals": 1, "Next": "T"}, {"Variable": "$.n", "NumericEquals": 2, "Next": "T"}]
    retry = [
        {"ErrorEquals": ["Other"]},
        {"ErrorEquals": ["Broken"], "MaxAttempts": 1},
    ]
    catch = [
        {"ErrorEquals": ["Other"], "Next": "Again"},
        {"ErrorEquals": ["States.ALL"], "Next": "Again", "ResultPath": "$.n"},
    ]
    states = {
        "C": {"Type": "Choice", "Choices": rules},
        "T": {"Type": "Task", "Resource": FUNCTION, "Retry": retry, "Catch": catch, "Next": "Again"},
        "Again": {"Type": "Choice", "Choices": [{**rules[0], "Next": "Z"}], "Default": "Z"},
        "Z": PASS,
    }
    taken: list[tuple[str, str, int]] = []
    MemoryHost(machine(**states), {"n": 2}, failing(), witness=lambda *it: taken.append(it)).run()
    assert taken == [("rule", "C", 1), ("retrier", "T", 1), ("catcher", "T", 1), ("rule", "Again", -1)]


def test_a_task_whose_activity_does_not_exist_fails_before_it_is_scheduled() -> None:
    arn = "arn:aws:states:us-east-1:000000000000:activity:gone"
    host = MemoryHost(machine(T=task(Resource=arn)), reload=False)
    host.execution.missing_activities = frozenset({arn})
    host.run()
    assert host.lines[1:] == history("2<0:TaskStateEntered 3<2:ExecutionFailed")
    assert host.events[-1]["executionFailedEventDetails"]["cause"].endswith(f"The activity {arn} does not exist.")
