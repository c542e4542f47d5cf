"""Traces: ids that every process derives alike, and nothing at all when off."""

from __future__ import annotations

from uuid import UUID

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.runtime.trace import ROOT_KEY, Off, OpenTelemetry, open_tracer, span_id

EXECUTION = UUID("019aa110-0000-7000-8000-000000000001")


def test_without_an_endpoint_nothing_is_traced() -> None:
    tracer = open_tracer("", "scheduler")
    assert isinstance(tracer, Off)
    tracer.span(EXECUTION, "0:1", "A", 1, 2)
    tracer.close()


def test_the_spans_of_an_execution_meet_in_one_trace_whoever_writes_them() -> None:
    exporters = [InMemorySpanExporter(), InMemorySpanExporter()]
    first, second = (OpenTelemetry(exporter, "scheduler") for exporter in exporters)
    first.span(EXECUTION, "0:2", "Charge", 1_000, 1_500, attributes={"visit": 2})
    second.span(EXECUTION, ROOT_KEY, "Order", 900, 2_000, error="States.Timeout")
    first.close()
    second.close()
    (state,), (root,) = (exporter.get_finished_spans() for exporter in exporters)
    assert state.context.trace_id == root.context.trace_id == EXECUTION.int
    assert state.parent is not None
    assert state.parent.span_id == root.context.span_id == span_id(EXECUTION, ROOT_KEY)
    assert root.parent is None
    assert (state.start_time, state.end_time) == (1_000_000_000, 1_500_000_000)
    assert not root.status.is_ok


def test_span_ids_differ_by_key_and_execution() -> None:
    other = UUID(int=EXECUTION.int + 1)
    assert len({span_id(EXECUTION, "0:1"), span_id(EXECUTION, "0:2"), span_id(other, "0:1")}) == 3
