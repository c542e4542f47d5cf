"""Outcomes: what a state answers. A value; `advance` does the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from engine.execution.frame import Attempt, Children, MapRun, Until
from engine.payload import Payload


@dataclass(frozen=True, slots=True)
class Done:
    """The state was left with this output; `next` None ends the machine or branch."""

    output: Payload
    next: str | None


@dataclass(frozen=True, slots=True)
class Failed:
    """The state failed.

    Attributes:
        error, cause: as in the history; either may be absent.
        event_id: the event that says so, which whatever happens next follows.
        also: a second name under which Retry and Catch find it (States.HeartbeatTimeout).
        final: nothing may retry or catch it, in no state around either (States.Runtime).
    """

    error: str | None
    cause: str | None
    event_id: int
    also: str | None = None
    final: bool = False


Outcome: TypeAlias = Done | Failed | Until | Attempt | Children | MapRun
