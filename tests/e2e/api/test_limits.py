"""Quotas that AWS documents, at the limit and one beyond it; some are lowered so that a test can reach them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from services.api.operations import aliases, versions
from tests.e2e.api.conftest import PASS, ROLE
from tests.fixtures.refusals import code_of


@pytest.fixture
def unchecked(server: Any, sfn: Any, machine: Callable[..., str]) -> Any:
    """A client that sends whatever it is told to, for the account of `machine`."""
    account = machine(PASS).split(":")[4]
    return server.client(key=account, parameter_validation=False)


def definition_of(size: int) -> str:
    """A valid definition of exactly so many characters."""
    bare = json.dumps({"Comment": "", "StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
    return bare.replace('""', '"' + "x" * (size - len(bare)) + '"', 1)


@pytest.mark.parametrize(("size", "code"), [(1_048_576, ""), (1_048_577, "ValidationException")])
def test_a_definition_has_a_mebibyte_at_most(unchecked: Any, size: int, code: str) -> None:
    definition = definition_of(size)
    assert len(definition) == size
    assert code_of(unchecked.create_state_machine, name="long", definition=definition, roleArn=ROLE) == code
    assert code_of(unchecked.validate_state_machine_definition, definition=definition) == code


@pytest.mark.parametrize(("characters", "code"), [(80, ""), (81, "ValidationException")])
def test_a_name_has_eighty_characters_at_most(
    unchecked: Any, machine: Callable[..., str], characters: int, code: str
) -> None:
    name = "n" * characters
    assert code_of(unchecked.create_state_machine, name=name, definition=PASS, roleArn=ROLE) == code
    assert code_of(unchecked.create_activity, name=name) == code
    assert code_of(unchecked.start_execution, stateMachineArn=machine(PASS), name=name) == code


@pytest.mark.parametrize(
    ("size", "letter", "code"),
    [(262_144, "x", ""), (262_145, "x", "ValidationException"), (262_146, "\u00e9", "InvalidExecutionInput")],
)
def test_an_input_has_256_kib_at_most(
    unchecked: Any, machine: Callable[..., str], size: int, letter: str, code: str
) -> None:
    """The model counts characters, the quota bytes."""
    text = '"' + letter * ((size - 2) // len(letter.encode())) + '"'
    assert len(text.encode()) == size
    assert code_of(unchecked.start_execution, stateMachineArn=machine(PASS), input=text) == code


def tags(number: int) -> list[dict[str, str]]:
    return [{"key": str(each), "value": ""} for each in range(number)]


@pytest.mark.parametrize(("number", "code"), [(50, ""), (51, "TooManyTags")])
def test_a_resource_has_fifty_tags_at_most(unchecked: Any, number: int, code: str) -> None:
    given = {"name": f"tagged-{number}", "tags": tags(number)}
    assert code_of(unchecked.create_state_machine, definition=PASS, roleArn=ROLE, **given) == code
    assert code_of(unchecked.create_activity, **given) == code


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [(128, 256, ""), (129, 0, "ValidationException"), (1, 257, "ValidationException")],
)
def test_a_tag_has_128_and_256_characters_at_most(unchecked: Any, key: int, value: int, code: str) -> None:
    given = [{"key": "k" * key, "value": "v" * value}]
    assert code_of(unchecked.create_activity, name=f"tagged-{key}-{value}", tags=given) == code


def test_a_machine_has_a_thousand_versions_at_most(
    sfn: Any, machine: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert versions.VERSIONS_MAX == 1_000
    monkeypatch.setattr(versions, "VERSIONS_MAX", 3)
    arn = machine(PASS)

    def published(number: int) -> str:
        sfn.update_state_machine(stateMachineArn=arn, definition=PASS + " " * number)
        return code_of(sfn.publish_state_machine_version, stateMachineArn=arn)

    assert [published(number) for number in range(1, 5)] == ["", "", "", "ServiceQuotaExceededException"]
    sfn.delete_state_machine_version(stateMachineVersionArn=f"{arn}:1")
    assert published(5) == ""
    assert code_of(sfn.publish_state_machine_version, stateMachineArn=arn) == ""  # the same revision is no new version


def test_a_machine_has_a_hundred_aliases_at_most(
    sfn: Any, machine: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert aliases.ALIASES_MAX == 100
    monkeypatch.setattr(aliases, "ALIASES_MAX", 3)
    version = sfn.publish_state_machine_version(stateMachineArn=machine(PASS))["stateMachineVersionArn"]
    route = [{"stateMachineVersionArn": version, "weight": 100}]

    def created(name: str) -> str:
        return code_of(sfn.create_state_machine_alias, name=name, routingConfiguration=route)

    assert [created(name) for name in ("a", "b", "c", "d")] == ["", "", "", "ServiceQuotaExceededException"]
    assert created("c") == ""  # it is there


def test_a_start_takes_a_token_from_the_bucket_of_its_type_also_when_it_is_refused(
    server: Any, sfn: Any, machine: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []

    class Throttle:
        def take(self, account: str, region: str, bucket: str) -> None:
            taken.append(bucket)

    standard, express = machine(PASS), machine(PASS, type="EXPRESS")
    monkeypatch.setattr(server.api, "context", replace(server.api.context, throttle=Throttle()))
    for arn, name in (
        (standard, "once"),
        (standard, "once"),
        (express, "e"),
        (standard + "-gone", "x"),
        ("nothing", "x"),
    ):
        code_of(sfn.start_execution, stateMachineArn=arn, name=name)
    code_of(sfn.start_execution, stateMachineArn=standard, input="no json")
    buckets = ["StartExecution", "StartExecution:EXPRESS"]
    assert taken == [buckets[0], buckets[0], buckets[1], buckets[0], buckets[0], buckets[0]]
