"""The ready queue: who gets the next turn. State machines take turns, so a busy one holds up no other (R23)."""

from __future__ import annotations

from collections import OrderedDict, deque
from uuid import UUID

from services.scheduler.resident import Resident


class ReadyQueue:
    """First come, first served within a state machine; round robin between state machines."""

    def __init__(self) -> None:
        """Empty."""
        self._machines: OrderedDict[UUID, deque[Resident]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        """How many wait, those included that memory has dropped since."""
        return self._count

    def push(self, resident: Resident) -> None:
        """Queue it, once."""
        if resident.queued:
            return
        resident.queued = True
        line = self._machines.get(resident.row.machine_id)
        if line is None:
            line = self._machines[resident.row.machine_id] = deque()
        line.append(resident)
        self._count += 1

    def put_back(self, resident: Resident) -> None:
        """It could not have its turn: it is the next one."""
        machine_id = resident.row.machine_id
        resident.queued = True
        self._machines.setdefault(machine_id, deque()).appendleft(resident)
        self._machines.move_to_end(machine_id, last=False)
        self._count += 1

    def pop(self) -> Resident | None:
        """The next one, None when nobody is left."""
        while self._machines:
            machine_id, line = next(iter(self._machines.items()))
            resident = line.popleft()
            self._count -= 1
            if line:
                self._machines.move_to_end(machine_id)
            else:
                del self._machines[machine_id]
            resident.queued = False
            if not resident.gone:
                return resident
        return None
