"""What grows without end: nested Maps, wide Parallels, endless objects. Each test names its threat."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.e2e.api.conftest import PASS, ROLE
from tests.security.conftest import Process

SECONDS = 60.0
GROWTH_BYTES_MAX = 450 << 20
"""Far above what these cost (a quarter of a gigabyte at most), far below what they hold without a limit."""


class Watched:
    """Runs executions, looking at the server's memory and at how long others wait meanwhile."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.before = self.peak = process.rss()
        self.slowest = 0.0

    @property
    def grown(self) -> int:
        return self.peak - self.before

    def run(self, name: str, definition: dict[str, Any], given: Any) -> dict[str, Any]:
        client = self._process.client
        machine = client.call("CreateStateMachine", name=name, definition=json.dumps(definition), roleArn=ROLE)
        text = json.dumps(given, separators=(",", ":"))
        arn = client.call("StartExecution", stateMachineArn=machine["stateMachineArn"], input=text)["executionArn"]
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            begun = time.perf_counter()
            described: dict[str, Any] = client.call("DescribeExecution", executionArn=arn)
            self.slowest = max(self.slowest, time.perf_counter() - begun)
            self.peak = max(self.peak, self._process.rss())
            if described["status"] != "RUNNING":
                return described
            time.sleep(0.02)
        raise AssertionError(f"{name} still runs")


def mapped(levels: int) -> dict[str, Any]:
    """Maps inside one another, each over the same items."""
    inner: dict[str, Any] = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    for level in range(levels):
        state = {
            "Type": "Map", "ItemsPath": "$.items", "ItemSelector": {"items.$": "$.items"}, "ItemProcessor": inner,
            "End": True,
        }  # fmt: skip
        inner = {"StartAt": f"M{level}", "States": {f"M{level}": state}}
    return inner


@pytest.mark.parametrize("levels", [3, 5, 8])
def test_v10_forty_to_the_power_of_n_iterations_end_at_the_limit_of_events(process: Process, levels: int) -> None:
    watched = Watched(process)
    ended = watched.run(f"nested-{levels}", mapped(levels), {"items": list(range(40))})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")
    assert watched.grown < GROWTH_BYTES_MAX
    assert watched.slowest < 3.0


def test_v10_a_hundred_thousand_small_items_end_at_the_limit_of_events(process: Process) -> None:
    watched = Watched(process)
    processor = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    state = {"Type": "Map", "ItemsPath": "$", "ItemProcessor": processor, "End": True}
    ended = watched.run("wide", {"StartAt": "M", "States": {"M": state}}, [1] * 130_000)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")
    assert watched.grown < GROWTH_BYTES_MAX


OWN_COPY = {"Type": "Pass", "Parameters": {"a.$": "States.Format('{}{}', $.big, $.n)"}, "End": True}


def test_v10_a_map_that_collects_gigabytes_fails_before_it_holds_them(process: Process) -> None:
    """6,000 iterations of 250 KB each have room in the history, and nowhere else."""
    watched = Watched(process)
    selector = {"big.$": "$.big", "n.$": "$$.Map.Item.Index"}
    processor = {"StartAt": "P", "States": {"P": OWN_COPY}}
    state = {
        "Type": "Map", "ItemsPath": "$.items", "ItemSelector": selector, "ItemProcessor": processor, "End": True
    }  # fmt: skip
    given = {"big": "x" * 245_000, "items": [1] * 6_000}
    ended = watched.run("collecting", {"StartAt": "M", "States": {"M": state}}, given)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.DataLimitExceeded")
    assert watched.grown < GROWTH_BYTES_MAX
    assert watched.slowest < 3.0


def test_v10_a_parallel_of_a_thousand_branches_that_each_make_a_copy_fails(process: Process) -> None:
    watched = Watched(process)
    copy = {"Type": "Pass", "Parameters": {"a.$": "$.big", "b.$": "$$.State.EnteredTime"}, "End": True}
    branches = [{"StartAt": f"P{n}", "States": {f"P{n}": copy}} for n in range(1_000)]
    state = {"Type": "Parallel", "Branches": branches, "End": True}
    ended = watched.run("copies", {"StartAt": "X", "States": {"X": state}}, {"big": "x" * 250_000})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.DataLimitExceeded")
    assert watched.grown < GROWTH_BYTES_MAX
    assert watched.slowest < 3.0


def test_v10_the_neighbours_of_all_that_are_alive(process: Process) -> None:
    definition = json.loads(PASS)
    assert Watched(process).run("alive", definition, {})["status"] == "SUCCEEDED"


ATTACKERS = 12
NEIGHBOURS = 20
GREEDY = {"Type": "Pass", "Output": "{% $reduce([1..500000], function($a, $b){$a + $b}) %}", "End": True}


def test_e11_an_expression_that_uses_its_whole_budget_lets_its_neighbours_through(process: Process) -> None:
    """A turn that may take long is advanced on a thread: whoever comes after a dozen of them is through before them."""
    client = process.client

    def running(execution: str) -> bool:
        return str(client.call("DescribeExecution", executionArn=execution)["status"]) == "RUNNING"

    def finish(execution: str) -> None:
        while running(execution):
            time.sleep(0.002)

    def machine(name: str, definition: dict[str, Any]) -> Callable[[], str]:
        given = {"name": name, "definition": json.dumps(definition), "roleArn": ROLE}
        arn = client.call("CreateStateMachine", **given)["stateMachineArn"]
        return lambda: str(client.call("StartExecution", stateMachineArn=arn)["executionArn"])

    greedy = machine("greedy", {"QueryLanguage": "JSONata", "StartAt": "S", "States": {"S": GREEDY}})
    neighbour = machine("neighbour", json.loads(PASS))
    attacks = [greedy() for _ in range(ATTACKERS)]
    for _ in range(NEIGHBOURS):
        finish(neighbour())
    assert sum(running(execution) for execution in attacks) > ATTACKERS // 3
    for execution in attacks:
        client.call("StopExecution", executionArn=execution)
        finish(execution)


def test_e11_express_executions_and_tests_of_states_hold_nobody_up_either(process: Process) -> None:
    """Both evaluate in the process that answers everybody: whoever comes after them is answered before they are."""
    definition = {"QueryLanguage": "JSONata", "StartAt": "S", "States": {"S": GREEDY}}
    given = {"name": "greedy-express", "definition": json.dumps(definition), "roleArn": ROLE, "type": "EXPRESS"}
    arn = process.client.call("CreateStateMachine", **given)["stateMachineArn"]
    lone = json.dumps({"QueryLanguage": "JSONata", **GREEDY})
    calls = [("StartSyncExecution", {"stateMachineArn": arn}), ("TestState", {"definition": lone, "roleArn": ROLE})]
    ended: list[str] = []

    def attack(operation: str, body: dict[str, Any]) -> None:
        process.client.call(operation, **body)
        ended.append(operation)

    attacks = [threading.Thread(target=attack, args=call) for call in calls * (ATTACKERS // 4)]
    for one in attacks:
        one.start()
    client = process.client
    for _ in range(NEIGHBOURS):
        client.call("ListStateMachines", maxResults=1)
    answered_before = len(ended)
    for one in attacks:
        one.join()
    assert len(ended) == len(attacks)
    assert answered_before < len(attacks) // 2


# --- sources of distributed Maps --------------------------------------------------------------------------------------


class Bucket:
    """S3 whose listing never ends and whose objects are worse."""

    def __init__(self) -> None:
        self.pages = 0
        self.sent = 0
        bucket = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path.endswith("/endless"):
                    self._endless()
                elif path.endswith("/bomb.gz"):
                    self._whole(gzip.compress(b"[" + b"0," * (130 << 20) + b"0]", 1))
                elif path.endswith("/long-line"):
                    self._whole(b'"' + b"x" * 300_000 + b'"\n')
                else:
                    bucket.pages += 1
                    self._whole(bucket.page())

            def _whole(self, data: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def _endless(self) -> None:
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                try:
                    while bucket.sent < 4 << 30:
                        self.wfile.write(b"100000\r\n" + b"1\n" * (1 << 19) + b"\r\n")
                        bucket.sent += 1 << 20
                except OSError:
                    self.close_connection = True

            def log_message(self, *args: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def page(self) -> bytes:
        entry = (
            "<Contents><Key>k{}</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified><ETag>e</ETag>"
            "<Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>"
        )
        entries = "".join(entry.format(self.pages * 1_000 + number) for number in range(1_000))
        return (
            "<ListBucketResult><Name>b</Name><IsTruncated>true</IsTruncated>"
            f"<NextContinuationToken>t{self.pages}</NextContinuationToken>{entries}</ListBucketResult>"
        ).encode()

    def close(self) -> None:
        self._server.shutdown()


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    running = Bucket()
    yield running
    running.close()


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory, bucket: Bucket) -> Iterator[Process]:
    """A server whose S3 is that bucket."""
    running = Process(tmp_path_factory.mktemp("reading"), environment={"AWS_ENDPOINT_URL_S3": bucket.url})
    running.start()
    try:
        yield running
    finally:
        running.stop()


def over(resource: str, config: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    """A distributed Map over what S3 has."""
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "P",
        "States": {"P": {"Type": "Pass", "End": True}},
    }
    reader = {"Resource": f"arn:aws:states:::s3:{resource}", "ReaderConfig": config, "Parameters": parameters}
    if not config:
        del reader["ReaderConfig"]
    state = {"Type": "Map", "Label": "L", "ItemReader": reader, "ItemProcessor": processor, "End": True}
    return {"StartAt": "M", "States": {"M": state}}


def test_v9_a_listing_without_end_is_left_within_seconds_of_the_stop(reading: Process, bucket: Bucket) -> None:
    client = reading.client
    definition = json.dumps(over("listObjectsV2", {}, Bucket="b"))
    machine = client.call("CreateStateMachine", name="listing", definition=definition, roleArn=ROLE)["stateMachineArn"]
    before = reading.rss()
    execution = client.call("StartExecution", stateMachineArn=machine)["executionArn"]
    while bucket.pages < 20:
        time.sleep(0.02)
    client.call("StopExecution", executionArn=execution)
    assert client.call("DescribeExecution", executionArn=execution)["status"] == "ABORTED"
    deadline = time.monotonic() + 5
    while (run := client.call("ListMapRuns", executionArn=execution)["mapRuns"][0]) and time.monotonic() < deadline:
        if client.call("DescribeMapRun", mapRunArn=run["mapRunArn"])["status"] == "ABORTED":
            break
        time.sleep(0.05)
    else:
        raise AssertionError("the map run goes on")
    pages = bucket.pages
    time.sleep(0.5)
    assert bucket.pages <= pages + 1
    assert reading.rss() - before < 300 << 20


@pytest.mark.parametrize(("key", "input_type"), [("endless", "JSONL"), ("bomb.gz", "JSON")])
def test_v9_an_object_without_end_or_a_packed_bomb_fails_the_map_and_nothing_else(
    reading: Process, key: str, input_type: str
) -> None:
    watched = Watched(reading)
    ended = watched.run(f"object-{input_type}", over("getObject", {"InputType": input_type}, Bucket="b", Key=key), {})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.ItemReaderFailed")
    assert watched.grown < 900 << 20  # three times the largest object that is read
    assert watched.slowest < 3.0


def test_v9_an_item_of_more_than_256_kib_fails_the_map(reading: Process) -> None:
    definition = over("getObject", {"InputType": "JSONL"}, Bucket="b", Key="long-line")
    ended = Watched(reading).run("item", definition, {})
    assert ended["status"] == "FAILED"


def test_v9_the_reader_of_all_that_is_alive(reading: Process) -> None:
    assert Watched(reading).run("alive", json.loads(PASS), {})["status"] == "SUCCEEDED"
