"""StateError: the failure that a workflow sees, by AWS's error name; Retry and Catch look at nothing else."""

from __future__ import annotations

from typing import Final

from engine.limits import CAUSE_CHARACTERS_MAX

STATES_ALL: Final = "States.ALL"
TASK_FAILED: Final = "States.TaskFailed"
TIMEOUT: Final = "States.Timeout"
HEARTBEAT_TIMEOUT: Final = "States.HeartbeatTimeout"
RUNTIME: Final = "States.Runtime"
DATA_LIMIT_EXCEEDED: Final = "States.DataLimitExceeded"
QUERY_EVALUATION_ERROR: Final = "States.QueryEvaluationError"
REFERENCE_PATH_CONFLICT: Final = "States.ReferencePathConflict"


class StateError(Exception):
    """A state failed with an AWS error name.

    Attributes:
        error: the name that Retry and Catch match; None only after a SendTaskFailure without one.
        cause: AWS's cause text without the prefix that names the state, which the engine adds; None when absent.
        location: where a JSONata expression stands (`Output/v`, `Choices[1]/Condition`), for EvaluationFailed.
    """

    def __init__(self, error: str | None, cause: str | None = None, location: str | None = None) -> None:
        """Keep the three; the message is the cause."""
        super().__init__(cause)
        self.error = error
        self.cause = cause
        self.location = location


def runtime_error(cause: str) -> StateError:
    """States.Runtime: never retried, never caught."""
    return StateError(RUNTIME, cause)


def evaluation_error(cause: str, location: str | None) -> StateError:
    """States.QueryEvaluationError of a JSONata field; `location` is None where AWS gives none."""
    return StateError(QUERY_EVALUATION_ERROR, cause, location)


def shown_cause(cause: str | None) -> str | None:
    """A cause as histories and catchers show it: what is longer than the API's limit is cut off."""
    return cause if cause is None or len(cause) <= CAUSE_CHARACTERS_MAX else cause[:CAUSE_CHARACTERS_MAX]
