"""Puts the integrations of a process together from its environment and what the process hands in."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path

from services.integrations.address_check import AddressPolicy, read_policy
from services.integrations.aws_sender import OwnApi
from services.integrations.connections import Connections, ConnectionStore
from services.integrations.credentials import RoleMap, RoleMapError
from services.integrations.functions.functions import Functions
from services.integrations.interface import Integrations
from services.integrations.mocks import MOCK_VARIABLE, MockFileError, open_mocks
from services.integrations.nested_executions import NestedExecutions, NoNestedExecutions
from services.integrations.registry import World, WorldIntegrations
from services.integrations.sealing import KEY_BYTES, Sealer
from services.integrations.settings import IntegrationSettings
from services.runtime.clock import Clock
from services.runtime.ids import Ids
from services.runtime.settings import SettingError, read_settings


def make_integrations(
    environment: Mapping[str, str],
    *,
    clock: Clock,
    ids: Ids,
    functions: Functions | None = None,
    executions: NestedExecutions | None = None,
    own_api: OwnApi | None = None,
    connection_store: ConnectionStore | None = None,
) -> Integrations:
    """The integrations of a process, with mocks in front where a mock file is named.

    Raises:
        SettingError: a file or a network cannot be read.
    """
    settings = read_settings(IntegrationSettings, environment)
    world = WorldIntegrations(
        World(
            clock=clock,
            ids=ids,
            environment=environment,
            roles=_roles(settings),
            executions=executions or NoNestedExecutions(),
            own_api=own_api,
            functions=functions,
            connections=make_connections(settings, connection_store, clock, ids),
            policy=_policy(settings),
        )
    )
    try:
        return open_mocks(environment, world) or world
    except MockFileError as error:
        raise SettingError(f"{MOCK_VARIABLE}={error}") from None


def make_connections(
    settings: IntegrationSettings, store: ConnectionStore | None, clock: Clock, ids: Ids
) -> Connections | None:
    """The connections of HTTP tasks; None without a store or a master key.

    Raises:
        SettingError: the key file cannot be read.
    """
    if store is None or not settings.master_key_file:
        return None
    return Connections(store, Sealer(_master_keys(settings.master_key_file), ids), clock, ids)


def _roles(settings: IntegrationSettings) -> RoleMap:
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


def _master_keys(path: str) -> list[bytes]:
    try:
        keys = [base64.b64decode(line, validate=True) for line in Path(path).read_text("ascii").split()]
    except (OSError, UnicodeDecodeError, binascii.Error) as error:
        raise SettingError(f"STEPWELL_MASTER_KEY_FILE={path}: {error}") from None
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise SettingError(f"STEPWELL_MASTER_KEY_FILE={path}: each line must be {KEY_BYTES} bytes in base64")
    return keys
