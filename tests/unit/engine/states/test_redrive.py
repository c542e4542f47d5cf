"""Redrive, state by state: where each one goes on, and what the history says of it."""

from __future__ import annotations

from typing import Any

import pytest

from engine.execution.execution import Status
from engine.execution.frame import MapRun
from engine.execution.stimulus import MapRunEnded, Redrive, Stop
from engine.limits import MAP_RUN_REDRIVES_MAX
from engine.payload import Payload
from engine.states.distributed_map import NOT_WRITABLE
from tests.fixtures.memory_host import START_MS, MemoryHost, TaskError, history

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
ACTIVITY = "arn:aws:states:us-east-1:000000000000:activity:a"
TASK = {"Type": "Task", "Resource": FUNCTION, "End": True}
PASS = {"Type": "Pass", "End": True}


def machine(start: str = "S", **states: Any) -> dict[str, Any]:
    return {"StartAt": start, "States": states}


def stopped(host: MemoryHost, after_ms: int = 0) -> MemoryHost:
    host.now_ms += after_ms
    host.turn(Stop())
    return host


def redriven(host: MemoryHost, after_ms: int = 0) -> MemoryHost:
    """Redrive and go on; what was due before the redrive may still come."""
    host.now_ms += after_ms
    host.turn(Redrive())
    return host.go_on(host.now_ms + 24 * 3600 * 1000)


def new_lines(host: MemoryHost) -> list[str]:
    """The history from the newest ExecutionRedriven on."""
    names = [line.partition(":")[2] for line in host.lines]
    return host.lines[len(names) - names[::-1].index("ExecutionRedriven") - 1 :]


def in_turn(*answers: Any) -> Any:
    """Answer the calls one after the other; an exception fails the call."""
    given = iter(answers)

    def answer(offer: Any) -> Any:
        value = next(given)
        if isinstance(value, Exception):
            raise value
        return value

    return answer


def test_a_redrive_of_a_running_execution_changes_nothing() -> None:
    host = MemoryHost(machine(S={"Type": "Wait", "Seconds": 5, "End": True})).run(START_MS)
    before = list(host.lines)
    host.turn(Redrive())
    assert (host.lines, host.execution.redrive_count) == (before, 0)


def test_the_count_is_told_and_the_context_has_count_and_time_of_the_redrive() -> None:
    task = TASK | {"Parameters": {"e.$": "$$.Execution", "s.$": "$$.State"}}
    host = MemoryHost(machine(S=task), answer=in_turn(TaskError("E"), TaskError("E"), 1)).run()
    entered = host.execution.frames["0"].entered_ms
    redriven(host, 1_000)
    seen: list[Any] = []

    def answer(offer: Any) -> Any:
        seen.append(offer.attempt.input.value)
        return 1

    host.answer = answer
    redriven(host, 1_500)
    assert [e["executionRedrivenEventDetails"] for e in host.events if e["type"] == "ExecutionRedriven"] == [
        {"redriveCount": 1},
        {"redriveCount": 2},
    ]
    (context,) = seen
    assert context["e"]["RedriveCount"] == 2
    assert context["e"]["RedriveTime"] == "2026-09-21T14:13:22.500Z"
    assert context["e"]["StartTime"].startswith("2026-09-21T14:13:20")
    assert context["s"]["EnteredTime"].startswith("2026-09-21T14:13:20")
    assert (entered, context["s"]["RetryCount"]) == (START_MS, 0)


@pytest.mark.parametrize("kind", ["Pass", "Succeed"])
def test_a_state_that_fails_at_once_acts_again_without_a_second_entered_event(kind: str) -> None:
    state = {"Type": kind, "OutputPath": "$.missing"} | ({"End": True} if kind == "Pass" else {})
    host = redriven(MemoryHost(machine(S=state)).run())
    assert host.lines[2:] == history("3<2:ExecutionFailed 4<3:ExecutionRedriven 5<4:ExecutionFailed")


def test_a_choice_evaluates_its_rules_again() -> None:
    choice = {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "P"}]}
    host = redriven(MemoryHost(machine(S=choice, P=PASS), {"n": 2}).run())
    assert host.lines[1:] == history(
        "2<0:ChoiceStateEntered 3<2:ExecutionFailed 4<3:ExecutionRedriven 5<4:ExecutionFailed"
    )


def test_a_fail_state_fails_again_behind_the_redrive() -> None:
    host = redriven(MemoryHost(machine(S={"Type": "Fail", "Error": "E", "Cause": "c"})).run())
    assert host.lines[1:] == history(
        "2<0:FailStateEntered 3<2:ExecutionFailed 4<3:ExecutionRedriven 5<4:ExecutionFailed"
    )
    assert host.events[-1]["executionFailedEventDetails"] == {"error": "E", "cause": "c"}


def test_a_state_that_was_left_is_not_run_again() -> None:
    pass_state = {"Type": "Pass", "Result": 7, "Next": "S"}
    host = redriven(MemoryHost(machine("P", P=pass_state, S=TASK), answer=in_turn(TaskError("E"), 8)).run())
    assert new_lines(host)[1].endswith("<4:LambdaFunctionScheduled")
    assert host.output == 8


def test_a_state_that_was_not_entered_yet_is_entered() -> None:
    wait = {"Type": "Pass", "Next": "S"}
    host = MemoryHost(machine("P", P=wait, S={"Type": "Fail", "Error": "E"}), budget=1)
    host.run(START_MS - 1)
    redriven(stopped(host))
    assert [line.partition(":")[2] for line in host.lines] == [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionAborted",
        "ExecutionRedriven",
        "FailStateEntered",
        "ExecutionFailed",
    ]


def test_a_relative_wait_waits_its_whole_time_at_every_redrive() -> None:
    host = MemoryHost(machine(S={"Type": "Wait", "Seconds": 30, "End": True})).run(START_MS)
    for _ in range(2):
        stopped(host, 5_000)
        host.now_ms += 100_000
        host.turn(Redrive())
    redriven_ms = host.now_ms
    host.go_on()
    assert host.now_ms - redriven_ms == 30_000
    assert new_lines(host)[1:] == history("7<2:WaitStateExited 8<7:ExecutionSucceeded")


@pytest.mark.parametrize(("seconds", "left_ms"), [(60, 20_000), (10, 0)])
def test_an_absolute_wait_keeps_its_moment(seconds: int, left_ms: int) -> None:
    moment = f"2026-09-21T14:{13 + (20 + seconds) // 60}:{(20 + seconds) % 60:02}Z"
    host = MemoryHost(machine(S={"Type": "Wait", "Timestamp": moment, "End": True})).run(START_MS)
    stopped(host, 5_000)
    host.now_ms += 35_000
    redriven_ms = host.now_ms
    redriven(host)
    assert host.now_ms - redriven_ms == left_ms
    assert host.execution.status is Status.SUCCEEDED


def test_the_machine_has_its_whole_time_again() -> None:
    definition = machine(S={"Type": "Wait", "Seconds": 25, "End": True}) | {"TimeoutSeconds": 20}
    host = MemoryHost(definition).run()
    assert (host.execution.status, host.now_ms) == (Status.TIMED_OUT, START_MS + 20_000)
    redriven(host, 5_000)
    assert (host.execution.status, host.now_ms) == (Status.TIMED_OUT, START_MS + 45_000)


def test_a_task_has_its_whole_time_and_a_new_token_and_new_retries() -> None:
    retry = [{"ErrorEquals": ["E"], "MaxAttempts": 1, "IntervalSeconds": 1}]
    tokens: list[bytes] = []

    def answer(offer: Any) -> Any:
        tokens.append(offer.attempt.token)
        raise TaskError("E")

    host = MemoryHost(machine(S=TASK | {"Retry": retry, "TimeoutSeconds": 9}), answer=answer).run()
    assert len(tokens) == 2
    redriven(host)
    assert len(set(tokens)) == 4
    assert [line.partition(":")[2] for line in new_lines(host)].count("LambdaFunctionScheduled") == 2


def test_a_retry_that_was_waited_for_begins_at_once() -> None:
    retry = [{"ErrorEquals": ["E"], "IntervalSeconds": 50}]
    host = MemoryHost(machine(S=TASK | {"Retry": retry}), answer=in_turn(TaskError("E"), 3)).run(START_MS + 10)
    redriven(stopped(host))
    assert new_lines(host)[1].endswith("<2:LambdaFunctionScheduled")
    assert host.now_ms < START_MS + 1_000


def test_failed_aborted_and_unstarted_branches_go_on_and_outputs_keep_their_order() -> None:
    branches = [machine("A", A=TASK), machine("B", B={"Type": "Wait", "Seconds": 3, "End": True}), machine("C", C=TASK)]
    parallel = {"Type": "Parallel", "Branches": branches, "End": True}
    given = iter(["a", TaskError("E"), "c"])

    def answer(offer: Any) -> Any:
        value = next(given)
        if isinstance(value, Exception):
            raise value
        return value

    host = redriven(MemoryHost(machine(S=parallel), {"i": 1}, answer=answer).run())
    names = [line.partition(":")[2] for line in new_lines(host)]
    assert "ParallelStateStarted" not in names
    assert names.count("LambdaFunctionScheduled") == 1
    assert host.output == ["a", {"i": 1}, "c"]


def test_several_failed_branches_go_on_together() -> None:
    """The order of the recorded redrive: both are scheduled at once, behind their own entered events."""
    task = {"Type": "Task", "Resource": ACTIVITY, "End": True}
    parallel = {"Type": "Parallel", "Branches": [machine("A", A=task), machine("B", B=task)], "End": True}
    host = MemoryHost(machine(S=parallel), answer=in_turn(TaskError("E"), 0, 1, 2)).run()
    redriven(host)
    lines = new_lines(host)
    names = [line.partition(":")[2] for line in lines]
    assert (names[1:3], names.count("ActivityScheduled")) == (["ActivityScheduled"] * 2, 2)
    assert host.output == [1, 2]
    entered = [line.partition("<")[0] for line in host.lines if line.endswith(":TaskStateEntered")]
    assert [line.partition("<")[2].partition(":")[0] for line in lines[1:3]] == entered


def test_retriers_of_the_states_around_start_anew_too() -> None:
    retry = [{"ErrorEquals": ["E"], "MaxAttempts": 1, "IntervalSeconds": 1}]
    parallel = {"Type": "Parallel", "Branches": [machine("A", A=TASK)], "Retry": retry, "End": True}
    host = MemoryHost(machine(S=parallel), answer=in_turn(*[TaskError("E")] * 3, 4)).run()
    assert host.execution.status is Status.FAILED
    redriven(host)
    assert host.output == [4]
    assert [line.partition(":")[2] for line in new_lines(host)].count("ParallelStateStarted") == 1


def test_a_parallel_whose_own_output_was_too_large_runs_every_branch_again() -> None:
    big = {"Type": "Pass", "Result": "x" * 200_000, "End": True}
    parallel = {"Type": "Parallel", "Branches": [machine("A", A=big), machine("B", B=big)], "End": True}
    host = redriven(MemoryHost(machine(S=parallel)).run())
    names = [line.partition(":")[2] for line in new_lines(host)]
    assert (names.count("ParallelStateStarted"), names.count("PassStateEntered")) == (1, 2)
    assert host.execution.error == "States.DataLimitExceeded"


def test_failed_iterations_go_on_and_those_not_reached_start_as_ever() -> None:
    state = {
        "Type": "Map",
        "MaxConcurrency": 1,
        "ItemProcessor": machine("T", T=TASK),
        "End": True,
    }
    host = MemoryHost(machine(S=state), [0, 1, 2], answer=in_turn("a", TaskError("E"), "b", "c")).run()
    redriven(host)
    names = [line.partition(":")[2] for line in new_lines(host)]
    assert "MapStateStarted" not in names
    assert names.count("MapIterationStarted") == 1
    assert host.output == ["a", "b", "c"]


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_a_map_that_could_not_start_an_iteration_tries_again_and_fails_again(wrong: int) -> None:
    items = [{"n": 1} for _ in range(3)]
    items[wrong] = {}
    state = {
        "Type": "Map",
        "MaxConcurrency": 2,
        "ItemSelector": {"n.$": "$$.Map.Item.Value.n"},
        "ItemProcessor": machine("P", P=PASS),
        "End": True,
    }
    host = MemoryHost(machine(S=state), items).run()
    assert host.execution.error == "States.Runtime"
    for _ in range(2):
        redriven(host)
        assert (host.execution.status, host.execution.error) == (Status.FAILED, "States.Runtime")


# --- distributed Maps -------------------------------------------------------------------------------------------------

PROCESSOR = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **machine("C", C=PASS)}
MAP = {"Type": "Map", "ItemProcessor": PROCESSOR, "End": True}


def in_map(**fields: Any) -> MemoryHost:
    definition = machine("P", P={"Type": "Pass", "Next": "S"}, S=MAP | fields)
    return MemoryHost(definition, [1, 2]).run(START_MS)


def run_of(host: MemoryHost, path: str = "0") -> MapRun:
    waits = host.execution.frames[path].waits
    assert isinstance(waits, MapRun)
    return waits


def end(host: MemoryHost, output: Any = None, error: str | None = None, cause: str = "why") -> MemoryHost:
    run = run_of(host)
    given = None if error else Payload(output)
    host.turn(MapRunEnded("0", run.arn, given, error, cause, run.redrive_count))
    return host


def test_the_recorded_history_of_a_map_run_that_was_redriven_twice() -> None:
    host = end(in_map(), error="States.ExceedToleratedFailureThreshold")
    arn = run_of(host).arn
    host.turn(Redrive())
    end(host, error="States.Runtime", cause=f"{NOT_WRITABLE} why")
    host.turn(Redrive())
    assert run_of(host).redrive_count == 2
    end(host, [3])
    assert host.lines[3:] == history(
        "4<3:MapStateEntered 5<4:MapStateStarted 6<5:MapRunStarted 7<6:MapRunFailed 8<7:MapStateFailed "
        "9<8:ExecutionFailed 10<9:ExecutionRedriven 11<5:MapRunRedriven 12<11:ExecutionFailed "
        "13<12:ExecutionRedriven 14<5:MapRunRedriven 15<14:MapRunSucceeded 16<15:MapStateSucceeded "
        "17<14:MapStateExited 18<17:ExecutionSucceeded"
    )
    assert host.events[13]["mapRunRedrivenEventDetails"] == {"mapRunArn": arn, "redriveCount": 2}
    assert host.events[11]["executionFailedEventDetails"] == {
        "error": "States.Runtime",
        "cause": f"An error occurred while executing the state 'S' (entered at the event id #4). {NOT_WRITABLE} why",
    }
    assert host.output == [3]


def test_behind_a_redrive_a_first_state_too_is_left_behind_the_redriven_run() -> None:
    host = MemoryHost(machine(S=MAP), [1]).run(START_MS)
    stopped(host).turn(Redrive())
    end(host, [1])
    assert host.lines[5:] == history(
        "6<5:ExecutionRedriven 7<3:MapRunRedriven 8<7:MapRunSucceeded 9<8:MapStateSucceeded 10<7:MapStateExited "
        "11<10:ExecutionSucceeded"
    )


def test_the_end_of_the_attempt_before_the_redrive_is_stale() -> None:
    host = stopped(in_map())
    arn = run_of(host).arn
    host.turn(Redrive())
    host.turn(MapRunEnded("0", arn, Payload(["late"])))
    assert host.execution.status is Status.RUNNING
    assert end(host, ["new"]).output == ["new"]


def test_what_fails_behind_the_run_asks_for_a_new_run() -> None:
    host = in_map(OutputPath="$.missing")
    first = run_of(host).arn
    end(host, [1])
    assert host.execution.error == "States.Runtime"
    host.turn(Redrive())
    assert (run_of(host).arn != first, run_of(host).redrive_count) == (True, 0)
    names = [line.partition(":")[2] for line in new_lines(host)]
    assert names == ["ExecutionRedriven", "MapStateStarted", "MapRunStarted"]


def test_a_result_that_is_too_large_asks_for_a_new_run() -> None:
    host = in_map()
    first = run_of(host).arn
    end(host, error="States.DataLimitExceeded").turn(Redrive())
    assert run_of(host).arn != first


def test_a_run_that_never_began_begins_for_the_first_time() -> None:
    definition = machine(S=MAP | {"ItemsPath": "$.items", "MaxConcurrencyPath": "$.n"})
    host = MemoryHost(definition, {"items": [1], "n": "x"}).run()
    assert host.lines[2:] == history("3<2:ExecutionFailed")
    redriven(host)
    assert new_lines(host) == history("4<3:ExecutionRedriven 5<4:ExecutionFailed")


def test_a_map_run_is_redriven_a_thousand_times_at_most() -> None:
    host = stopped(in_map())
    run_of(host).redrive_count = MAP_RUN_REDRIVES_MAX - 1
    host.turn(Redrive())
    assert run_of(host).redrive_count == MAP_RUN_REDRIVES_MAX
    stopped(host).turn(Redrive())
    assert (host.execution.status, host.execution.error) == (Status.FAILED, "States.Runtime")


def test_a_run_in_a_branch_goes_on_when_another_branch_had_failed() -> None:
    branches = [machine("A", A=TASK), machine("M", M=MAP)]
    parallel = {"Type": "Parallel", "Branches": branches, "End": True}
    host = MemoryHost(machine(S=parallel), [1], answer=in_turn(TaskError("E"), "a")).run(START_MS)
    host.go_on()
    assert host.execution.status is Status.FAILED
    arn = run_of(host, "0/1").arn
    redriven(host)
    assert (run_of(host, "0/1").arn, run_of(host, "0/1").redrive_count) == (arn, 1)
    host.turn(MapRunEnded("0/1", arn, Payload(["m"]), redrive_count=1))
    assert host.output == ["a", ["m"]]


def test_an_express_child_starts_again_under_its_name() -> None:
    task = machine("T", T={"Type": "Pass", "Next": "U"}, U=TASK)
    host = MemoryHost(task, answer=in_turn(TaskError("E"), 5), express=True, reload=False).run()
    assert host.execution.status is Status.FAILED
    redriven(host, 2_000)
    execution = host.execution
    assert (host.output, execution.redrive_count, execution.redrive_ms) == (5, 1, None)
    assert execution.origin.start_ms == START_MS + 2_000
    assert execution.deadline_ms == START_MS + 2_000 + 300_000
    names = [line.partition(":")[2] for line in host.lines]
    assert (names.count("ExecutionStarted"), names.count("PassStateEntered")) == (2, 2)
    assert "ExecutionRedriven" not in names


def test_frames_go_on_in_the_order_of_their_paths_also_when_memory_has_them_in_another() -> None:
    retried = TASK | {"TimeoutSeconds": "{% $states.input %}", "Retry": [{"ErrorEquals": ["States.ALL"]}]}
    inner = {"Type": "Parallel", "Branches": [machine(S2=retried, start="S2")], "End": True}
    second = machine(
        A=TASK | {"End": False, "Next": "B"}, B={"Type": "Wait", "Timestamp": "{% 1 %}", "End": True}, start="A"
    )
    del second["States"]["A"]["End"]
    definition = machine(S={"Type": "Parallel", "Branches": [machine(S1=inner, start="S1"), second], "End": True})
    lines = []
    for reload in (False, True):
        host = MemoryHost(definition | {"QueryLanguage": "JSONata"}, None, reload=reload).run(START_MS)
        assert host.execution.status is Status.FAILED
        lines.append(redriven(host).lines)
    assert lines[0] == lines[1]
