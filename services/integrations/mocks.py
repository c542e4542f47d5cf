"""Mocked integrations: the `MockConfigFile.json` of Step Functions Local, in front of the real ones.

    {"StateMachines": {"<machine>": {"TestCases": {"<case>": {"<state>": "<response>"}}}},
     "MockedResponses": {"<response>": {"0": {"Return": {...}}, "1-2": {"Throw": {"Error": "...", "Cause": "..."}}}}}

An execution names its case by `#<case>` behind the state machine's ARN. The keys of a response count the calls of the
state within the execution, retries and further visits alike; after the last key the last entry goes on to answer.
What stands under `Return` is the result before ResultSelector: the whole envelope for `lambda:invoke`, the output of
SendTaskSuccess for `.waitForTaskToken`, the final description for `.sync`. A state without an entry is not mocked.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.payload import JsonError, decode_json, encode_json
from services.integrations.failures import sized
from services.integrations.interface import Call, Failed, Integrations, Outcome, Pending, Submitted, Succeeded

# The name that Step Functions Local gives its mock file, so that nothing changes for who comes from there.
MOCK_VARIABLE: Final = "SFN_MOCK_CONFIG"

_KEY: Final = re.compile(r"(\d+)(?:-(\d+))?")
_EXECUTIONS_MAX: Final = 10_000
_JOB: Final = "mocked_output"


class MockFileError(ValueError):
    """The mock file cannot be read; the message says where."""


@dataclass(frozen=True, slots=True)
class MockedAnswer:
    """One entry: the output of `Return`, or the error and cause of `Throw`."""

    first: int
    last: int
    output: bytes | None
    error: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class MockFile:
    """A mock file as read: machine, case and state to answers in the order of their numbers."""

    machines: Mapping[str, Mapping[str, Mapping[str, tuple[MockedAnswer, ...]]]]

    def cases(self, machine: str) -> list[str]:
        """Names of the machine's test cases."""
        return list(self.machines.get(machine, {}))

    def answer(self, machine: str, case: str, state: str, index: int) -> MockedAnswer | None:
        """The answer to the call of that number, None when the state is not mocked."""
        answers = self.machines.get(machine, {}).get(case, {}).get(state)
        if not answers:
            return None
        return next((answer for answer in answers if answer.first <= index <= answer.last), answers[-1])

    def missing(self, machine: str, case: str, task_states: Iterable[str]) -> list[str]:
        """Task states that a case does not mock."""
        mocked = self.machines.get(machine, {}).get(case, {})
        return [state for state in task_states if state not in mocked]


def read_mock_file(path: Path) -> MockFile:
    """Read a mock file.

    Raises:
        MockFileError: not there, not JSON, or not of the format.
    """
    try:
        document = decode_json(path.read_bytes())
    except (OSError, JsonError) as error:
        raise MockFileError(f"{path}: {error}") from None
    try:
        return _mock_file(document)
    except MockFileError as error:
        raise MockFileError(f"{path}: {error}") from None


def _mock_file(document: Any) -> MockFile:
    responses = {name: _answers(name, entries) for name, entries in _table(document, "MockedResponses").items()}
    machines: dict[str, dict[str, dict[str, tuple[MockedAnswer, ...]]]] = {}
    for machine, body in _table(document, "StateMachines").items():
        cases = machines[machine] = {}
        for case, states in _table(body, "TestCases").items():
            if not isinstance(states, dict):
                raise MockFileError(f"StateMachines.{machine}.TestCases.{case} must be an object")
            unknown = [name for name in states.values() if name not in responses]
            if unknown:
                raise MockFileError(f"{machine}, case {case}: MockedResponses has no {unknown[0]!r}")
            cases[case] = {state: responses[name] for state, name in states.items()}
    return MockFile(machines)


def _table(document: Any, name: str) -> dict[str, Any]:
    table = document.get(name) if isinstance(document, dict) else None
    if not isinstance(table, dict):
        raise MockFileError(f"{name} must be an object")
    return table


def _answers(name: str, entries: Any) -> tuple[MockedAnswer, ...]:
    if not isinstance(entries, dict) or not entries:
        raise MockFileError(f"MockedResponses.{name} must be an object with numbered entries")
    return tuple(sorted((_answer(name, key, entry) for key, entry in entries.items()), key=lambda one: one.first))


def _answer(name: str, key: str, entry: Any) -> MockedAnswer:
    numbers = _KEY.fullmatch(key)
    if numbers is None:
        raise MockFileError(f"MockedResponses.{name}: {key!r} is neither a number nor a range like 1-2")
    if not isinstance(entry, dict) or ("Return" in entry) == ("Throw" in entry):
        raise MockFileError(f"MockedResponses.{name}.{key} needs either Return or Throw")
    first, last = int(numbers[1]), int(numbers[2] or numbers[1])
    if "Return" in entry:
        return MockedAnswer(first, last, encode_json(entry["Return"]))
    thrown = entry["Throw"]
    if not isinstance(thrown, dict) or not isinstance(thrown.get("Error"), str):
        raise MockFileError(f"MockedResponses.{name}.{key}.Throw needs Error, and may have Cause")
    return MockedAnswer(first, last, None, thrown["Error"], str(thrown.get("Cause", "")))


class MockedIntegrations:
    """Answers for the states that the execution's test case mocks; everything else goes to `inner`."""

    def __init__(self, config_path: str | Path, inner: Integrations) -> None:
        """The file is read at the first call, and again whenever it changes."""
        self._path = Path(config_path)
        self._inner = inner
        self._file: MockFile | None = None
        self._seen: tuple[int, int] | None = None
        self._calls: OrderedDict[str, dict[str, dict[str, int]]] = OrderedDict()

    @property
    def file(self) -> MockFile:
        """The mock file as it stands now.

        Raises:
            MockFileError: it cannot be read.
        """
        try:
            status = self._path.stat()
        except OSError as error:
            raise MockFileError(f"{self._path}: {error.strerror}") from None
        seen = (status.st_mtime_ns, status.st_size)
        if self._file is None or seen != self._seen:
            self._file, self._seen = read_mock_file(self._path), seen
        return self._file

    async def call(self, call: Call) -> Outcome:
        """The mocked answer, or the real call."""
        if not call.test_case:
            return await self._inner.call(call)
        try:
            answer = self._answer(call)
        except MockFileError as error:
            return Failed("States.Runtime", str(error))
        if answer is None:
            return await self._inner.call(call)
        if answer.output is None:
            return Failed(answer.error, answer.cause)
        if call.resource.pattern == "request_response":
            return sized(call, answer.output)
        return Submitted(b"{}", {_JOB: answer.output.decode("utf-8")})

    def answer_activity(self, call: Call) -> Succeeded | Failed | None:
        """The mocked answer of an activity, which nobody calls: workers poll for it; None when it is not mocked."""
        try:
            answer = self._answer(call)
        except MockFileError as error:
            return Failed("States.Runtime", str(error))
        if answer is None:
            return None
        return Failed(answer.error, answer.cause) if answer.output is None else sized(call, answer.output)

    async def poll(self, call: Call, job: Mapping[str, Any]) -> Succeeded | Failed | Pending:
        """A mocked job has ended when it is looked at."""
        if _JOB in job:
            return sized(call, str(job[_JOB]).encode("utf-8"))
        return await self._inner.poll(call, job)

    async def cancel(self, call: Call, job: Mapping[str, Any]) -> None:
        """A mocked job needs no stopping."""
        if _JOB not in job:
            await self._inner.cancel(call, job)

    async def close(self) -> None:
        """Close the real integrations."""
        await self._inner.close()

    def _answer(self, call: Call) -> MockedAnswer | None:
        file = self.file
        machine = machine_name(call.machine_arn)
        if call.test_case not in file.machines.get(machine, {}):
            raise MockFileError(f"{self._path}: state machine {machine!r} has no test case {call.test_case!r}")
        if file.answer(machine, call.test_case, call.state, 0) is None:
            return None
        return file.answer(machine, call.test_case, call.state, self._index(call))

    def _index(self, call: Call) -> int:
        """How many calls of this state came before in this execution; one that comes again keeps its number.

        Retries count even those calls that another process answered, or this one in an earlier life.
        """
        calls = self._calls.setdefault(call.execution_arn, {})
        self._calls.move_to_end(call.execution_arn)
        while len(self._calls) > _EXECUTIONS_MAX:
            self._calls.popitem(last=False)
        numbers = calls.setdefault(call.state, {})
        following = max(numbers.values(), default=-1) + 1
        return numbers.setdefault(call.key, max(following, call.attempt))


def open_mocks(environment: Mapping[str, str], inner: Integrations) -> MockedIntegrations | None:
    """The mocks that `SFN_MOCK_CONFIG` names, in front of `inner`; None when it is not set.

    Raises:
        MockFileError: the file cannot be read.
    """
    path = environment.get(MOCK_VARIABLE)
    if not path:
        return None
    mocks = MockedIntegrations(path, inner)
    _ = mocks.file
    return mocks


def machine_name(machine_arn: str) -> str:
    """The name in a state machine's ARN, without version, alias or the label of a Map."""
    return machine_arn.split(":stateMachine:", 1)[-1].split(":", 1)[0].split("/", 1)[0]
