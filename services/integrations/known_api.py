"""What integrations can do, for checking definitions: whether an action exists, and what its parameters must be.

Models are read once for each service and thrown away again: only names and types stay, so that definitions which name
many services fill nobody's memory. Reading blocks for a moment, a second for the largest service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from engine.asl.model import Pattern
from services.integrations.aws_sdk import is_refused, streams_events
from services.integrations.java_names import action_name
from services.integrations.known_parameters import unsupported
from services.integrations.models import known_services
from services.integrations.outlines import Outline, flat, input_outline, passing_model
from services.integrations.sdk_services import SDK_SERVICES
from services.integrations.shapes import OPTIMISED, SDK, Dialect, missing_members

_SDK: Final = "aws-sdk:"


@dataclass(frozen=True, slots=True)
class ActionParameters:
    """What is known of the parameters of one action.

    Attributes:
        required: members that a definition must give.
        outline: makes the outline of all members; None where they are the integration's own.
        refused_for_sync: members that the service fills in for `.sync`.
    """

    required: tuple[str, ...]
    outline: Callable[[], Outline | None]
    dialect: Dialect
    refused_for_sync: tuple[str, ...] = ()

    def unsupported(self, parameters: Mapping[str, Any], pattern: Pattern, *, paths: bool) -> list[str]:
        """The members that a definition writes and that cannot be used, each once.

        Args:
            paths: keys may end in `.$`; what those are called is seen when the task runs.
        """
        found = list(unsupported(parameters, self.outline(), self.dialect, paths=paths))
        if pattern == "sync":
            found += [name for name in self.refused_for_sync if name in parameters or f"{name}.$" in parameters]
        return list(dict.fromkeys(found))


def known_api(service: str, action: str) -> ActionParameters | None:
    """What is known of an action of `aws-sdk:<service>` or of an optimised service; None if nothing is.

    For the SDK that means that Step Functions cannot call it.
    """
    return _of_sdk(service.removeprefix(_SDK), action) if service.startswith(_SDK) else _optimised(service, action)


def _of_sdk(service: str, action: str) -> ActionParameters | None:
    found = SDK_SERVICES.get(service)
    if found is None or is_refused(service, action):
        return None
    known = _actions(found.botocore).get(action)
    if known is None:
        return None
    operation, required = known
    return ActionParameters(required, lambda: input_outline(found.botocore, operation), SDK)


@lru_cache(maxsize=512)
def _actions(botocore_name: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Action to operation and required members."""
    if botocore_name not in known_services():
        return {}
    model = passing_model(botocore_name)
    found = {}
    for name in model.operation_names:
        if not streams_events(model, name):
            shape = model.operation_model(name).input_shape
            required = () if shape is None else tuple(missing_members({}, shape, SDK))
            found[action_name(name)] = (name, required)
    return found


@lru_cache(maxsize=512)
def _optimised(service: str, action: str) -> ActionParameters | None:
    from services.integrations.catalogue import optimised_required
    from services.integrations.registry import TABLE

    row = TABLE.get(service)
    if row is None or action not in row.actions:
        return None
    required = tuple(optimised_required(service, action))
    own = _own_parameters(service, action)
    if own is not None or row.service is None or action not in row.service.actions:
        return ActionParameters(required, lambda: own, OPTIMISED)
    entry, botocore = row.service.actions[action], row.service.botocore
    return ActionParameters(
        required,
        lambda: None if entry.own_members else input_outline(botocore, entry.operation),
        OPTIMISED,
        refused_for_sync=entry.sync_only_own,
    )


def _own_parameters(service: str, action: str) -> Outline | None:
    """The members of integrations that are no table of an API."""
    from services.integrations import apigateway, http_task, kubernetes, nested_executions

    match service, action:
        case "apigateway", "invoke":
            return flat(apigateway.PARAMETERS)
        case "eks", "call" | "runJob":
            return flat(kubernetes.PARAMETERS[action])
        case "http", "invoke":
            return flat(http_task.PARAMETERS)
        case "lambda", "invoke":
            return input_outline("lambda", "Invoke")
        case "states", "startExecution":
            return flat(nested_executions.PARAMETERS)
    return None
