"""Which activities exist, believed for about a second: thousands of GetActivityTask calls name the same few."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from engine.arn import Arn
from services.api import errors
from services.api.request import Request
from services.api.single_flight import SingleFlight
from services.runtime.clock import Clock
from services.store.interface import ApiStore
from services.store.records import Activity

KNOWN_MAX: Final = 10_000


class KnownActivities:
    """Asks the store at most once per activity and second."""

    def __init__(self, store: ApiStore, clock: Clock, believed_seconds: float) -> None:
        """Nothing is known yet."""
        self._store = store
        self._clock = clock
        self._believed_seconds = believed_seconds
        self._deletions = 0
        self._asking: SingleFlight[tuple[int, Arn], Activity | None] = SingleFlight()
        self._until: OrderedDict[Arn, float] = OrderedDict()

    async def check(self, request: Request, arn: Arn) -> None:
        """Refuse an activity that does not exist, or that is somebody else's.

        Raises:
            ApiError: ActivityDoesNotExist.
        """
        if not request.owns(arn):
            raise errors.activity_does_not_exist(str(arn))
        if self._until.get(arn, float("-inf")) > self._clock.monotonic():
            return
        deletions = self._deletions
        found = await self._asking.ask(
            (deletions, arn), lambda: self._store.activity_by_name(arn.account, arn.region, arn.name)
        )
        if found is None:
            raise errors.activity_does_not_exist(str(arn))
        if deletions == self._deletions:
            self._keep(arn)

    def _keep(self, arn: Arn) -> None:
        self._until[arn] = self._clock.monotonic() + self._believed_seconds
        self._until.move_to_end(arn)
        if len(self._until) > KNOWN_MAX:
            self._until.popitem(last=False)

    def forget(self, arn: Arn) -> None:
        """The activity was deleted: what is being read may be older, and is not kept."""
        self._deletions += 1
        self._until.pop(arn, None)
