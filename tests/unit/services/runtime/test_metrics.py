"""Metrics as `/metrics` shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from engine.execution.execution import Status
from engine.execution.page import Page
from services.runtime.metrics import ApiMetrics, Distribution, SchedulerMetrics, WorkerMetrics, expose, residents


@dataclass
class Turn:
    """What a scheduler reports."""

    page: Any
    change: Any
    transitions: int = 0
    stale: int = 0


@dataclass
class Change:
    """The change of a row."""

    status: Status


def lines(*sources: Any) -> set[str]:
    registry = CollectorRegistry()
    for source in sources:
        expose(source, registry)
    return set(generate_latest(registry).decode().splitlines())


def test_a_turn_counts_its_transitions_events_start_and_end() -> None:
    metrics = SchedulerMetrics()
    metrics.turn(Turn(Page(1, 1, 5, b"", b"", False), None, transitions=2))
    metrics.turn(Turn(Page(2, 6, 5, b"", b"", False), Change(Status.RUNNING), stale=1))
    metrics.turn(Turn(Page(3, 6, 9, b"", b"", False), Change(Status.SUCCEEDED), transitions=1))
    shown = lines(metrics)
    assert "stepwell_executions_started_total 1.0" in shown
    assert 'stepwell_executions_ended_total{status="SUCCEEDED"} 1.0' in shown
    assert 'stepwell_executions_ended_total{status="FAILED"} 0.0' in shown
    assert "stepwell_transitions_total 3.0" in shown
    assert "stepwell_history_events_total 9.0" in shown
    assert "stepwell_stale_stimuli_total 1.0" in shown


def test_a_distribution_counts_a_bound_into_its_own_bucket() -> None:
    taken = Distribution()
    for seconds in (0.001, 0.0011, 99.0):
        taken.add(seconds)
    buckets = dict(taken.buckets())
    assert (buckets["0.0005"], buckets["0.001"], buckets["0.0025"], buckets["30.0"]) == (0, 1, 2, 2)
    assert buckets["+Inf"] == 3


def test_requests_are_told_by_operation_and_error() -> None:
    metrics = ApiMetrics()
    metrics.answered("StartExecution", 0.002)
    metrics.answered("StartExecution", 0.002, "ExecutionAlreadyExists")
    shown = lines(metrics)
    assert 'stepwell_api_request_seconds_count{operation="StartExecution"} 2.0' in shown
    assert 'stepwell_api_errors_total{error="ExecutionAlreadyExists",operation="StartExecution"} 1.0' in shown


def test_an_attempt_runs_until_it_has_ended() -> None:
    metrics = WorkerMetrics()
    metrics.begun()
    assert "stepwell_attempts_running 1.0" in lines(metrics)
    metrics.ended("lambda", "succeeded", 0.1)
    shown = lines(metrics)
    assert "stepwell_attempts_running 0.0" in shown
    assert 'stepwell_attempts_total{outcome="succeeded",service="lambda"} 1.0' in shown


def test_a_reading_is_taken_when_it_is_asked_for() -> None:
    memory = [1, 2]
    source = residents(lambda: len(memory))
    assert "stepwell_executions_resident 2.0" in lines(source)
    memory.append(3)
    assert "stepwell_executions_resident 3.0" in lines(source)


def test_a_source_that_was_taken_away_is_not_shown() -> None:
    registry = CollectorRegistry()
    take_away = expose(SchedulerMetrics(), registry)
    take_away()
    assert generate_latest(registry) == b""
