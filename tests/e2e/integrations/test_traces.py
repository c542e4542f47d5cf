"""`stepwell up` sends the traces of executions by OTLP where it is told to, and nothing where it is not."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.fixtures.server import Server

ROLE = "arn:aws:iam::000000000000:role/r"
TWO = json.dumps(
    {
        "StartAt": "A",
        "States": {"A": {"Type": "Pass", "Next": "F"}, "F": {"Type": "Fail", "Error": "Bad", "Cause": "x"}},
    }
)
SECRET = "canary-4711"


class Collector:
    """Takes spans over HTTP."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                collector.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def spans(self) -> list[Any]:
        found = []
        for body in self.bodies:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    found += scope.spans
        return found

    def close(self) -> None:
        self._server.shutdown()


@pytest.fixture
def collector() -> Iterator[Collector]:
    running = Collector()
    yield running
    running.close()


def ran(folder: Path, environment: dict[str, str]) -> None:
    """Run one standard and one express execution to their ends, and stop the server."""
    server = Server(folder, environment=environment)
    server.start()
    client = server.client
    try:
        standard = client.call("CreateStateMachine", name="order", definition=TWO, roleArn=ROLE)["stateMachineArn"]
        execution = client.call("StartExecution", stateMachineArn=standard, input=f'"{SECRET}"')["executionArn"]
        express = client.call("CreateStateMachine", name="fast", definition=TWO, roleArn=ROLE, type="EXPRESS")
        client.call("StartSyncExecution", stateMachineArn=express["stateMachineArn"], input=f'"{SECRET}"')
        while client.call("DescribeExecution", executionArn=execution)["status"] == "RUNNING":
            time.sleep(0.02)
    finally:
        assert server.stop() == 0


def test_the_spans_of_an_execution_are_one_trace(tmp_path: Path, collector: Collector) -> None:
    ran(tmp_path, {"STEPWELL_OTLP_ENDPOINT": collector.url})
    spans = collector.spans()
    assert sorted(span.name for span in spans) == ["A", "F", "fast", "order"]
    by_name = {span.name: span for span in spans}
    root = by_name["order"]
    assert not root.parent_span_id
    assert {by_name[name].parent_span_id for name in "AF"} == {root.span_id}
    assert {by_name[name].trace_id for name in "AF"} == {root.trace_id} != {by_name["fast"].trace_id}
    assert (root.status.message, by_name["F"].status.message, by_name["A"].status.message) == ("Bad", "Bad", "")
    assert not any(SECRET.encode() in body for body in collector.bodies)


def test_only_what_asks_is_traced_where_that_is_wanted(tmp_path: Path, collector: Collector) -> None:
    ran(tmp_path, {"STEPWELL_OTLP_ENDPOINT": collector.url, "STEPWELL_TRACES": "asked"})
    assert collector.spans() == []


def test_without_an_endpoint_nothing_is_sent(tmp_path: Path, collector: Collector) -> None:
    ran(tmp_path, {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
    assert collector.bodies == []
