"""Token buckets as AWS has them, per account, region and group of operations; off unless an operator asks for them.

Source: reference of quotas, section 1.4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from services.api import errors
from services.runtime.settings import SettingError

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


_ACCOUNT: Final = re.compile(r"[0-9]{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Whose buckets are how large: names of tables, `off` for no buckets."""

    everybody: str = "off"
    accounts: Mapping[str, str] = field(default_factory=dict)

    def of(self, account: str) -> Mapping[str, tuple[int, int]] | None:
        """Capacity and refill by bucket; None while the account is not throttled."""
        return BUCKETS.get(self.accounts.get(account, self.everybody))


def read_sizes(text: str) -> Sizes:
    """Read `off`, `large` or `other` for everybody, and `ACCOUNT=` one of them for some, separated by commas.

    Raises:
        SettingError: not of that form.
    """
    everybody, accounts = "off", {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        account, separator, size = part.rpartition("=")
        if size not in ("off", *BUCKETS) or (separator and not _ACCOUNT.fullmatch(account)):
            raise SettingError(f"STEPWELL_THROTTLE: {part!r} must be off, large or other, or ACCOUNT= one of them")
        if separator:
            accounts[account] = size
        else:
            everybody = size
    return Sizes(everybody, accounts)


class Throttle:
    """Takes one token per admitted call; a full bucket holds `capacity`, `refill` tokens come back per second."""

    def __init__(self, sizes: Sizes, monotonic: Callable[[], float]) -> None:
        """`sizes` says who has which buckets."""
        self._sizes = sizes
        self._off = sizes == Sizes()
        self._monotonic = monotonic
        self._levels: dict[tuple[str, str, str], tuple[float, float]] = {}

    def take(self, account: str, region: str, bucket: str) -> None:
        """Spend a token.

        Raises:
            ApiError: ThrottlingException, the bucket is empty.
        """
        if self._off or (sizes := self._sizes.of(account)) is None or (size := sizes.get(bucket)) is None:
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
