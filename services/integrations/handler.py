"""What the registry expects of the code behind a resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from services.integrations.interface import Call, Failed, Outcome, Pending, Succeeded


class Handler(Protocol):
    """One integration. Everything raised is one of the exceptions in failures.py; the registry words the rest."""

    async def call(self, call: Call) -> Outcome:
        """Run the attempt."""
        ...

    async def poll(self, call: Call, job: Mapping[str, Any]) -> Succeeded | Failed | Pending:
        """Look at a job that `call` submitted."""
        ...

    async def cancel(self, call: Call, job: Mapping[str, Any]) -> None:
        """Stop a job that `call` submitted."""
        ...


class NoJobs:
    """For integrations without `.sync`."""

    async def poll(self, call: Call, job: Mapping[str, Any]) -> Succeeded | Failed | Pending:
        """Never reached: nothing was submitted."""
        raise AssertionError(f"{call.resource.arn} submits no jobs")

    async def cancel(self, call: Call, job: Mapping[str, Any]) -> None:
        """There is nothing to stop."""
