"""AWS as seen by one task: finds the endpoint and the keys for a call, and sends its one request."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from services.integrations.aws_sender import ANSWER_BYTES_MAX, AwsAnswer, AwsSender, OwnApi
from services.integrations.clients import Clients
from services.integrations.credentials import FrozenKeys, KeyHolder, RoleMap
from services.integrations.endpoints import Endpoints
from services.integrations.failures import Unreachable
from services.integrations.interface import Call
from services.integrations.keyring import Keyring
from services.runtime.clock import Clock
from services.runtime.ids import uuid4

if TYPE_CHECKING:
    from botocore.model import OperationModel

STATES: Final = "stepfunctions"
_STATES_ID: Final = "SFN"
# Requests to our own API are not signed for anybody: the role goes along beside them.
_OWN_KEYS: Final = KeyHolder(FrozenKeys("stepwell", "stepwell"))


class Aws:
    """What the handlers share."""

    def __init__(
        self, environment: Mapping[str, str], roles: RoleMap, clock: Clock, own_api: OwnApi | None = None
    ) -> None:
        """Read `AWS_ENDPOINT_URL...` from the environment; see `Keyring` for its other use."""
        self.endpoints = Endpoints(environment)
        self._clients = Clients(self.endpoints)
        self._sender = AwsSender(self._clients, own_api)
        self._keyring = Keyring(roles, environment, clock, self._assume_role)
        self._own_api = own_api

    async def model(self, service: str, operation: str, region: str) -> OperationModel:
        """The model of an operation.

        Raises:
            Unreachable: botocore cannot load it.
        """
        return (await self._sender.client(service, region)).operation(operation)

    async def request(
        self,
        call: Call,
        service: str,
        operation: str,
        parameters: dict[str, Any],
        *,
        timeout_seconds: float | None = None,
        bytes_max: int = ANSWER_BYTES_MAX,
    ) -> AwsAnswer:
        """Send one request for a task.

        Args:
            timeout_seconds: how long an answer may take when the task itself has no deadline.

        Raises:
            NoCredentials, ApiRefused, Unreachable, TooLarge: as `Keyring.keys_for` and `AwsSender.send`.
        """
        seconds = call.timeout_seconds if call.timeout_seconds is not None else timeout_seconds
        if service == STATES and self._own_api is not None and self.endpoints.own(STATES, _STATES_ID) is None:
            role = call.credentials_role_arn or call.role_arn
            return await self._sender.send(
                service, operation, parameters, region=call.region, keys=_OWN_KEYS, own_api_role=role
            )
        keys = await self.keys_for(call, service)
        return await self._sender.send(
            service, operation, parameters, region=call.region, keys=keys, timeout_seconds=seconds, bytes_max=bytes_max
        )

    async def request_as(
        self,
        role_arn: str,
        account: str,
        region: str,
        service: str,
        operation: str,
        parameters: dict[str, Any],
        *,
        bytes_max: int = ANSWER_BYTES_MAX,
    ) -> AwsAnswer:
        """Send one request of our own, outside any task, on behalf of a state machine's role.

        Raises:
            NoCredentials, ApiRefused, Unreachable, TooLarge: as `request`.
        """
        client = await self._sender.client(service, region)
        endpoint, variable = self._endpoint_of(service, client.service_id)
        keys = await self._keyring.keys_of_role(role_arn, account, region, endpoint, variable)
        return await self._sender.send(service, operation, parameters, region=region, keys=keys, bytes_max=bytes_max)

    async def keys_for(self, call: Call, service: str, endpoint: str | None = None) -> KeyHolder:
        """The keys that sign a call to a service, or to an endpoint of its own.

        Raises:
            NoCredentials: see `Keyring.keys_for`.
        """
        client = await self._sender.client(service, call.region)
        chosen, variable = self._endpoint_of(service, client.service_id)
        return await self._keyring.keys_for(call, endpoint or chosen, variable)

    def _endpoint_of(self, service: str, service_id: str) -> tuple[str | None, str]:
        """The operator's endpoint for a service, and the variable that names one."""
        variable = f"AWS_ENDPOINT_URL_{service_id.upper().replace(' ', '_')}"
        return self.endpoints.of_service(service, service_id), variable

    async def close(self) -> None:
        """Close connections and end threads."""
        await self._sender.close()
        self._keyring.close()
        self._clients.close()

    async def _assume_role(self, keys: KeyHolder, region: str, parameters: dict[str, Any]) -> Mapping[str, Any]:
        answer = await self._sender.send("sts", "AssumeRole", parameters, region=region, keys=keys)
        if "Credentials" not in answer.parsed:
            raise Unreachable("sts:AssumeRole answered without credentials")
        return answer.parsed


def fill_idempotency_tokens(parameters: dict[str, Any], model: OperationModel, key: str) -> None:
    """Set the tokens that the caller left out, the same for a whole attempt, so that AWS itself sees a repeat."""
    for name in model.idempotent_members:
        if name not in parameters:
            parameters[name] = str(uuid_of(key))


def uuid_of(key: str) -> str:
    """A version 4 UUID that is the same for the same key."""
    return str(uuid4(sha256(key.encode("utf-8")).digest()[:16]))
