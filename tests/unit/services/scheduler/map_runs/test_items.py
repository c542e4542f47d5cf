"""What a run's children get of its items, and what its result is made of."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from engine.execution.execution import Status
from tests.fixtures.memory_objects import MemoryObjects
from tests.fixtures.scheduler_world import PASS, World
from tests.fixtures.virtual_loop import run_virtually
from tests.unit.services.scheduler.map_runs.test_runs import machine, only_run, until_ended

ABOUT = {
    "key.$": "$$.Map.Item.Key",
    "value.$": "$$.Map.Item.Value",
    "index.$": "$$.Map.Item.Index",
    "source.$": "$$.Map.Item.Source",
}


def output_of(objects: dict[str, bytes], given: Any = None, **fields: Any) -> Any:
    """The output of a Map whose children hand their input on; its error if it fails."""
    found: list[Any] = []

    async def body() -> None:
        world = World()
        world.objects = MemoryObjects()
        world.objects.stored |= objects
        world.scheduler()
        (parent,) = await world.start(world.machine(machine(PASS, **fields)), input=given)
        found.extend(await until_ended(world, parent))

    run_virtually(body())
    return found[1]


def reader(key: str = "", prefix: str = "", **config: Any) -> dict[str, Any]:
    resource = "getObject" if key else "listObjectsV2"
    parameters = {"Bucket": "b", "Key": key} if key else {"Bucket": "b", "Prefix": prefix}
    return {"Resource": f"arn:aws:states:::s3:{resource}", "ReaderConfig": config, "Parameters": parameters}


def test_an_entry_of_an_object_is_a_pair_and_a_selector_sees_key_and_value() -> None:
    assert output_of({}, {"a": 1, "b": [2]}) == [{"Key": "a", "Value": 1}, {"Key": "b", "Value": [2]}]
    assert output_of({}, {"a": 7}, ItemSelector=ABOUT) == [{"key": "a", "value": 7, "index": 0, "source": "STATE_DATA"}]


def test_an_array_of_such_pairs_is_an_array() -> None:
    pair = {"Key": "a", "Value": 1}
    assert output_of({}, [pair], ItemSelector={"v.$": "$$.Map.Item.Value"}) == [{"v": pair}]


def test_jsonata_items_may_be_an_object() -> None:
    fields = {"QueryLanguage": "JSONata", "Items": "{% $states.input %}"}
    assert output_of({}, {"a": 1}, **fields) == [{"Key": "a", "Value": 1}]
    chosen = {"ItemSelector": "{% $states.context.Map.Item.Value %}"}
    assert output_of({}, {"a": 1}, **fields, **chosen) == [1]


def test_the_entries_of_an_object_in_s3_too_have_keys() -> None:
    found = output_of({"k": b'{"in":{"a":1}}'}, ItemReader=reader("k", InputType="JSON", ItemsPointer="/in"),
                      ItemSelector=ABOUT)  # fmt: skip
    assert found == [{"key": "a", "value": 1, "index": 0, "source": "s3://b/k"}]


def test_items_of_flattened_objects_say_which_object_they_are_from() -> None:
    objects = {"p/1": b"[1,2]", "p/2": b"[3]", "q": b"[4]"}
    read = reader(prefix="p/", InputType="JSON", Transformation="LOAD_AND_FLATTEN")
    selector = {"v.$": "$$.Map.Item.Value", "from.$": "$$.Map.Item.Source"}
    assert output_of(objects, ItemReader=read, ItemSelector=selector) == [
        {"v": 1, "from": "s3://b/p/1"},
        {"v": 2, "from": "s3://b/p/1"},
        {"v": 3, "from": "s3://b/p/2"},
    ]
    limited = reader(prefix="p/", InputType="JSON", Transformation="LOAD_AND_FLATTEN", MaxItems=2)
    assert output_of(objects, ItemReader=limited) == [1, 2]


def test_the_index_counts_items_not_batches() -> None:
    selector, batcher = {"i.$": "$$.Map.Item.Index"}, {"MaxItemsPerBatch": 2, "BatchInput": {"x": 1}}
    assert output_of({}, ["a", "b", "c"], ItemSelector=selector, ItemBatcher=batcher) == [
        {"BatchInput": {"x": 1}, "Items": [{"i": 0}, {"i": 1}]},
        {"BatchInput": {"x": 1}, "Items": [{"i": 2}]},
    ]


def test_an_input_that_no_execution_could_have_fails_the_run_before_any_child_starts() -> None:
    objects = {"k": json.dumps(["small", "x" * 300_000]).encode()}
    assert output_of(objects, ItemReader=reader("k", InputType="JSON")) == "States.DataLimitExceeded"
    cut = {"v.$": "States.StringSplit($$.Map.Item.Source, ':')"}
    assert len(output_of(objects, ItemReader=reader("k", InputType="JSON"), ItemSelector=cut)) == 2


@pytest.mark.parametrize(("transformation", "wanted"), [("COMPACT", [[1], 2]), ("FLATTEN", [1, 2]), ("NONE", None)])
def test_a_writer_without_a_resource_shapes_the_output(transformation: str, wanted: Any) -> None:
    writer = {"WriterConfig": {"Transformation": transformation, "OutputType": "JSON"}}
    found = output_of({}, [[1], 2], ResultWriter=writer)
    if wanted is None:
        assert [(entry["Status"], entry["Output"]) for entry in found] == [("SUCCEEDED", "[1]"), ("SUCCEEDED", "2")]
    else:
        assert found == wanted


def test_concurrency_changes_while_the_run_goes_on() -> None:
    async def body() -> None:
        world = World()
        world.scheduler()
        definition = machine({"Type": "Wait", "Seconds": 100}, MaxConcurrency=1)
        (parent,) = await world.start(world.machine(definition), input=[1, 2, 3])
        await world.clock.sleep(10)
        run = only_run(world)
        assert len(world.store.children_of(run)) == 1
        world.store.map_runs[run.id] = replace(run, max_concurrency=3)
        await world.clock.sleep(10)
        assert len(world.store.children_of(run)) == 3
        assert (await until_ended(world, parent))[0] is Status.SUCCEEDED

    run_virtually(body())
