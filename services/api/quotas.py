"""How much one account may have in a region: open executions, state machines, activities. No limit unless asked for.

Open executions are counted by the store now and then, and by this process in between, so that a start does not wait
for a count; with several API processes an account can get a little over its limit, never below it.

Source: reference of quotas, section 1.1.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from engine.limits import ACTIVITIES_MAX, OPEN_EXECUTIONS_MAX, STATE_MACHINES_MAX
from services.api import errors
from services.api.settings import ApiSettings
from services.api.single_flight import SingleFlight
from services.api.throttle import read_sizes
from services.runtime.clock import Clock
from services.store.interface import ApiStore

COUNT_SECONDS: Final = 10.0
"""How long a count is believed while there is room."""
FULL_SECONDS: Final = 1.0
"""And while there is none: what has ended meanwhile makes room."""
COUNT_SHARE: Final = 0.02
"""No more than this part of the time goes into counting one account."""
KNOWN_MAX: Final = 10_000


@dataclass(slots=True)
class _Open:
    """A count, what this process has let in since, and when the next count is due."""

    counted: int
    next_count: float
    since: int = 0

    @property
    def known(self) -> int:
        return self.counted + self.since


class Quotas:
    """Asked before something is made that counts."""

    def __init__(self, store: ApiStore, clock: Clock, settings: ApiSettings) -> None:
        """Nothing is counted yet; AWS's own numbers hold for the accounts that have its token buckets."""
        self._store = store
        self._clock = clock
        self._settings = settings
        self._throttled = read_sizes(settings.throttle)
        self._open: dict[tuple[str, str], _Open] = {}
        self._counting: SingleFlight[tuple[str, str], _Open] = SingleFlight()
        self._behind: set[asyncio.Task[_Open]] = set()

    async def take_execution(self, account: str, region: str) -> None:
        """Let one more execution run.

        Raises:
            ApiError: ExecutionLimitExceeded.
        """
        most = self._most(self._settings.open_executions_max, OPEN_EXECUTIONS_MAX, account)
        if not most:
            return
        key = (account, region)
        open_ = self._open.get(key)
        late = open_ is None or self._clock.monotonic() >= open_.next_count
        if open_ is None or (late and open_.known >= most):
            open_ = await self._counting.ask(key, lambda: self._count(key, most))
        elif late:
            self._count_behind(key, most)
        if open_.known >= most:
            raise errors.execution_limit_exceeded()
        open_.since += 1

    async def check_machines(self, account: str, region: str, name: str) -> None:
        """Whether a state machine of that name may be made, or is there already.

        Raises:
            ApiError: StateMachineLimitExceeded.
        """
        most = self._most(self._settings.state_machines_max, STATE_MACHINES_MAX, account)
        if not most or await self._store.count_machines(account, region, most) < most:
            return
        if await self._store.machine_by_name(account, region, name) is None:
            raise errors.state_machine_limit_exceeded()

    async def check_activities(self, account: str, region: str, name: str) -> None:
        """Whether an activity of that name may be made, or is there already.

        Raises:
            ApiError: ActivityLimitExceeded.
        """
        most = self._most(self._settings.activities_max, ACTIVITIES_MAX, account)
        if not most or await self._store.count_activities(account, region, most) < most:
            return
        if await self._store.activity_by_name(account, region, name) is None:
            raise errors.activity_limit_exceeded()

    def _most(self, own: int, of_aws: int, account: str) -> int:
        """The limit of the account, 0 for none."""
        return own or (of_aws if self._throttled.of(account) is not None else 0)

    def _count_behind(self, key: tuple[str, str], most: int) -> None:
        """Count while the callers go on with what is known."""
        if not self._behind:
            task = asyncio.create_task(self._counting.ask(key, lambda: self._count(key, most)), name="count executions")
            self._behind.add(task)
            task.add_done_callback(self._counted_behind)

    def _counted_behind(self, task: asyncio.Task[_Open]) -> None:
        self._behind.discard(task)
        if not task.cancelled():
            task.exception()  # a store that is away is told by the starts themselves

    async def _count(self, key: tuple[str, str], most: int) -> _Open:
        former = self._open.get(key)
        before = former.since if former is not None else 0
        begun = self._clock.monotonic()
        counted = await self._store.count_open_executions(*key, most)
        now = self._clock.monotonic()
        # What was let in while the store counted may be in the count or not: it is counted once more, not forgotten.
        since = former.since - before if former is not None else 0
        pause = FULL_SECONDS if counted + since >= most else COUNT_SECONDS
        if len(self._open) >= KNOWN_MAX:
            self._open.clear()
        found = self._open[key] = _Open(counted, now + max(pause, (now - begun) / COUNT_SHARE), since)
        return found
