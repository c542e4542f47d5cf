"""The distributed Map in the parent's history: sequences as recorded."""

from __future__ import annotations

from typing import Any

import pytest

from engine.execution.effect import StartMapRun, effects
from engine.execution.frame import MapRun
from engine.execution.stimulus import MapRunEnded, Stop
from engine.payload import Payload
from engine.states.map_inputs import batches
from tests.fixtures.memory_host import START_MS, MemoryHost, history

PROCESSOR = {
    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
    "StartAt": "Child",
    "States": {"Child": {"Type": "Pass", "End": True}},
}
READER = {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key.$": "$.key"}}
STARTED = "1<0:ExecutionStarted 2<0:MapStateEntered 3<2:MapStateStarted"


def waiting(input: Any, **fields: Any) -> MemoryHost:
    """An execution in its Map state."""
    state = {"Type": "Map", "ItemProcessor": PROCESSOR, "End": True, **fields}
    return MemoryHost({"StartAt": "M", "States": {"M": state}}, input).run(START_MS)


def run_of(host: MemoryHost) -> MapRun:
    waits = host.execution.frames["0"].waits
    assert isinstance(waits, MapRun)
    return waits


def end(host: MemoryHost, output: Any = None, error: str | None = None, cause: str | None = None) -> MemoryHost:
    """The run's end, told twice."""
    told = MapRunEnded("0", run_of(host).arn, None if error else Payload(output), error, cause)
    host.turn(told, told)
    return host


def test_a_run_that_succeeds_hands_its_output_on() -> None:
    host = end(waiting([1, 2]), ["a", "b"])
    assert host.lines == history(
        f"{STARTED} 4<3:MapRunStarted 5<4:MapRunSucceeded 6<5:MapStateSucceeded 7<5:MapStateExited "
        "8<7:ExecutionSucceeded"
    )
    assert (host.output, host.events[2]["mapStateStartedEventDetails"]) == (["a", "b"], {"length": 2})


def test_behind_another_state_the_exit_follows_the_start_of_the_run() -> None:
    state = {"Type": "Map", "ItemProcessor": PROCESSOR, "End": True}
    definition = {"StartAt": "P", "States": {"P": {"Type": "Pass", "Next": "M"}, "M": state}}
    host = end(MemoryHost(definition, [1]).run(START_MS), [1])
    assert host.lines[5:] == history(
        "6<5:MapRunStarted 7<6:MapRunSucceeded 8<7:MapStateSucceeded 9<6:MapStateExited 10<9:ExecutionSucceeded"
    )


def test_a_reader_leaves_the_length_at_zero_and_its_failure_fails_the_state() -> None:
    host = end(waiting({"key": "k"}, ItemReader=READER), error="States.ItemReaderFailed", cause="no")
    assert host.lines == history(f"{STARTED} 4<3:MapRunStarted 5<4:MapRunFailed 6<5:MapStateFailed 7<6:ExecutionFailed")
    assert host.events[2]["mapStateStartedEventDetails"] == {"length": 0}
    assert (host.execution.error, host.execution.cause) == ("States.ItemReaderFailed", "no")


def test_what_the_run_needs_is_evaluated_once_and_waits_with_the_frame() -> None:
    batcher = {"MaxItemsPerBatch": 2, "BatchInput": {"k.$": "$.key"}}
    host = waiting({"key": "k", "n": 3}, ItemReader=READER, ItemBatcher=batcher, MaxConcurrencyPath="$.n")
    plan = run_of(host).input.value
    assert plan["reader"]["parameters"] == {"Bucket": "b", "Key": "k"}
    assert plan["batcher"] == {"max_items": 2, "max_bytes": None, "batch_input": {"k": "k"}}
    assert plan["max_concurrency"] == 3


@pytest.mark.parametrize(
    ("fields", "value", "cause"),
    [
        ("ToleratedFailureCountPath", -1, "ToleratedFailureCount cannot be negative."),
        ("ToleratedFailurePercentagePath", 100.1, "ToleratedFailurePercentage must be between 0 and 100."),
        (
            "ToleratedFailurePercentagePath",
            {},
            'The ToleratedFailurePercentagePath field refers to value "{}" which is not a valid float: $.v',
        ),
    ],
)
def test_a_tolerance_that_does_not_fit_fails_behind_the_start(fields: str, value: Any, cause: str) -> None:
    host = waiting({"items": [0], "v": value}, ItemsPath="$.items", **{fields: "$.v"})
    assert host.lines == history(f"{STARTED} 4<3:ExecutionFailed")
    assert host.execution.cause is not None
    assert host.execution.cause.endswith(f"(entered at the event id #2). {cause}")


def test_a_retry_is_a_new_run_and_the_old_one_counts_no_longer() -> None:
    host = waiting([1], Retry=[{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}])
    first = run_of(host)
    end(host, error="Wrong").go_on(host.now_ms + 10_000)
    second = run_of(host)
    assert first.arn != second.arn
    host.turn(MapRunEnded("0", first.arn, Payload(["late"])))
    assert end(host, ["new"]).output == ["new"]


def test_the_entries_of_an_object_are_items() -> None:
    assert run_of(waiting({"a": 1})).input.value["items"] == [{"Key": "a", "Value": 1}]


def test_an_open_run_is_asked_for_again_after_every_load_and_not_after_a_stop() -> None:
    host = waiting([1])
    assert [type(one) for one in effects(host.execution) if isinstance(one, StartMapRun)] == [StartMapRun]
    host.turn(Stop())
    assert effects(host.execution) == []
    assert host.lines[-1] == "5<0:ExecutionAborted"


def test_batches_keep_to_both_limits() -> None:
    assert [batch["Items"] for batch in batches([1, 2, 3], {"max_items": 2})] == [[1, 2], [3]]
    narrow = len(b'{"Items":[]}') + 4
    assert [batch["Items"] for batch in batches([1, 2, 3], {"max_bytes": narrow})] == [[1, 2], [3]]
    assert list(batches([], {"max_items": 2, "batch_input": 1})) == []
