"""Cached botocore clients. They build and sign requests and read answers; sending is not theirs (aws_sender.py).

botocore and the model of a service are loaded on first use, in a thread, because a large model takes up to a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from services.integrations.credentials import SigningKeys
from services.integrations.endpoints import Endpoints
from services.integrations.models import loader, service_model

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.client import BaseClient
    from botocore.model import OperationModel
    from botocore.session import Session

_THREADS: Final = 4


class Prepared(BaseException):
    """Carries a signed request out of botocore at the moment of sending; no error, so nothing there may catch it."""

    def __init__(self, request: AWSPreparedRequest) -> None:
        """Keep the request."""
        self.request = request


@dataclass(frozen=True, slots=True)
class ServiceClient:
    """A client and what is derived from its model once.

    Attributes:
        operations: operation name to its model's name in the client (`ListBuckets` to `list_buckets`).
        error_shapes: error code on the wire to the name of the exception's shape.
        parser: botocore's reader of the service's protocol.
        signing: holds the keys while a request is built.
    """

    client: BaseClient
    parser: Any
    signing: SigningKeys
    service_id: str
    operations: Mapping[str, str]
    error_shapes: Mapping[str, str]

    def operation(self, name: str) -> OperationModel:
        """The model of an operation."""
        return self.client.meta.service_model.operation_model(name)


class Clients:
    """One client per service and region."""

    def __init__(self, endpoints: Endpoints) -> None:
        """Nothing is loaded yet."""
        self._endpoints = endpoints
        self._made: dict[tuple[str, str], asyncio.Future[ServiceClient]] = {}
        self._threads = ThreadPoolExecutor(_THREADS, "stepwell-clients")

    async def get(self, service: str, region: str) -> ServiceClient:
        """The client, made on first use. `service` is botocore's name."""
        key = (service, region)
        made = self._made.get(key)
        if made is None:
            loop = asyncio.get_running_loop()
            made = loop.run_in_executor(self._threads, self.make, service, region)
            self._made[key] = made
        try:
            return await asyncio.shield(made)
        except BaseException:
            if made.done() and (made.cancelled() or made.exception() is not None):
                self._made.pop(key, None)
            raise

    def close(self) -> None:
        """Forget the clients; they hold no connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._made.clear()

    def make(self, service: str, region: str) -> ServiceClient:
        """A client of its own; blocks while models are read."""
        signing = SigningKeys()
        session = _session(signing)
        model = service_model(service)
        endpoint = self._endpoints.of_service(service, str(model.service_id))
        client = _create(session, service, region, endpoint)
        from botocore import xform_name
        from botocore.parsers import create_parser

        return ServiceClient(
            client,
            create_parser(model.resolved_protocol),
            signing,
            str(model.service_id),
            {name: xform_name(name) for name in model.operation_names},
            {shape.error_code: shape.name for shape in model.error_shapes},
        )


def _session(signing: SigningKeys) -> Session:
    """A session that knows these keys and nothing of the machine's own."""
    from botocore.credentials import CredentialResolver
    from botocore.session import Session

    session = Session()
    session.register_component("data_loader", loader())
    session.register_component("credential_provider", CredentialResolver([_Provider(signing)]))
    return session


class _Provider:
    """Gives botocore the keys that are chosen for each call."""

    METHOD: Final = "stepwell"
    CANONICAL_NAME: Final = "stepwell"

    def __init__(self, signing: SigningKeys) -> None:
        self._signing = signing

    def load(self) -> Any:
        return self._signing


def _create(session: Session, service: str, region: str, endpoint: str | None) -> BaseClient:
    from botocore.config import Config
    from botocore.handlers import set_list_objects_encoding_type_url, validate_bucket_name

    config = Config(
        parameter_validation=False,
        retries={"total_max_attempts": 1, "mode": "standard"},
        ignore_configured_endpoint_urls=True,
        # Asking for checksums would add them to the results (recorded without).
        response_checksum_validation="when_required",
        s3={"addressing_style": "path"} if endpoint else {},
        user_agent="Stepwell",
    )
    client = session.create_client(service, region_name=region, endpoint_url=endpoint, config=config)
    client.meta.events.register_last("before-send", _hand_over)
    for operation in ("ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads"):
        client.meta.events.unregister(f"before-parameter-build.s3.{operation}", set_list_objects_encoding_type_url)
    # What is no name of a bucket is S3's to say, in its own words.
    client.meta.events.unregister("before-parameter-build.s3", validate_bucket_name)
    return client


def _hand_over(request: AWSPreparedRequest, **_: Any) -> None:
    raise Prepared(request)
