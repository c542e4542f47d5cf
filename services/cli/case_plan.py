"""What `stepwell test` is to run: each definition with its state machine's name, its program, and its cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from services.cli.definition_file import Written, read_definition_file
from services.cli.errors import CommandError
from services.integrations.mocks import MockFile, MockFileError, read_mock_file
from services.testing.cases import Case, CaseFileError, MachineCases, read_case_file

_NAMED_MAX = 10
"""Names in a message; files with many state machines exist."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says."""

    files: Sequence[Path]
    mocks: MockFile
    expectations: Sequence[MachineCases]
    machine: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """One definition as one state machine."""

    file: Path
    written: Written
    machine: str
    expected: tuple[Case, ...]

    def place(self, state: str, below: str = "") -> tuple[int, int]:
        """Line and column of a state, or of something in it; the file's first line if there is no such state."""
        start = self.written.places.find(f"{self._pointer(state)}{below}").start if state else 0
        return self.written.places.line_and_column(start)

    def _pointer(self, state: str) -> str:
        """Names of states are unique in a definition, over all levels."""
        ending = "/States/" + state.replace("~", "~0").replace("/", "~1")
        found = (pointer for pointer in self.written.places.pointers if pointer.endswith(ending))
        return min(found, key=len, default="")


def read_mocks(path: Path | None) -> MockFile:
    """The mock file; without one nothing is mocked."""
    if path is None:
        return MockFile({})
    try:
        return read_mock_file(path)
    except MockFileError as error:
        raise CommandError(str(error)) from None


def read_expectations(path: Path | None) -> list[MachineCases]:
    """The cases file; without one nothing is expected but success."""
    if path is None:
        return []
    try:
        return read_case_file(path)
    except CaseFileError as error:
        raise CommandError(str(error)) from None


def plans(wanted: Wanted) -> list[Plan]:
    """One plan per file and state machine, in the order of the files."""
    if wanted.machine is not None and len(wanted.files) > 1:
        raise CommandError("--machine names the state machine of one definition; give one file")
    return [plan for file in wanted.files for plan in _plans_of(file, wanted)]


def _plans_of(file: Path, wanted: Wanted) -> list[Plan]:
    written = read_definition_file(file)
    entries = [entry for entry in wanted.expectations if Path(entry.definition).name == file.name]
    if wanted.machine is None and entries:
        return [Plan(file, written, entry.state_machine, entry.cases) for entry in entries]
    name = wanted.machine or _machine_name(file, wanted)
    expected = [case for entry in wanted.expectations if entry.state_machine == name for case in entry.cases]
    return [Plan(file, written, name, tuple(expected))]


def _machine_name(file: Path, wanted: Wanted) -> str:
    """The name in the mock file: the definition's own, or the only one there is."""
    stem = file.name.split(".")[0]
    named = {*wanted.mocks.machines, *(entry.state_machine for entry in wanted.expectations)}
    if stem in named or not named:
        return stem
    if len(named) == 1 and len(wanted.files) == 1:
        return named.pop()
    known = ", ".join(sorted(named)[:_NAMED_MAX]) + (" ..." if len(named) > _NAMED_MAX else "")
    raise CommandError(f"{file}: no state machine {stem!r} has cases; say which one it is with --machine: {known}")
