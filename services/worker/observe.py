"""Who wants to know about attempts, for metrics."""

from __future__ import annotations

from typing import Protocol


class WorkerObserver(Protocol):
    """Told about every attempt. Must be quick and must not fail."""

    def begun(self) -> None:
        """An attempt runs."""
        ...

    def ended(self, service: str, outcome: str, seconds: float) -> None:
        """An attempt ended: `succeeded`, `failed`, `submitted` or `lost`; `service` as in the resource's ARN."""
        ...


class NoObserver:
    """Nobody wants to know."""

    def begun(self) -> None:
        """Nothing."""

    def ended(self, service: str, outcome: str, seconds: float) -> None:
        """Nothing."""
