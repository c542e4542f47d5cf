"""Puts the integrations of a process together from its environment and what the process hands in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from services.integrations.address_check import AddressPolicy, read_policy
from services.integrations.connections import Connections, ConnectionStore
from services.integrations.credentials import RoleMap, RoleMapError
from services.integrations.sealing import MASTER_KEY_VARIABLE, MasterKeyError, Sealer, read_master_keys
from services.integrations.settings import IntegrationSettings
from services.runtime.clock import Clock
from services.runtime.ids import Ids
from services.runtime.settings import SettingError, read_settings

if TYPE_CHECKING:
    from services.integrations.aws_sender import OwnApi
    from services.integrations.functions.functions import Functions
    from services.integrations.nested_executions import NestedExecutions
    from services.integrations.registry import WorldIntegrations


@dataclass(frozen=True, slots=True)
class Permissions:
    """What the operator lets tasks do.

    Attributes:
        roles: which keys sign whose calls.
        policy: what HTTP tasks may call beside public addresses.
        connections: of HTTP tasks; None without a store or a master key.
    """

    roles: RoleMap
    policy: AddressPolicy
    connections: Connections | None


def read_permissions(
    environment: Mapping[str, str], clock: Clock, ids: Ids, connection_store: ConnectionStore | None = None
) -> Permissions:
    """Read the operator's files; quick, so that a mistake stops the start.

    Raises:
        SettingError: a file or a network cannot be read.
    """
    settings = read_settings(IntegrationSettings, environment)
    connections = make_connections(settings, connection_store, clock, ids)
    return Permissions(read_roles(settings), _policy(settings), connections)


def make_integrations(
    environment: Mapping[str, str],
    permissions: Permissions,
    *,
    clock: Clock,
    ids: Ids,
    functions: Functions | None = None,
    executions: NestedExecutions | None = None,
    own_api: OwnApi | None = None,
) -> WorldIntegrations:
    """The integrations of a process; mocks, if any, go in front (`mocks.open_mocks`)."""
    from services.integrations.nested_executions import NoNestedExecutions
    from services.integrations.registry import World, WorldIntegrations

    return WorldIntegrations(
        World(
            clock=clock,
            ids=ids,
            environment=environment,
            roles=permissions.roles,
            executions=executions or NoNestedExecutions(),
            own_api=own_api,
            functions=functions,
            connections=permissions.connections,
            policy=permissions.policy,
        )
    )


def make_connections(
    settings: IntegrationSettings, store: ConnectionStore | None, clock: Clock, ids: Ids
) -> Connections | None:
    """The connections of HTTP tasks; None without a store or a master key.

    Raises:
        SettingError: the key file cannot be read.
    """
    if store is None or not settings.master_key_file:
        return None
    try:
        keys = read_master_keys(Path(settings.master_key_file))
    except MasterKeyError as error:
        raise SettingError(f"{MASTER_KEY_VARIABLE}={error}") from None
    return Connections(store, Sealer(keys, ids), clock, ids)


def read_roles(settings: IntegrationSettings) -> RoleMap:
    """The operator's role map.

    Raises:
        SettingError: its file cannot be read.
    """
    if not settings.roles_file:
        return RoleMap()
    try:
        return RoleMap.of_file(Path(settings.roles_file))
    except RoleMapError as error:
        raise SettingError(f"STEPWELL_ROLES_FILE={error}") from None


def _policy(settings: IntegrationSettings) -> AddressPolicy:
    try:
        return read_policy(settings.http_allow.split(","), plain_http=settings.http_plain)
    except ValueError as error:
        raise SettingError(f"STEPWELL_HTTP_ALLOW={settings.http_allow}: {error}") from None
