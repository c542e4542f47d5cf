"""The integrations of a process follow from its environment; what is wrong there stops the start."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from services.integrations.assembly import make_connections, make_integrations
from services.integrations.interface import Failed
from services.integrations.mocks import MockedIntegrations
from services.integrations.registry import WorldIntegrations
from services.integrations.settings import IntegrationSettings
from services.runtime.clock import SystemClock
from services.runtime.ids import SystemIds
from services.runtime.settings import SettingError
from tests.unit.services.integrations.calls import task


def made(**environment: str) -> Any:
    return make_integrations(environment, clock=SystemClock(), ids=SystemIds())


async def test_an_empty_environment_reaches_nothing_of_aws() -> None:
    integrations = made()
    assert isinstance(integrations, WorldIntegrations)
    failed = await integrations.call(task("arn:aws:states:::sns:publish", {"TopicArn": "t", "Message": "m"}))
    assert isinstance(failed, Failed) and "no credentials for this role" in failed.cause
    await integrations.close()


def test_a_mock_file_goes_in_front(tmp_path: Path) -> None:
    file = tmp_path / "mocks.json"
    file.write_text('{"StateMachines":{},"MockedResponses":{}}')
    assert isinstance(made(SFN_MOCK_CONFIG=str(file)), MockedIntegrations)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SFN_MOCK_CONFIG", "/nowhere/mocks.json", "SFN_MOCK_CONFIG=/nowhere/mocks.json"),
        ("STEPWELL_ROLES_FILE", "/nowhere/roles.toml", "STEPWELL_ROLES_FILE=/nowhere/roles.toml"),
        ("STEPWELL_HTTP_ALLOW", "10.0.0.0/8,nonsense", "STEPWELL_HTTP_ALLOW=.*nonsense"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        made(**{name: value})


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
