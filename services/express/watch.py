"""What the operator may hear of the express lane."""

from __future__ import annotations

from typing import Literal, Protocol

from engine.execution.execution import Execution

Kind = Literal["sync", "async"]


class ExpressWatch(Protocol):
    """Counts; never in the way."""

    def ended(self, kind: Kind, execution: Execution) -> None:
        """An execution has ended."""
        ...

    def redelivered(self) -> None:
        """An asynchronous execution is started again."""
        ...

    def buried(self) -> None:
        """A start went to the dead letters."""
        ...

    def kept(self, executions: int) -> None:
        """So many are in the express history."""
        ...

    def lost(self, executions: int) -> None:
        """So many should be there and are not."""
        ...


class Silent:
    """Counts nothing."""

    def ended(self, kind: Kind, execution: Execution) -> None:
        """Nothing."""

    def redelivered(self) -> None:
        """Nothing."""

    def buried(self) -> None:
        """Nothing."""

    def kept(self, executions: int) -> None:
        """Nothing."""

    def lost(self, executions: int) -> None:
        """Nothing."""
