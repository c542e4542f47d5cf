"""botocore's service models, each loaded once per process. Loading blocks, up to a second for the largest."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.model import ServiceModel


@lru_cache(maxsize=1)
def loader() -> Any:
    """botocore's reader of model files, which keeps what it has read."""
    from botocore.session import Session

    return Session().get_component("data_loader")


@lru_cache(maxsize=1)
def known_services() -> frozenset[str]:
    """The services that the installed botocore has models of: an older one has fewer."""
    return frozenset(loader().list_available_services("service-2"))


@lru_cache(maxsize=512)
def service_model(name: str) -> ServiceModel:
    """The model of a service by botocore's name."""
    from botocore.model import ServiceModel

    return ServiceModel(loader().load_service_model(name, "service-2", None), service_name=name)
