"""Map runs of a case: what they read and write, how many children run at a time, and how much may fail."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from engine.asl.parse import compile_definition
from services.testing.cases import Case
from services.testing.coverage import Coverage
from services.testing.finished import Finished
from services.testing.s3_objects import ObjectsError, read_objects
from tests.unit.services.testing.machines import machine, run, task, types

READ = "arn:aws:states:::s3:getObject"
WRITE = "arn:aws:states:::s3:putObject"
AT = {"Bucket": "b", "Key.$": "$.key"}


def distributed(**fields: Any) -> str:
    """A Map whose children hand on what they are given."""
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Child",
        "States": {"Child": {"Type": "Pass", "End": True}},
    }
    return machine(M={"Type": "Map", "ItemProcessor": processor, "End": True, **fields})


def reader(config: dict[str, Any] | None = None, resource: str = READ, **parameters: Any) -> dict[str, Any]:
    return {
        "ItemReader": {
            "Resource": resource,
            "Parameters": parameters or AT,
            **({"ReaderConfig": config} if config else {}),
        }
    }


def output(folder: Path, definition: str, content: Any, input: Any = None) -> Any:
    case = Case("c", input or {"key": "k"}, objects=read_objects({"b": {"k": content}}))
    done = run(folder, definition, case)
    assert done.status == "SUCCEEDED", (done.problem, done.error, done.cause)
    return done.output


CSV = 'id,name\r\n1,"Anna, the ""first"""\r\n2\r\n3,Bo,surplus\r\n'


@pytest.mark.parametrize(
    ("config", "content", "expected"),
    [
        pytest.param({"InputType": "JSON"}, '[1,{"a":2}]', [1, {"a": 2}], id="json"),
        pytest.param({"InputType": "JSON", "ItemsPointer": "/x/0"}, '{"x":[[7]]}', [7], id="json-pointer"),
        pytest.param({"InputType": "JSON"}, '{"a":1}', [{"Key": "a", "Value": 1}], id="json-object"),
        pytest.param({"InputType": "JSONL"}, '{"a":1}\n\n2\n', [{"a": 1}, 2], id="json-lines"),
        pytest.param({"InputType": "JSONL", "MaxItems": 1}, "1\n2\n", [1], id="at-most"),
        pytest.param(
            {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
            CSV,
            [{"id": "1", "name": 'Anna, the "first"'}, {"id": "2", "name": ""}, {"id": "3", "name": "Bo"}],
            id="csv",
        ),
        pytest.param(
            {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a", "b"], "CSVDelimiter": "PIPE"},
            "1|2\n",
            [{"a": "1", "b": "2"}],
            id="csv-with-given-headers",
        ),
    ],
)
def test_an_object_is_read(tmp_path: Path, config: dict[str, Any], content: str, expected: list[Any]) -> None:
    assert output(tmp_path, distributed(**reader(config)), content) == expected


def test_a_packed_object_is_unpacked(tmp_path: Path) -> None:
    packed = {"base64": base64.b64encode(gzip.compress(b"[5]")).decode()}
    case = Case("c", {"key": "k.gz"}, objects=read_objects({"b": {"k.gz": packed}}))
    assert run(tmp_path, distributed(**reader({"InputType": "JSON"})), case).output == [5]


def test_an_inventory_is_read_file_by_file(tmp_path: Path) -> None:
    manifest = {
        "destinationBucket": "arn:aws:s3:::b",
        "fileSchema": "Bucket, Key",
        "files": [{"key": "one.csv"}, {"key": "two.csv"}],
    }
    objects = {"k": json.dumps(manifest), "one.csv": '"b","x"\n', "two.csv": '"b","y"\n'}
    case = Case("c", {"key": "k"}, objects=read_objects({"b": objects}))
    done = run(tmp_path, distributed(**reader({"InputType": "MANIFEST"})), case)
    assert done.output == [{"Bucket": "b", "Key": "x"}, {"Bucket": "b", "Key": "y"}]


def test_a_listing_names_the_objects_below_a_prefix(tmp_path: Path) -> None:
    objects = read_objects({"b": {"in/b": "22", "in/a": "1", "out/c": ""}})
    listing = reader(resource="arn:aws:states:::s3:listObjectsV2", Bucket="b", Prefix="in/")
    found = run(tmp_path, distributed(**listing), Case("c", objects=objects)).output
    assert [(item["Key"], item["Size"]) for item in found] == [("in/a", 1), ("in/b", 2)]


def test_the_selector_comes_before_the_batches(tmp_path: Path) -> None:
    definition = distributed(
        **reader({"InputType": "JSON"}),
        ItemSelector={"at.$": "$$.Map.Item.Index", "is.$": "$$.Map.Item.Value"},
        ItemBatcher={"MaxItemsPerBatch": 2, "BatchInput": {"of.$": "$.key"}},
    )
    items = [{"at": index, "is": value} for index, value in enumerate("xyz")]
    assert output(tmp_path, definition, '["x","y","z"]') == [
        {"BatchInput": {"of": "k"}, "Items": items[:2]},
        {"BatchInput": {"of": "k"}, "Items": items[2:]},
    ]


def test_a_batch_holds_as_many_bytes_as_it_may(tmp_path: Path) -> None:
    definition = distributed(ItemsPath="$.items", ItemBatcher={"MaxInputBytesPerBatch": 20})
    batches = output(tmp_path, definition, "", {"items": ["aaa", "bbb", "ccc"]})
    assert [batch["Items"] for batch in batches] == [["aaa"], ["bbb"], ["ccc"]]


def test_a_writer_says_where_the_results_would_be(tmp_path: Path) -> None:
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket.$": "$.to", "Prefix": "p"}}
    found = output(tmp_path, distributed(ItemsPath="$.items", ResultWriter=writer), "", {"items": [1], "to": "there"})
    details = found["ResultWriterDetails"]
    assert details["Bucket"] == "there"
    assert details["Key"] == f"p/{found['MapRunArn'].rpartition(':')[2]}/manifest.json"
    assert found["MapRunArn"].startswith("arn:aws:states:us-east-1:123456789012:mapRun:m/")


@pytest.mark.parametrize(
    ("config", "content", "cause"),
    [
        pytest.param({"InputType": "JSON"}, "5", "Attempting to map over non-iterable node.", id="no-array"),
        pytest.param({"InputType": "JSON"}, "{", "The object is not JSON", id="no-json"),
        pytest.param(
            {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a", "a"]},
            "1,2",
            "CSV headers cannot contain duplicates.",
            id="duplicate-headers",
        ),
    ],
)
def test_what_cannot_be_read_fails_the_map(tmp_path: Path, config: dict[str, Any], content: str, cause: str) -> None:
    case = Case("c", {"key": "k"}, objects=read_objects({"b": {"k": content}}))
    done = run(tmp_path, distributed(**reader(config)), case)
    assert done.error == "States.ItemReaderFailed" and cause in (done.cause or "")


def test_an_object_that_is_not_there_can_be_caught(tmp_path: Path) -> None:
    catch = [{"ErrorEquals": ["States.ItemReaderFailed"], "Next": "Z", "ResultPath": None}]
    fields = {**reader({"InputType": "JSON"}), "Catch": catch}
    document = json.loads(distributed(**fields))
    document["States"]["Z"] = {"Type": "Pass", "Result": "caught", "End": True}
    assert run(tmp_path, json.dumps(document), Case("c", {"key": "nowhere"})).output == "caught"


def test_a_format_that_no_server_reads_fails_the_map_as_there(tmp_path: Path) -> None:
    case = Case("c", {"key": "k"}, objects=read_objects({"b": {"k": ""}}))
    done = run(tmp_path, distributed(**reader({"InputType": "PARQUET"})), case)
    assert (done.error, done.cause) == ("States.ItemReaderFailed", "Items of type PARQUET cannot be read.")


# --- children ---------------------------------------------------------------------------------------------------------

GOOD_OR_BAD = {
    "Look": {
        "Type": "Choice",
        "Choices": [{"Variable": "$", "StringEquals": "bad", "Next": "Bad"}],
        "Default": "Good",
    },
    "Good": {"Type": "Pass", "End": True},
    "Bad": {"Type": "Fail", "Error": "TooBad", "Cause": "it is"},
}


AS_IT_IS = {"Copy": {"Type": "Pass", "End": True}}


def over(states: dict[str, Any], execution_type: str = "STANDARD", **fields: Any) -> dict[str, Any]:
    """A distributed Map over `$.items` whose children run these states."""
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": execution_type},
        "StartAt": next(iter(states)),
        "States": states,
    }
    end = {} if "Next" in fields else {"End": True}
    return {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": processor, **end, **fields}


def finished(folder: Path, map_state: dict[str, Any], *items: Any, **more: Any) -> Finished:
    states = more.pop("states", {})
    return run(folder, machine(M=map_state, **states), Case("c", {"items": list(items)}), **more)


def test_the_history_is_that_of_a_map_run_and_the_children_have_their_own(tmp_path: Path) -> None:
    done = finished(tmp_path, over(GOOD_OR_BAD), "a", "b")
    assert types(done) == [
        "ExecutionStarted", "MapStateEntered", "MapStateStarted", "MapRunStarted",
        "MapRunSucceeded", "MapStateSucceeded", "MapStateExited", "ExecutionSucceeded",
    ]  # fmt: skip
    assert (done.output, done.children) == (["a", "b"], {"M": 2})


@pytest.mark.parametrize(
    "tolerance",
    [
        {"ToleratedFailureCount": 2},
        {"ToleratedFailurePercentage": 50},
        {"ToleratedFailureCount": 2, "ToleratedFailurePercentage": 50},
        {"ToleratedFailureCountPath": "$.may"},
    ],
)
def test_failures_that_are_tolerated_leave_the_others_as_the_result(tmp_path: Path, tolerance: dict[str, Any]) -> None:
    case = Case("c", {"items": ["bad", "a", "b", "bad"], "may": 2})
    done = run(tmp_path, machine(M=over(GOOD_OR_BAD, **tolerance)), case)
    assert (done.status, done.output) == ("SUCCEEDED", ["a", "b"])


@pytest.mark.parametrize(
    "tolerance",
    [{}, {"ToleratedFailureCount": 1}, {"ToleratedFailurePercentage": 49}, {"ToleratedFailureCount": 9,
     "ToleratedFailurePercentage": 49}],
)  # fmt: skip
def test_more_failures_than_tolerated_fail_the_map(tmp_path: Path, tolerance: dict[str, Any]) -> None:
    done = finished(tmp_path, over(GOOD_OR_BAD, **tolerance), "bad", "a", "bad", "b")
    assert (done.error, done.cause) == (
        "States.ExceedToleratedFailureThreshold",
        "The specified tolerated failure threshold was exceeded",
    )
    assert types(done)[-3:] == ["MapRunFailed", "MapStateFailed", "ExecutionFailed"]


def test_what_is_blamed_is_the_state_of_the_first_child_that_failed(tmp_path: Path) -> None:
    done = finished(tmp_path, over(GOOD_OR_BAD), "a", "bad")
    assert done.last_state == "Bad"
    assert done.failed_child is not None
    assert (done.failed_child.error, done.failed_child.cause) == ("TooBad", "it is")


def test_a_failure_that_was_caught_is_not_blamed(tmp_path: Path) -> None:
    catch = [{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "Next": "Z"}]
    later = {"Z": {"Type": "Fail", "Error": "Later"}}
    done = finished(tmp_path, over(GOOD_OR_BAD, Catch=catch), "bad", states=later)
    assert (done.error, done.last_state, done.failed_child) == ("Later", "Z", None)


def test_items_of_a_batch_that_fails_count_one_by_one(tmp_path: Path) -> None:
    broken = {"X": {"Type": "Fail", "Error": "E"}}
    batches = {"ItemBatcher": {"MaxItemsPerBatch": 3}}
    for tolerated, status in ((3, "SUCCEEDED"), (2, "FAILED")):
        done = finished(tmp_path, over(broken, ToleratedFailureCount=tolerated, **batches), 1, 2, 3)
        assert done.status == status


def test_a_run_that_fails_starts_no_more_children_and_waits_for_none(tmp_path: Path) -> None:
    states = {
        "Look": {**GOOD_OR_BAD["Look"], "Default": "Week"},
        "Week": {"Type": "Wait", "Seconds": 604_800, "End": True},
        "Bad": GOOD_OR_BAD["Bad"],
    }
    done = finished(tmp_path, over(states, MaxConcurrency=2), "slow", "bad", "never started")
    assert (done.status, done.virtual_ms, done.children) == ("FAILED", 0, {"M": 2})


def test_no_more_children_run_side_by_side_than_may(tmp_path: Path) -> None:
    minute = {"W": {"Type": "Wait", "Seconds": 60, "End": True}}
    assert finished(tmp_path, over(minute), 1, 2, 3, 4).virtual_ms == 60_000
    assert finished(tmp_path, over(minute, MaxConcurrency=2), 1, 2, 3, 4).virtual_ms == 120_000


def test_a_child_outlives_no_parent(tmp_path: Path) -> None:
    week = {"W": {"Type": "Wait", "Seconds": 604_800, "End": True}}
    document = json.loads(machine(M=over(week)))
    done = run(tmp_path, json.dumps({**document, "TimeoutSeconds": 5}), Case("c", {"items": [1]}))
    assert (done.status, done.virtual_ms) == ("TIMED_OUT", 5_000)


def test_a_run_that_its_branch_gives_up_ends_with_it(tmp_path: Path) -> None:
    week = {"W": {"Type": "Wait", "Seconds": 604_800, "End": True}}
    branches = [json.loads(machine(M=over(week))), json.loads(machine(F={"Type": "Fail", "Error": "Other"}))]
    catch = [{"ErrorEquals": ["Other"], "Next": "Z"}]
    both = {"Type": "Parallel", "Branches": branches, "Catch": catch, "Next": "Z"}
    done = run(tmp_path, machine(P=both, Z={"Type": "Succeed"}), Case("c", {"items": [1]}))
    assert (done.status, done.virtual_ms) == ("SUCCEEDED", 0)


def test_an_express_child_has_five_minutes(tmp_path: Path) -> None:
    week = {"W": {"Type": "Wait", "Seconds": 604_800, "End": True}}
    done = finished(tmp_path, over(week, "EXPRESS"), 1)
    assert (done.error, done.virtual_ms) == ("States.ExceedToleratedFailureThreshold", 300_000)
    assert done.failed_child is not None and done.failed_child.status == "TIMED_OUT"


def test_each_child_counts_its_calls_from_zero(tmp_path: Path) -> None:
    responses = {"T": {"0": {"Throw": {"Error": "Busy"}}, "1": {"Return": "at last"}}}
    retry = [{"ErrorEquals": ["Busy"], "MaxAttempts": 1}]
    done = finished(tmp_path, over({"T": task(Retry=retry)}), 1, 2, responses=responses)
    assert done.output == ["at last", "at last"]


def test_a_retried_map_begins_a_run_of_its_own(tmp_path: Path) -> None:
    retry = [{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "MaxAttempts": 1, "IntervalSeconds": 7}]
    done = finished(tmp_path, over(GOOD_OR_BAD, Retry=retry), "bad")
    assert (done.children, done.virtual_ms, types(done).count("MapRunStarted")) == ({"M": 2}, 7_000, 2)


def test_maps_nest(tmp_path: Path) -> None:
    inner = over(GOOD_OR_BAD)
    done = finished(tmp_path, over({"N": inner}), {"items": ["a"]}, {"items": ["b", "c"]})
    assert (done.output, done.children) == ([["a"], ["b", "c"]], {"M": 2, "N": 3})


def test_the_context_of_a_child_is_its_own(tmp_path: Path) -> None:
    look = {"L": {"Type": "Pass", "Parameters": {"id.$": "$$.Execution.Id", "in.$": "$$.Execution.Input"}, "End": True}}
    (found,) = finished(tmp_path, over(look), "x").output
    assert found["in"] == "x"
    assert ":execution:m/" in found["id"]


def test_a_run_without_items_succeeds_at_once(tmp_path: Path) -> None:
    assert finished(tmp_path, over(GOOD_OR_BAD)).output == []


def test_results_that_a_run_wrote_can_be_read_by_the_next(tmp_path: Path) -> None:
    config = {"Transformation": "COMPACT", "OutputType": "JSONL"}
    writer = {"Resource": WRITE, "Parameters": {"Bucket": "b", "Prefix": "p"}, "WriterConfig": config}
    key = "States.StringSplit($.ResultWriterDetails.Key, '/')"
    where = {"folder.$": f"States.ArrayGetItem({key}, 1)"}
    first = over(GOOD_OR_BAD, ResultWriter=writer, ToleratedFailureCount=1, Next="N", ResultSelector=where)
    at = {"Bucket": "b", "Key.$": "States.Format('p/{}/SUCCEEDED_0.jsonl', $.folder)"}
    reads = {"Resource": READ, "ReaderConfig": {"InputType": "JSONL"}, "Parameters": at}
    second = {**over(AS_IT_IS), "ItemReader": reads}
    del second["ItemsPath"]
    done = finished(tmp_path, first, "a", "bad", "b", states={"N": second})
    assert (done.output, done.cause) == (["a", "b"], None)


def test_a_writer_without_a_place_shapes_the_result(tmp_path: Path) -> None:
    described = {"ResultWriter": {"WriterConfig": {"Transformation": "NONE", "OutputType": "JSON"}}}
    (found,) = finished(tmp_path, over(GOOD_OR_BAD, **described), "a").output
    assert (found["Input"], found["Output"], found["Status"]) == ('"a"', '"a"', "SUCCEEDED")
    flat = {"ResultWriter": {"WriterConfig": {"Transformation": "FLATTEN", "OutputType": "JSON"}}}
    assert finished(tmp_path, over(AS_IT_IS, **flat), ["a", "b"], ["c"]).output == ["a", "b", "c"]


def test_results_larger_than_a_payload_fail_the_map(tmp_path: Path) -> None:
    done = finished(tmp_path, over(AS_IT_IS), "x" * 200_000, "y" * 62_000)
    assert done.status == "SUCCEEDED"
    halves = {"A": {"Type": "Pass", "Parameters": {"a.$": "$", "b.$": "$"}, "End": True}}
    done = finished(tmp_path, over(halves), "x" * 100_000, "y" * 100_000)
    assert done.error == "States.DataLimitExceeded"
    assert "The state/task 'M' returned a result with a size exceeding" in (done.cause or "")


def test_coverage_counts_what_children_reached(tmp_path: Path) -> None:
    coverage = Coverage("m", compile_definition(machine(M=over(GOOD_OR_BAD))))
    finished(tmp_path, over(GOOD_OR_BAD), "a", coverage=coverage)
    assert {point.state for point in coverage.missing if point.kind == "state"} == {"Bad"}
    assert [point.target for point in coverage.of("transition") if coverage.hits(point)] == ["Good"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "must map buckets"),
        ({"b": 1}, r"\.b must map keys"),
        ({"b": {"k": 1}}, r"\.b\.k must be a text"),
        ({"b": {"k": {"base64": "?"}}}, r"\.b\.k\.base64"),
    ],
)
def test_objects_that_are_not_given_right_are_refused(given: Any, said: str) -> None:
    with pytest.raises(ObjectsError, match=said):
        read_objects(given)
