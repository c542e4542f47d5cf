"""Small machines and mock files for the tests of mocked runs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from engine.asl.parse import compile_definition
from services.integrations.mocks import MockFile, read_mock_file
from services.testing.answers import Answers
from services.testing.case_run import CaseRun
from services.testing.cases import Case, MockIndex
from services.testing.coverage import Coverage
from services.testing.finished import Finished

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
PASS = {"Type": "Pass", "End": True}


def machine(**states: dict[str, Any]) -> str:
    """A definition that starts at the first state."""
    return json.dumps({"StartAt": next(iter(states)), "States": states})


def task(resource: str = FUNCTION, **fields: Any) -> dict[str, Any]:
    """A Task, at the end unless it says where to go on."""
    return {"Type": "Task", "Resource": resource, **({} if "Next" in fields else {"End": True}), **fields}


def returns(value: Any) -> dict[str, Any]:
    """A response with one answer."""
    return {"0": {"Return": value}}


def throws(error: str, cause: str = "") -> dict[str, Any]:
    """A response with one error."""
    return {"0": {"Throw": {"Error": error, "Cause": cause}}}


def mock_file(folder: Path, **responses: dict[str, Any]) -> MockFile:
    """One machine `m` with one case `c`; the responses by the name of their state."""
    document = {
        "StateMachines": {"m": {"TestCases": {"c": {state: state for state in responses}}}},
        "MockedResponses": responses,
    }
    file = folder / "mocks.json"
    file.write_text(json.dumps(document))
    return read_mock_file(file)


def run(
    folder: Path,
    definition: str,
    case: Case | None = None,
    *,
    mock_index: MockIndex = "visit",
    coverage: Coverage | None = None,
    responses: dict[str, Any] | None = None,
    **more: Any,
) -> Finished:
    """Run one case to its end."""
    answers = Answers(mock_file(folder, **(responses or {})), "m", "c", mock_index)
    program = compile_definition(definition, "EXPRESS" if more.get("express") else "STANDARD")
    return asyncio.run(CaseRun("m", program, case or Case("c"), answers, coverage, **more).finish())


def types(finished: Finished) -> list[str]:
    """The names of the history events."""
    return [event["type"] for event in finished.events]
