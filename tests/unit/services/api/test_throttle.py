"""Token buckets: capacity, refill, and nothing at all while they are off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest

from services.api.context import Context
from services.api.errors import ApiError, state_machine_does_not_exist
from services.api.operations.executions import throttled_target
from services.api.operations.table import OPERATIONS
from services.api.request import Request
from services.api.throttle import BUCKETS, Sizes, Throttle, read_sizes
from services.runtime.settings import SettingError

TWO = Sizes("large", {"111122223333": "off", "444455556666": "other"})


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def taken(throttle: Throttle, bucket: str, account: str = "1") -> int:
    """How many calls pass before one is refused."""
    count = 0
    while True:
        try:
            throttle.take(account, "r", bucket)
        except ApiError as error:
            assert (error.code, error.message, error.status) == ("ThrottlingException", "Rate exceeded", 400)
            return count
        count += 1


@pytest.mark.parametrize(
    ("sizes", "bucket", "capacity", "refill"),
    [("large", "StopExecution", 1000, 200), ("other", "StopExecution", 500, 25), ("other", "TestState", 50, 10)],
)
def test_a_bucket_empties_and_fills_again(sizes: str, bucket: str, capacity: int, refill: int) -> None:
    time = Time()
    throttle = Throttle(read_sizes(sizes), time)
    assert taken(throttle, bucket) == capacity
    time.now = 1.0
    assert taken(throttle, bucket) == refill
    time.now = 1e9
    assert taken(throttle, bucket) == capacity


def test_accounts_and_operations_have_buckets_of_their_own() -> None:
    throttle = Throttle(read_sizes("large"), Time())
    assert taken(throttle, "ListStateMachines", "1") == 100
    assert taken(throttle, "ListStateMachines", "2") == 100
    assert taken(throttle, "ListActivities", "1") == 100


def test_off_means_off() -> None:
    throttle = Throttle(read_sizes("off"), Time())
    for _ in range(10_000):
        throttle.take("1", "r", "CreateStateMachine")


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("", Sizes()),
        ("off", Sizes()),
        ("other", Sizes("other")),
        ("111122223333=large", Sizes("off", {"111122223333": "large"})),
        (
            "large, 111122223333=off,444455556666=other",
            Sizes("large", {"111122223333": "off", "444455556666": "other"}),
        ),
    ],
)
def test_some_accounts_may_be_throttled_otherwise_than_everybody(text: str, sizes: Sizes) -> None:
    assert read_sizes(text) == sizes


def test_an_account_that_is_named_has_its_own_buckets_and_others_none() -> None:
    throttle = Throttle(read_sizes("off,111122223333=other"), Time())
    assert taken(throttle, "ListExecutions", "111122223333") == 100
    for _ in range(1_000):
        throttle.take("444455556666", "r", "ListExecutions")


@pytest.mark.parametrize("text", ["huge", "111122223333", "1=large", "111122223333=", "=large", "large=111122223333"])
def test_a_setting_that_cannot_be_read_stops_the_start(text: str) -> None:
    with pytest.raises(SettingError, match="STEPWELL_THROTTLE"):
        read_sizes(text)


def test_every_operation_has_a_bucket_but_the_one_that_scales_on_demand() -> None:
    for buckets in BUCKETS.values():
        assert set(OPERATIONS) - set(buckets) == {"StartSyncExecution"}


@pytest.mark.parametrize("express", [True, False])
def test_a_start_takes_from_the_bucket_of_its_kind(express: bool) -> None:
    throttle = Throttle(read_sizes("large"), Time())
    context = context_with(throttle, lambda: SimpleNamespace(express=express))
    for _ in range(3):
        asyncio.run(throttled_target(context, START))
    left = {"StartExecution": 1300, "StartExecution:EXPRESS": 6000}
    left["StartExecution:EXPRESS" if express else "StartExecution"] -= 3
    assert {bucket: taken(throttle, bucket) for bucket in left} == left


def test_a_start_of_what_is_not_there_costs_a_token_too() -> None:
    throttle = Throttle(read_sizes("large"), Time())

    def unknown() -> SimpleNamespace:
        raise state_machine_does_not_exist("arn")

    context = context_with(throttle, unknown)
    for code in ["StateMachineDoesNotExist"] * 1300 + ["ThrottlingException"]:
        with pytest.raises(ApiError) as caught:
            asyncio.run(throttled_target(context, START))
        assert caught.value.code == code


START = Request("StartExecution", {"stateMachineArn": "arn"}, "1", "r")


def context_with(throttle: Throttle, target: Callable[[], SimpleNamespace]) -> Context:
    async def find(_: Request) -> SimpleNamespace:
        return target()

    return cast("Context", SimpleNamespace(throttle=throttle, targets=SimpleNamespace(find=find)))
