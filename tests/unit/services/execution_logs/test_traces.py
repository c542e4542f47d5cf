"""Spans of executions: which there are, whose children they are, and that nothing of a payload is in them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from engine.execution.execution import Execution
from engine.execution.page import Page
from services.execution_logs import traces
from services.execution_logs.traces import Traces
from services.runtime.trace import ROOT_KEY
from services.store.records import EventsPage, Revision
from tests.fixtures.memory_host import MemoryHost, TaskError
from tests.fixtures.virtual_loop import run_virtually

SECRET = "canary-4711"
PASS = {"Type": "Pass", "End": True}
TASK = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f"}, "End": True}


class Spans:
    """A tracer that keeps what it is told."""

    def __init__(self) -> None:
        self.told: dict[str, dict[str, Any]] = {}
        self.closed = False

    def span(self, execution_id: UUID, key: str, name: str, start_ms: int, end_ms: int, **more: Any) -> None:
        assert key not in self.told
        assert start_ms <= end_ms
        self.told[key] = {"name": name, "start": start_ms, "end": end_ms, "parent_key": ROOT_KEY, **more}

    def close(self) -> None:
        self.closed = True

    def tree(self) -> set[tuple[str, str, str | None]]:
        """Who, below whom, and what went wrong."""
        names = {key: span["name"] for key, span in self.told.items()}
        return {
            (span["name"], "" if key == ROOT_KEY else names[span["parent_key"]], span.get("error"))
            for key, span in self.told.items()
        }


class Pages:
    """The history of one execution, as a store gives it."""

    def __init__(self, pages: Sequence[Page]) -> None:
        self._pages = [EventsPage(page.number, page.first_event_id, page.last_event_id, page.events) for page in pages]

    async def history_pages(
        self, execution_id: UUID, from_event: int | None, limit: int, reverse: bool = False
    ) -> Sequence[EventsPage]:
        start = from_event or 1
        return [it for it in self._pages if it.last_event_id >= start and it.first_event_id < start + limit]


REVISION = cast(Revision, SimpleNamespace(tracing=None))
TRACED = cast(Revision, SimpleNamespace(tracing={"enabled": True}))


def machine(**states: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def traced(
    definition: dict[str, Any],
    given: Any = None,
    answer: Any = None,
    revision: Revision = REVISION,
    asked_only: bool = False,
    header: str | None = None,
) -> Spans:
    more = {} if answer is None else {"answer": answer}
    host = MemoryHost(definition, given if given is not None else {"secret": SECRET}, **more).run()
    execution: Execution = host.execution
    execution.origin = replace(execution.origin, trace_header=header)
    spans = Spans()

    async def main() -> None:
        told = Traces(Pages(host.pages), spans, asked_only=asked_only)
        for page in host.pages:
            told.committed(revision, execution if page is host.pages[-1] else cast(Any, Running), page)
        await asyncio.gather(*told._waiting)

    run_virtually(main())
    assert SECRET not in repr(spans.told)
    return spans


class Running:
    ended = False


def test_states_and_tries_hang_below_the_execution() -> None:
    tries = iter([TaskError("Broken", SECRET), None])

    def answer(offer: Any) -> Any:
        problem = next(tries)
        if problem is not None:
            raise problem
        return {"done": SECRET}

    retry = [{"ErrorEquals": ["Broken"], "IntervalSeconds": 5}]
    spans = traced(machine(A=PASS | {"End": False, "Next": "T"}, T=TASK | {"Retry": retry}), answer=answer)
    root = spans.told[ROOT_KEY]
    assert spans.tree() == {
        (root["name"], "", None),
        ("A", root["name"], None),
        ("T", root["name"], None),
        ("lambda:invoke", "T", "Broken"),
        ("lambda:invoke", "T", None),
    }
    tries_told = sorted((it["start"], it["end"]) for it in spans.told.values() if it["name"] == "lambda:invoke")
    assert tries_told[1][0] - tries_told[0][1] == 5_000
    assert root["attributes"]["stepwell.execution.status"] == "SUCCEEDED"


def test_branches_and_iterations_hang_below_their_state() -> None:
    inner = {"StartAt": "I", "States": {"I": PASS}}
    mapped = {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": inner, "End": True}
    branches = [{"StartAt": "M", "States": {"M": mapped}}, {"StartAt": "B", "States": {"B": PASS}}]
    definition = machine(P={"Type": "Parallel", "Branches": branches, "Next": "Z"}, Z=PASS)
    spans = traced(definition, {"items": [1, 2], "secret": SECRET})
    root = spans.told[ROOT_KEY]["name"]
    assert spans.tree() == {
        (root, "", None), ("P", root, None), ("M", "P", None), ("B", "P", None), ("I", "M", None), ("Z", root, None),
    }  # fmt: skip
    assert sum(it["name"] == "I" for it in spans.told.values()) == 2


def test_what_failed_says_so_and_what_was_cut_off_ends_with_the_execution() -> None:
    nap = {"StartAt": "N", "States": {"N": {"Type": "Wait", "Seconds": 100, "End": True}}}
    fail = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Bad", "Cause": SECRET}}}
    spans = traced(machine(P={"Type": "Parallel", "Branches": [nap, fail], "End": True}))
    root = spans.told[ROOT_KEY]
    assert spans.tree() == {
        (root["name"], "", "Bad"), ("P", root["name"], "Bad"), ("N", "P", "Bad"), ("F", "P", "Bad")
    }  # fmt: skip
    assert {it["end"] for it in spans.told.values()} == {root["end"]}


@pytest.mark.parametrize(
    ("asked_only", "revision", "header", "wanted"),
    [
        (False, REVISION, None, True),
        (True, REVISION, None, False),
        (True, TRACED, None, True),
        (True, REVISION, "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1", True),
        (True, REVISION, "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0", False),
    ],
)
def test_where_only_what_asks_is_traced(asked_only: bool, revision: Revision, header: str | None, wanted: bool) -> None:
    spans = traced(machine(A=PASS), revision=revision, asked_only=asked_only, header=header)
    assert bool(spans.told) is wanted
    if wanted:
        assert spans.told[ROOT_KEY]["attributes"].get("aws.xray.trace_header") == header


def test_a_long_history_is_cut_off_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "SPANS_MAX", 10)
    inner = {"StartAt": "I", "States": {"I": PASS}}
    mapped = {"Type": "Map", "ItemsPath": "$", "ItemProcessor": inner, "End": True}
    spans = traced(machine(M=mapped), [1] * 30)
    assert len(spans.told) == 11
    assert spans.told[ROOT_KEY]["attributes"]["stepwell.spans.left_out"] == 21
