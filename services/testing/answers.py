"""Which mocked answer a call gets: the mocks of one case, counted as the case asks."""

from __future__ import annotations

from collections import Counter

from services.integrations.mocks import MockedAnswer, MockFile
from services.testing.cases import MockIndex


class Answers:
    """The answers to one run of one case."""

    def __init__(self, file: MockFile, machine: str, case: str, mock_index: MockIndex) -> None:
        """Nothing has been asked yet."""
        self._file = file
        self._machine = machine
        self._case = case
        self._mock_index = mock_index
        self._calls: Counter[tuple[str, str]] = Counter()

    def next(self, execution: str, state: str, attempt: int) -> MockedAnswer | None:
        """The answer to the next call of a state; None when the case does not mock it.

        Args:
            execution: the execution that calls: a child of a distributed Map counts for itself.
            state: its name.
            attempt: retries so far in this visit.
        """
        index = attempt if self._mock_index == "retry" else self._calls[execution, state]
        self._calls[execution, state] += 1
        return self._file.answer(self._machine, self._case, state, index)
