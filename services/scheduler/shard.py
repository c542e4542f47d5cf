"""The shards that this scheduler owns, and the executions of each of them in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from uuid import UUID

from services.scheduler.resident import Resident
from services.store.records import ShardTenure


class Shard:
    """One owned shard during one tenure.

    Attributes:
        number: which shard.
        owner: the tenure's random id, never reused (R2).
        seq: number of its newest commit, the other half of the guard (R3).
        taking: a number that grows with every take in this process; tells a tenure from the one before.
        renewed: when its lease was renewed last, monotonic seconds.
        in_flight: a commit with its guard is on the way (R6).
        closing: it is being given back; no turn is taken any more.
        residents: its executions in memory, by the 16 bytes of their id.
    """

    __slots__ = ("closing", "in_flight", "number", "owner", "renewed", "residents", "seq", "taking")

    def __init__(self, tenure: ShardTenure, taking: int, now: float) -> None:
        """Just taken, nothing in memory."""
        self.number = tenure.shard
        self.owner: UUID = tenure.owner
        self.seq = tenure.seq
        self.taking = taking
        self.renewed = now
        self.in_flight = False
        self.closing = False
        self.residents: dict[bytes, Resident] = {}

    @property
    def tenure(self) -> ShardTenure:
        """The guard of its next commit."""
        return ShardTenure(self.number, self.owner, self.seq)


class Shards:
    """Everything that is owned now. `on_gone` hears of every execution that memory drops."""

    def __init__(self, parked_max: int, on_gone: Callable[[Resident], None]) -> None:
        """Nothing is owned."""
        self.owned: dict[int, Shard] = {}
        self.takings = 0
        self.count = 0
        self._parked: OrderedDict[bytes, Resident] = OrderedDict()
        self._parked_max = parked_max
        self._on_gone = on_gone

    def take(self, tenure: ShardTenure, now: float) -> Shard:
        """Own a shard from now on."""
        assert tenure.shard not in self.owned, "a shard is taken once"
        self.takings += 1
        shard = self.owned[tenure.shard] = Shard(tenure, self.takings, now)
        return shard

    def drop(self, shard: Shard) -> None:
        """Own it no longer: forget everything of it."""
        if self.owned.get(shard.number) is not shard:
            return
        del self.owned[shard.number]
        for resident in list(shard.residents.values()):
            self._gone(resident)
        shard.residents.clear()

    def find(self, number: int, key: bytes) -> Resident | None:
        """An execution in memory."""
        shard = self.owned.get(number)
        return None if shard is None else shard.residents.get(key)

    def add(self, resident: Resident) -> None:
        """Hold an execution that was just loaded."""
        residents = self.owned[resident.shard].residents
        assert resident.key not in residents, "an execution is in memory once"
        residents[resident.key] = resident
        self.count += 1

    def remove(self, resident: Resident) -> None:
        """Forget one execution: it has ended, or memory needs the room."""
        if not resident.gone:
            del self.owned[resident.shard].residents[resident.key]
            self._gone(resident)

    def park(self, resident: Resident) -> None:
        """It waits long; forget it when there are many such."""
        resident.parked = True
        self._parked[resident.key] = resident
        self._parked.move_to_end(resident.key)
        while len(self._parked) > self._parked_max:
            self.remove(next(iter(self._parked.values())))

    def unpark(self, resident: Resident) -> None:
        """It has something to do again."""
        if resident.parked:
            resident.parked = False
            del self._parked[resident.key]

    def residents(self) -> Iterator[Resident]:
        """Every execution in memory."""
        for shard in self.owned.values():
            yield from shard.residents.values()

    def _gone(self, resident: Resident) -> None:
        resident.gone = True
        self.count -= 1
        self._parked.pop(resident.key, None)
        self._on_gone(resident)
