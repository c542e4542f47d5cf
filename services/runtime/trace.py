"""Traces through OpenTelemetry, off unless an endpoint is set. Attributes have ids and sizes, never payloads.

An execution may run for a year in several processes, so a span is written when what it tells of has ended, with the
times from the history. Its ids are derived from what it is about: whoever writes it, all spans of an execution meet
in one trace, and writing one twice is harmless.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, Protocol, cast
from uuid import UUID

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.sdk.trace.id_generator import IdGenerator

SPAN_ID_BYTES: Final = 8
ROOT_KEY: Final = ""


class Tracer(Protocol):
    """Writes spans, or does not."""

    def span(
        self,
        execution_id: UUID,
        key: str,
        name: str,
        start_ms: int,
        end_ms: int,
        *,
        parent_key: str = ROOT_KEY,
        attributes: Mapping[str, str | int] | None = None,
        error: str | None = None,
    ) -> None:
        """Tell of something that has ended. `key` is unique in the execution; the execution itself has `ROOT_KEY`."""
        ...

    def close(self) -> None:
        """Send what is left."""
        ...


class Off:
    """Writes nothing."""

    def span(
        self,
        execution_id: UUID,
        key: str,
        name: str,
        start_ms: int,
        end_ms: int,
        *,
        parent_key: str = ROOT_KEY,
        attributes: Mapping[str, str | int] | None = None,
        error: str | None = None,
    ) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class OpenTelemetry:
    """Writes spans to an exporter, in batches, from a thread of its own."""

    def __init__(self, exporter: SpanExporter, service: str) -> None:
        """`service` is the role of this process."""
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        self._ids = _DerivedIds()
        resource = Resource.create({"service.name": service})
        self._provider: TracerProvider = TracerProvider(
            id_generator=cast("IdGenerator", self._ids), resource=resource, shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("stepwell")

    def span(
        self,
        execution_id: UUID,
        key: str,
        name: str,
        start_ms: int,
        end_ms: int,
        *,
        parent_key: str = ROOT_KEY,
        attributes: Mapping[str, str | int] | None = None,
        error: str | None = None,
    ) -> None:
        """One finished span; the execution's own span is the parent of all that name no other."""
        from opentelemetry.trace import (
            NonRecordingSpan,
            SpanContext,
            Status,
            StatusCode,
            TraceFlags,
            set_span_in_context,
        )

        context = None
        if key != ROOT_KEY:
            parent = SpanContext(
                execution_id.int, span_id(execution_id, parent_key), False, TraceFlags(TraceFlags.SAMPLED)
            )
            context = set_span_in_context(NonRecordingSpan(parent))
        self._ids.trace_id, self._ids.span_id = execution_id.int, span_id(execution_id, key)
        span = self._tracer.start_span(
            name, context, attributes=dict(attributes or {}), start_time=start_ms * 1_000_000
        )
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, error))
        span.end(end_ms * 1_000_000)

    def close(self) -> None:
        """Send what is left; at most a few seconds."""
        self._provider.shutdown()


class _DerivedIds:
    """Gives the SDK the ids that the next span is to have. Spans are made one after the other, in one thread."""

    trace_id = 0
    span_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id

    def is_trace_id_random(self) -> bool:
        return False


def span_id(execution_id: UUID, key: str) -> int:
    """The id of a span: never 0, the same in every process."""
    digest = blake2b(key.encode(), digest_size=SPAN_ID_BYTES, key=execution_id.bytes).digest()
    return int.from_bytes(digest) or 1


def open_tracer(endpoint: str, service: str) -> Tracer:
    """A tracer that sends OTLP over HTTP to that endpoint; empty means off, and nothing is imported."""
    if not endpoint:
        return Off()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OpenTelemetry(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces"), service)
