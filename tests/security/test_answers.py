"""What functions answer and what S3 objects hold, when it means harm. Each test names its threat."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.e2e.api.conftest import PASS, ROLE
from tests.security.conftest import Process
from tests.security.test_payloads import BYTES_MAX, GROWTH_BYTES_MAX, JSON, NO_JSON, text_of

SECONDS = 30.0
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
DOORS: dict[str, dict[str, Any]] = {
    "function": {"Type": "Task", "Resource": FUNCTION, "InputPath": "$.n", "End": True},
    "invoke": {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True, "OutputPath": "$.Payload",
        "Parameters": {"FunctionName": FUNCTION, "Payload.$": "$.n"},
    },
}  # fmt: skip


class Source:
    """A function and a bucket in one: what is asked for by number is what the test has put there."""

    def __init__(self) -> None:
        self.texts: list[bytes] = []
        source = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def do_GET(self) -> None:
                self._answer(int(self.path.partition("?")[0].rpartition("/")[2]))

            def _answer(self, number: int) -> None:
                data = source.texts[number]
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def put(self, text: bytes) -> int:
        """Where the text is to be had."""
        self.texts.append(text)
        return len(self.texts) - 1

    def close(self) -> None:
        self._server.shutdown()


@pytest.fixture(scope="module")
def source() -> Iterator[Source]:
    running = Source()
    yield running
    running.close()


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory, source: Source) -> Iterator[Process]:
    """A server whose function and whose S3 are the source."""
    folder = tmp_path_factory.mktemp("asking")
    (folder / "functions.json").write_text(json.dumps({"functions": {"f": source.url}}))
    arguments = ["--functions", str(folder / "functions.json")]
    running = Process(folder, arguments, {"AWS_ENDPOINT_URL_S3": source.url})
    running.start()
    try:
        yield running
    finally:
        running.stop()


def ended(process: Process, state: dict[str, Any], given: Any) -> dict[str, Any]:
    """Run a machine of that one state."""
    client = process.client
    name = f"m{abs(hash(json.dumps(state)))}"
    definition = json.dumps({"StartAt": "S", "States": {"S": state}})
    machine = client.call("CreateStateMachine", name=name, definition=definition, roleArn=ROLE)["stateMachineArn"]
    execution = client.call("StartExecution", stateMachineArn=machine, input=json.dumps(given))["executionArn"]
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        described: dict[str, Any] = client.call("DescribeExecution", executionArn=execution)
        if described["status"] != "RUNNING":
            return described
        time.sleep(0.005)
    raise AssertionError("it still runs")


def as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("door", DOORS)
def test_v1_an_answer_that_is_no_json_is_a_text(asking: Process, source: Source, door: str) -> None:
    """Functions of our own may answer with plain text, and what is no JSON is nothing else."""
    for text in filter(None, NO_JSON):
        described = ended(asking, DOORS[door], {"n": source.put(as_bytes(text))})
        assert described["status"] == "SUCCEEDED", (text[:50], described)
        assert json.loads(described["output"]) == text


@pytest.mark.parametrize("door", DOORS)
def test_v1_and_v2_an_answer_that_is_json_is_taken_as_it_is(asking: Process, source: Source, door: str) -> None:
    for text in JSON:
        described = ended(asking, DOORS[door], {"n": source.put(as_bytes(text))})
        if door == "invoke" and text.startswith("[" * 512):  # inside its envelope it is one level too deep
            assert described["status"] == "FAILED"
            continue
        assert described["status"] == "SUCCEEDED", (text[:50], described)
        assert json.loads(described["output"]) == json.loads(text)


@pytest.mark.parametrize("levels", [10**3, 10**5, 10**6])
def test_v4_a_deep_answer_costs_nothing(asking: Process, source: Source, levels: int) -> None:
    before = asking.rss()
    for bomb in ("[" * levels + "]" * levels, '{"a":' * levels + "1" + "}" * levels, "[" * levels):
        for state in DOORS.values():
            described = ended(asking, state, {"n": source.put(as_bytes(bomb))})
            if described["status"] == "SUCCEEDED":
                assert json.loads(described["output"]) == bomb  # no JSON of ours any more: a text
            else:
                assert described["error"] == "States.DataLimitExceeded"
    assert asking.rss() - before < GROWTH_BYTES_MAX
    assert ended(asking, DOORS["function"], {"n": source.put(b"1")})["output"] == "1"


@pytest.mark.parametrize("character", ["x", "\u00e9", "\U0001f600"])
def test_v5_an_answer_has_the_limit_of_every_payload(asking: Process, source: Source, character: str) -> None:
    limit, over = text_of(BYTES_MAX, character), text_of(BYTES_MAX + 1, character)
    fits = ended(asking, DOORS["function"], {"n": source.put(limit.encode())})
    assert (fits["status"], fits.get("output")) == ("SUCCEEDED", limit)
    described = ended(asking, DOORS["function"], {"n": source.put(over.encode())})
    assert (described["status"], described["error"]) == ("FAILED", "States.DataLimitExceeded")
    wrapped = ended(asking, DOORS["invoke"], {"n": source.put(limit.encode())})  # with its envelope it is too large
    assert (wrapped["status"], wrapped["error"]) == ("FAILED", "States.DataLimitExceeded")


def reading(number: int, kind: str) -> dict[str, Any]:
    """A distributed Map over an object."""
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "P",
        "States": {"P": {"Type": "Pass", "End": True}},
    }
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": kind},
        "Parameters": {"Bucket": "b", "Key": str(number)},
    }
    return {"Type": "Map", "Label": "L", "ItemReader": reader, "ItemProcessor": processor, "End": True}


@pytest.mark.parametrize("kind", ["JSON", "JSONL"])
def test_v1_an_object_that_is_no_json_fails_the_reader(asking: Process, source: Source, kind: str) -> None:
    for text in NO_JSON:
        if kind == "JSONL" and not text.strip():
            continue  # no line, no item
        described = ended(asking, reading(source.put(as_bytes(text)), kind), {})
        assert (described["status"], described["error"]) == ("FAILED", "States.ItemReaderFailed"), text[:50]
    assert ended(asking, reading(source.put(b"[1]"), "JSON"), {})["output"] == "[1]"


def test_v2_items_keep_their_strange_characters(asking: Process, source: Source) -> None:
    items = ["\x00", "\u202etxt.exe", "\U0010ffff", "\ufffe", "e\u0301"]
    described = ended(asking, reading(source.put(json.dumps(items).encode()), "JSON"), {})
    assert json.loads(described["output"]) == items


def test_v3_items_and_answers_keep_their_numbers(asking: Process, source: Source) -> None:
    numbers = "[9007199254740993,18446744073709551616,-9223372036854775809]"
    assert ended(asking, reading(source.put(numbers.encode()), "JSON"), {})["output"] == numbers
    assert ended(asking, DOORS["function"], {"n": source.put(numbers.encode())})["output"] == numbers


def test_v1_the_server_behind_all_these_doors_is_alive(asking: Process) -> None:
    state = json.loads(PASS)["States"]["Only"]
    assert ended(asking, state, {})["status"] == "SUCCEEDED"
