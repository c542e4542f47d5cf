"""Standard executions are logged from their committed pages, as their own revision wants it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from engine.advance import advance
from engine.execution.execution import Execution
from engine.execution.page import Page
from engine.execution.step import Step
from engine.execution.stimulus import Start
from services.execution_logs.log import ExecutionLog
from services.execution_logs.policy import Policies
from services.execution_logs.standard import StandardLog
from tests.unit.services.express.material import Records, compiled, machine, origin

PASS = compiled(machine(A={"Type": "Pass", "End": True}))


def turn() -> tuple[Execution, Page]:
    execution = Execution(origin({"a": 1}), PASS.program)
    step = Step(execution, 1234, bytes)
    advance(step, Start())
    return execution, step.page()


def logged(logging: dict[str, Any] | None, page: Page | None = None) -> list[dict[str, Any]]:
    records = Records()
    execution, made = turn()
    revision = replace(PASS.revision, id=UUID(int=1), logging=logging)
    StandardLog(ExecutionLog([records]), Policies())(revision, execution, page or made)
    return records.records


def test_a_committed_page_is_logged_with_its_own_time_and_numbers() -> None:
    records = logged({"level": "ALL", "includeExecutionData": True})
    assert [(it["id"], it["type"], it["event_timestamp"]) for it in records] == [
        ("1", "ExecutionStarted", "1234"),
        ("2", "PassStateEntered", "1234"),
        ("3", "PassStateExited", "1234"),
        ("4", "ExecutionSucceeded", "1234"),
    ]
    assert records[1]["details"]["input"] == '{"a":1}'


def test_machines_without_logs_cost_nothing() -> None:
    assert logged(None) == []
    assert logged({"level": "OFF"}) == []


def test_a_page_without_events_is_none_of_the_log() -> None:
    _, page = turn()
    assert logged({"level": "ALL"}, replace(page, last_event_id=0)) == []
