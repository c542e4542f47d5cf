"""The integrations of a process follow from its environment; what is wrong there stops the start."""

from __future__ import annotations

import base64
import stat
from pathlib import Path
from typing import Any

import pytest

from services.integrations.assembly import Permissions, make_connections, make_integrations, read_permissions
from services.integrations.interface import Failed
from services.integrations.sealing import key_file_in, make_master_key, read_master_keys
from services.integrations.settings import IntegrationSettings
from services.runtime.clock import SystemClock
from services.runtime.ids import SystemIds
from services.runtime.settings import SettingError
from tests.unit.services.integrations.calls import task


def permissions(**environment: str) -> Permissions:
    return read_permissions(environment, SystemClock(), SystemIds())


async def test_an_empty_environment_reaches_nothing_of_aws() -> None:
    integrations = make_integrations({}, permissions(), clock=SystemClock(), ids=SystemIds())
    failed = await integrations.call(task("arn:aws:states:::sns:publish", {"TopicArn": "t", "Message": "m"}))
    assert isinstance(failed, Failed) and "no credentials for this role" in failed.cause
    await integrations.close()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("STEPWELL_ROLES_FILE", "/nowhere/roles.toml", "STEPWELL_ROLES_FILE=/nowhere/roles.toml"),
        ("STEPWELL_HTTP_ALLOW", "10.0.0.0/8,nonsense", "STEPWELL_HTTP_ALLOW=.*nonsense"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        permissions(**{name: value})


def test_connections_need_a_store_and_a_key(tmp_path: Path) -> None:
    store: Any = object()
    file = tmp_path / "key"
    settings = IntegrationSettings(master_key_file=str(file))
    assert make_connections(IntegrationSettings(), store, SystemClock(), SystemIds()) is None
    assert make_connections(settings, None, SystemClock(), SystemIds()) is None
    file.write_text(base64.b64encode(b"k" * 32).decode() + "\n")
    assert make_connections(settings, store, SystemClock(), SystemIds()) is not None
    file.write_text(base64.b64encode(b"short").decode())
    with pytest.raises(SettingError, match="32 bytes"):
        make_connections(settings, store, SystemClock(), SystemIds())


def test_a_master_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = key_file_in(tmp_path)
    make_master_key(file, SystemIds())
    (key,) = read_master_keys(file)
    make_master_key(file, SystemIds())
    assert read_master_keys(file) == [key]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
