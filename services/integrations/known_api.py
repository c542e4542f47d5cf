"""What the AWS SDK can do, for checking definitions: whether an action exists, and which parameters it requires.

The models are read once for each service and thrown away again: only names stay, so that definitions which name many
services fill nobody's memory. Reading blocks for a moment, a second for the largest service.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from services.integrations.aws_sdk import is_refused, streams_events
from services.integrations.java_names import action_name
from services.integrations.sdk_services import SDK_SERVICES
from services.integrations.shapes import SDK, missing_members

if TYPE_CHECKING:
    from botocore.model import ServiceModel


def known_api(service: str, action: str) -> tuple[str, ...] | None:
    """Top-level parameters that `aws-sdk:SERVICE:ACTION` requires; None if Step Functions cannot call it."""
    found = SDK_SERVICES.get(service)
    if found is None or is_refused(service, action):
        return None
    return _required(found.botocore).get(action)


@lru_cache(maxsize=512)
def _required(botocore_name: str) -> dict[str, tuple[str, ...]]:
    model = _model(botocore_name)
    found = {}
    for name in model.operation_names:
        if not streams_events(model, name):
            shape = model.operation_model(name).input_shape
            found[action_name(name)] = () if shape is None else tuple(missing_members({}, shape, SDK))
    return found


def _model(name: str) -> ServiceModel:
    from botocore.loaders import create_loader
    from botocore.model import ServiceModel

    return ServiceModel(create_loader().load_service_model(name, "service-2", None), service_name=name)
