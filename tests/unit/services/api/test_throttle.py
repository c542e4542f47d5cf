"""Token buckets: capacity, refill, and nothing at all while they are off."""

from __future__ import annotations

import pytest

from services.api.errors import ApiError
from services.api.operations.table import OPERATIONS
from services.api.throttle import BUCKETS, Throttle


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
    throttle = Throttle(sizes, time)  # type: ignore[arg-type]
    assert taken(throttle, bucket) == capacity
    time.now = 1.0
    assert taken(throttle, bucket) == refill
    time.now = 1e9
    assert taken(throttle, bucket) == capacity


def test_accounts_and_operations_have_buckets_of_their_own() -> None:
    throttle = Throttle("large", Time())
    assert taken(throttle, "ListStateMachines", "1") == 100
    assert taken(throttle, "ListStateMachines", "2") == 100
    assert taken(throttle, "ListActivities", "1") == 100


def test_off_means_off() -> None:
    throttle = Throttle("off", Time())
    for _ in range(10_000):
        throttle.take("1", "r", "CreateStateMachine")


def test_every_operation_has_a_bucket_but_the_one_that_scales_on_demand() -> None:
    for buckets in BUCKETS.values():
        assert set(OPERATIONS) - set(buckets) == {"StartSyncExecution"}
