"""Test cases as people write them: an input, what must come out of it, and what it needs besides its mocks.

A cases file is a JSON array with one entry per state machine:

    [{"state_machine": "order", "definition": "order.asl.json", "cases": [
        {"name": "HappyPath", "input": {...}, "expect": {"status": "SUCCEEDED", "output": {...}}}]}]

`name` is the test case in the mock file. What `expect` does not name is not compared, and `"<any>"` matches anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from engine.execution.execution import Status
from engine.payload import JsonError, decode_json
from services.testing.s3_objects import Objects, ObjectsError, read_objects

MockIndex: TypeAlias = Literal["visit", "retry"]
"""What the numbers in a mock file count: every call of the state in the execution, or the attempts of one visit."""

ANY: Final = "<any>"
_ASSERTABLE: Final = ("status", "output", "error", "cause")
_STATUSES: Final = frozenset(status.name for status in Status)


class CaseFileError(ValueError):
    """The cases file cannot be read; the message says where."""


@dataclass(frozen=True, slots=True)
class Case:
    """One test case.

    Attributes:
        name: in the mock file.
        input: of the execution.
        expected: member of DescribeExecution to value; what is absent is not compared.
        mock_index: how its mocks are counted; None leaves it to the run.
        objects: what the readers of distributed Maps find in S3.
        children: number of iterations or child executions by the name of the Map.
    """

    name: str
    input: Any = field(default_factory=dict)
    expected: Mapping[str, Any] = field(default_factory=dict)
    mock_index: MockIndex | None = None
    objects: Objects = field(default_factory=Objects)
    children: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MachineCases:
    """The cases of one state machine; `definition` is the name of its file."""

    state_machine: str
    definition: str
    cases: tuple[Case, ...]


def read_case_file(path: Path) -> list[MachineCases]:
    """Read a cases file.

    Raises:
        CaseFileError: not there, not JSON, or not of the format.
    """
    try:
        document = decode_json(path.read_bytes())
        if not isinstance(document, list):
            raise CaseFileError("must be an array with one entry per state machine")
        return [_machine(entry, f"[{index}]") for index, entry in enumerate(document)]
    except OSError as error:
        raise CaseFileError(f"{path}: {error.strerror}") from None
    except (JsonError, CaseFileError) as error:
        raise CaseFileError(f"{path}: {error}") from None


def _machine(entry: Any, where: str) -> MachineCases:
    if not isinstance(entry, dict) or not isinstance(entry.get("state_machine"), str):
        raise CaseFileError(f"{where} needs state_machine, a name")
    cases = entry.get("cases")
    if not isinstance(cases, list):
        raise CaseFileError(f"{where}.cases must be an array")
    found = tuple(_case(case, f"{where}.cases[{index}]") for index, case in enumerate(cases))
    return MachineCases(entry["state_machine"], str(entry.get("definition", "")), found)


def _case(entry: Any, where: str) -> Case:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise CaseFileError(f"{where} needs a name")
    mock_index = entry.get("mock_index")
    if mock_index is not None and mock_index not in get_args(MockIndex):
        raise CaseFileError(f"{where}.mock_index must be one of {', '.join(get_args(MockIndex))}")
    children = entry.get("children", {})
    if not isinstance(children, dict) or not all(isinstance(count, int) for count in children.values()):
        raise CaseFileError(f"{where}.children must map names of Maps to numbers")
    try:
        objects = read_objects(entry.get("s3", {}))
    except ObjectsError as error:
        raise CaseFileError(f"{where}.s3{error}") from None
    expected = _expected(entry.get("expect", {}), where)
    return Case(entry["name"], entry.get("input", {}), expected, mock_index, objects, children)


def _expected(expect: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(expect, dict):
        raise CaseFileError(f"{where}.expect must be an object")
    unknown = [name for name in expect if name not in _ASSERTABLE]
    if unknown:
        raise CaseFileError(f"{where}.expect.{unknown[0]}: only {', '.join(_ASSERTABLE)} can be expected")
    if "status" in expect and expect["status"] not in (*_STATUSES, ANY):
        raise CaseFileError(f"{where}.expect.status must be one of {', '.join(sorted(_STATUSES))}")
    return expect


def matches(expected: Any, found: Any) -> bool:
    """Whether a value is what was expected; `<any>` at any depth matches anything."""
    if isinstance(expected, str) and expected == ANY:
        return True
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(matches(expected[key], found[key]) for key in expected)
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(matches, expected, found))
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    return bool(expected == found)


def named(cases: Sequence[Case], name: str) -> Case | None:
    """The case of that name."""
    return next((case for case in cases if case.name == name), None)
