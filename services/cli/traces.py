"""Traces put together: where they go, and who tells of executions."""

from __future__ import annotations

from engine.execution.execution import Execution
from engine.execution.page import Page
from services.execution_logs.standard import StandardLog
from services.execution_logs.traces import Traces
from services.runtime.settings import ProcessSettings
from services.runtime.trace import open_tracer
from services.scheduler.group_commit import OnCommitted
from services.store.postgres import PostgresStore
from services.store.records import Revision


def open_traces(process: ProcessSettings, store: PostgresStore) -> Traces:
    """Traces to the operator's OTLP endpoint."""
    tracer = open_tracer(process.otlp_endpoint, "stepwell")
    return Traces(store, tracer, asked_only=process.traces == "asked")


def together(logs: StandardLog, traces: Traces | None) -> OnCommitted:
    """Tell the logs of committed pages, and the traces where there are any."""
    if traces is None:
        return logs
    committed = traces.committed

    def tell(revision: Revision, execution: Execution, page: Page) -> None:
        logs(revision, execution, page)
        committed(revision, execution, page)

    return tell
