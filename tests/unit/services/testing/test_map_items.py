"""Distributed Maps over the objects that a case brings along."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from services.testing.cases import Case
from services.testing.s3_objects import ObjectsError, read_objects
from tests.unit.services.testing.machines import machine, run

READ = "arn:aws:states:::s3:getObject"
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
    assert ":mapRun:m/M:" in found["MapRunArn"]


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


def test_a_format_that_only_a_server_reads_is_a_problem_of_the_case(tmp_path: Path) -> None:
    case = Case("c", {"key": "k"}, objects=read_objects({"b": {"k": ""}}))
    done = run(tmp_path, distributed(**reader({"InputType": "PARQUET"})), case)
    assert done.problem is not None and "PARQUET" in done.problem.message


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
