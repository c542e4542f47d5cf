"""Keys are found by the operator's map alone; without an entry a call to AWS fails closed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.integrations.credentials import FrozenKeys, KeyHolder, RoleEntry, RoleMap, RoleMapError
from services.integrations.failures import ApiRefused, NoCredentials
from services.integrations.keyring import Keyring
from tests.unit.services.integrations.calls import task
from tests.unit.services.integrations.test_nested_executions import FixedClock

ORDERS = "arn:aws:iam::000000000000:role/orders"
PARTNER = "arn:aws:iam::999999999999:role/partner"
LOCAL = "http://127.0.0.1:4566"
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "AKIAWORKER", "AWS_SECRET_ACCESS_KEY": "worker-secret"}


class Sts:
    """Answers AssumeRole."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.refuse = False
        self.lifetime = timedelta(hours=1)

    async def __call__(self, keys: KeyHolder, region: str, parameters: dict[str, Any]) -> Mapping[str, Any]:
        self.asked.append((keys.get_frozen_credentials().access_key, parameters))
        if self.refuse:
            raise ApiRefused("AccessDenied", "no", 403, "r")
        now = datetime.fromtimestamp(FixedClock().now_ms() / 1000, UTC)
        return {
            "Credentials": {
                "AccessKeyId": f"ASIA{len(self.asked)}",
                "SecretAccessKey": "s",
                "SessionToken": "t",
                "Expiration": now + self.lifetime,
            }
        }


@pytest.fixture
def sts() -> Sts:
    return Sts()


def keyring(sts: Sts, environment: Mapping[str, str] = ENVIRONMENT, **entries: RoleEntry) -> Keyring:
    names = {"orders": ORDERS, "partner": PARTNER, "any": "arn:aws:iam::000000000000:role/*"}
    roles = RoleMap({names[name]: entry for name, entry in entries.items()})
    return Keyring(roles, environment, FixedClock(), sts)


def call(**changes: Any) -> Any:
    return task("arn:aws:states:::sqs:sendMessage", {}, **{"role_arn": ORDERS, **changes})


STATIC = RoleEntry(access_key_id="AKIAORDERS", secret_access_key="orders-secret")


async def test_static_keys_of_the_role_are_used(sts: Sts) -> None:
    keys = await keyring(sts, orders=STATIC).keys_for(call(), None, "X")
    assert keys.get_frozen_credentials() == FrozenKeys("AKIAORDERS", "orders-secret", None)


@pytest.mark.parametrize("endpoint", [None, "https://sqs.eu-west-1.amazonaws.com"])
async def test_an_unmapped_role_never_gets_the_workers_own_keys(sts: Sts, endpoint: str | None) -> None:
    with pytest.raises(NoCredentials) as refused:
        await keyring(sts).keys_for(call(), endpoint, "AWS_ENDPOINT_URL_SQS")
    assert str(refused.value) == (
        f"The principal states.amazonaws.com is not authorized to assume the provided role. (role: {ORDERS}) Stepwell "
        f'has no credentials for this role: add [roles."{ORDERS}"] to the role map, or set AWS_ENDPOINT_URL_SQS.'
    )


@pytest.mark.parametrize(("environment", "key"), [(ENVIRONMENT, "AKIAWORKER"), ({}, "000000000000")])
async def test_endpoints_other_than_aws_need_no_entry(sts: Sts, environment: Mapping[str, str], key: str) -> None:
    assert (await keyring(sts, environment).keys_for(call(), LOCAL, "X")).get_frozen_credentials().access_key == key


async def test_an_entry_wins_over_dummy_keys_and_the_exact_one_over_a_pattern(sts: Sts) -> None:
    other = RoleEntry(access_key_id="AKIAANY", secret_access_key="s")
    assert (
        await keyring(sts, orders=STATIC, any=other).keys_for(call(), LOCAL, "X")
    ).get_frozen_credentials().access_key == "AKIAORDERS"
    found = await keyring(sts, any=other).keys_for(call(role_arn=ORDERS + "2"), LOCAL, "X")
    assert found.get_frozen_credentials().access_key == "AKIAANY"


async def test_an_assumed_role_is_asked_for_once_until_it_expires(sts: Sts) -> None:
    entry = RoleEntry(assume_role=True, access_key_id="AKIABASE", secret_access_key="s", external_id="x")
    ring = keyring(sts, orders=entry)
    for _ in range(3):
        assert (await ring.keys_for(call(), None, "X")).get_frozen_credentials().access_key == "ASIA1"
    assert sts.asked == [("AKIABASE", {"RoleArn": ORDERS, "RoleSessionName": "stepwell", "ExternalId": "x"})]
    sts.lifetime = timedelta(seconds=30)
    short = keyring(sts, orders=entry)
    assert [(await short.keys_for(call(), None, "X")).get_frozen_credentials().access_key for _ in range(2)] == [
        "ASIA2",
        "ASIA3",
    ]


async def test_a_role_that_cannot_be_assumed_reads_as_in_aws(sts: Sts) -> None:
    sts.refuse = True
    entry = RoleEntry(assume_role=True, access_key_id="AKIABASE", secret_access_key="s")
    with pytest.raises(NoCredentials) as refused:
        await keyring(sts, orders=entry).keys_for(call(), None, "X")
    assert str(refused.value) == (
        "The principal states.amazonaws.com is not authorized to assume the provided role. (role: " + ORDERS + ")"
    )


async def test_a_state_names_another_role_only_through_its_machines_role(sts: Sts) -> None:
    named = call(credentials_role_arn=PARTNER)
    direct = RoleEntry(access_key_id="AKIAPARTNER", secret_access_key="s")
    assert (
        await keyring(sts, orders=STATIC, partner=direct).keys_for(named, None, "X")
    ).get_frozen_credentials().access_key == "ASIA1"
    assert sts.asked == [("AKIAORDERS", {"RoleArn": PARTNER, "RoleSessionName": "stepwell"})]
    with pytest.raises(NoCredentials):
        await keyring(sts, partner=direct).keys_for(named, LOCAL, "X")


async def test_an_entry_may_be_opened_to_a_machines_role(sts: Sts) -> None:
    opened = RoleEntry(access_key_id="AKIAPARTNER", secret_access_key="s", used_by=(ORDERS,))
    ring = keyring(sts, partner=opened)
    assert (
        await ring.keys_for(call(credentials_role_arn=PARTNER), None, "X")
    ).get_frozen_credentials().access_key == "AKIAPARTNER"
    with pytest.raises(NoCredentials):
        await ring.keys_for(call(credentials_role_arn=PARTNER, role_arn=ORDERS + "2"), None, "X")


async def test_stand_ins_see_the_account_of_the_role_that_the_state_names(sts: Sts) -> None:
    found = await keyring(sts).keys_for(call(credentials_role_arn=PARTNER), LOCAL, "X")
    assert found.get_frozen_credentials().access_key == "999999999999"


def test_a_role_map_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "roles.toml"
    file.write_text(f'[roles."{ORDERS}"]\naccess_key_id = "A"\nsecret_access_key = "b"\nused_by = ["{PARTNER}"]\n')
    found = RoleMap.of_file(file).find(ORDERS)
    assert found == (ORDERS, RoleEntry(access_key_id="A", secret_access_key="b", used_by=(PARTNER,)))
    assert "b" not in repr(found[1]).replace("RoleEntry", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[roles.a]\n", "needs exactly one of profile, ambient, access_key_id or assume_role"),
        ("[roles.a]\nprofile = 'x'\nambient = true\n", "needs exactly one of"),
        ("[roles.a]\naccess_key_id = 'x'\n", "access_key_id and secret_access_key together"),
        ("[roles.a]\nassume_role = true\n", "needs exactly one of source_profile, ambient or access_key_id"),
        ("[roles.a]\ntypo = 1\n", "unknown fields: typo"),
        ("[roles.a]\nprofile = 'x'\nused_by = 'y'\n", "used_by must be a list"),
        ("roles = 1\n", r"\[roles\] must be a table"),
        ("[", "roles.toml"),
    ],
)
def test_a_wrong_role_map_is_refused_with_the_place(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "roles.toml"
    file.write_text(text)
    with pytest.raises(RoleMapError, match=said):
        RoleMap.of_file(file)


def test_keys_are_never_shown() -> None:
    assert "secret" not in repr(KeyHolder(FrozenKeys("a", "secret"))) + repr(STATIC)
