"""Token buckets as AWS has them, per account, region and group of operations; off unless an operator asks for them.

Source: reference of quotas, section 1.4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from services.api import errors

BUCKETS_MAX: Final = 100_000

_EVERYWHERE: Final[dict[str, tuple[int, int]]] = {
    **dict.fromkeys(
        (
            "CreateActivity", "CreateStateMachine", "CreateStateMachineAlias", "DeleteActivity", "DeleteStateMachine",
            "DeleteStateMachineAlias", "DeleteStateMachineVersion", "ListMapRuns", "ListStateMachineAliases",
            "ListStateMachineVersions", "ListTagsForResource", "PublishStateMachineVersion", "UpdateMapRun",
            "UpdateStateMachine", "UpdateStateMachineAlias", "ValidateStateMachineDefinition",
        ),
        (100, 1),
    ),
    **dict.fromkeys(("DescribeActivity", "DescribeStateMachine"), (200, 20)),
    **dict.fromkeys(
        (
            "DescribeMapRun", "DescribeStateMachineAlias", "DescribeStateMachineForExecution", "TagResource",
            "UntagResource",
        ),
        (200, 1),
    ),
    "DescribeExecution": (300, 50),
    "GetExecutionHistory": (400, 20),
    "ListStateMachines": (100, 5),
    "RedriveExecution": (800, 150),
    "TestState": (50, 10),
    "StartExecution:EXPRESS": (6000, 6000),
}  # fmt: skip
_TASKS: Final = ("GetActivityTask", "SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat")
BUCKETS: Final[dict[str, dict[str, tuple[int, int]]]] = {
    "large": {
        **_EVERYWHERE,
        **dict.fromkeys(_TASKS, (3000, 500)),
        "StartExecution": (1300, 300),
        "ListActivities": (100, 10),
        "ListExecutions": (200, 5),
        "StopExecution": (1000, 200),
    },
    "other": {
        **_EVERYWHERE,
        **dict.fromkeys(_TASKS, (1500, 300)),
        "StartExecution": (800, 150),
        "ListActivities": (100, 5),
        "ListExecutions": (100, 2),
        "StopExecution": (500, 25),
    },
}


class Throttle:
    """Takes one token per admitted call; a full bucket holds `capacity`, `refill` tokens come back per second."""

    def __init__(self, sizes: Literal["off", "large", "other"], monotonic: Callable[[], float]) -> None:
        """`sizes` picks the table."""
        self._sizes = BUCKETS.get(sizes)
        self._monotonic = monotonic
        self._levels: dict[tuple[str, str, str], tuple[float, float]] = {}

    def take(self, account: str, region: str, bucket: str) -> None:
        """Spend a token.

        Raises:
            ApiError: ThrottlingException, the bucket is empty.
        """
        if self._sizes is None or (size := self._sizes.get(bucket)) is None:
            return
        capacity, refill = size
        now = self._monotonic()
        key = (account, region, bucket)
        level, at = self._levels.get(key, (float(capacity), now))
        level = min(capacity, level + (now - at) * refill)
        if level < 1:
            raise errors.throttled()
        if len(self._levels) >= BUCKETS_MAX and key not in self._levels:
            self._levels.clear()
        self._levels[key] = (level - 1, now)
