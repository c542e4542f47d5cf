"""Where the logs of executions go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What an operator may decide about the logs of executions; what is logged is up to each state machine.

    Attributes:
        execution_log: `stdout` or a file that JSON lines are appended to, beside CloudWatch Logs; empty for neither.
        cloudwatch_logs: `auto` writes to the log groups of loggingConfiguration when `AWS_ENDPOINT_URL` or
            `AWS_ENDPOINT_URL_LOGS` names an endpoint; `on` always, which needs keys for the machines' roles;
            `off` never.
    """

    execution_log: str = ""
    cloudwatch_logs: Literal["auto", "on", "off"] = "auto"
