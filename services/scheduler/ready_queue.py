"""The ready queue: who gets the next turn. State machines take turns, so a busy one holds up no other (R23).

State machines whose turns may take long stand apart: they get turns only when their caller lets them, so that those
whose turns are short need not wait for them.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from uuid import UUID

from services.runtime.pace import Pace
from services.scheduler.resident import Resident

_Lines = OrderedDict[UUID, deque[Resident]]


class ReadyQueue:
    """First come, first served within a state machine; round robin between state machines."""

    def __init__(self) -> None:
        """Empty, and nobody is known."""
        self._quick: _Lines = OrderedDict()
        self._slow: _Lines = OrderedDict()
        self._pace: Pace[UUID] = Pace()
        self._count = 0

    def __len__(self) -> int:
        """How many wait, those included that memory has dropped since."""
        return self._count

    @property
    def only_slow(self) -> bool:
        """Whether somebody waits, and nobody quick."""
        return bool(self._slow) and not self._quick

    def expects_slow(self, resident: Resident) -> bool:
        """Whether its turn may take long."""
        return self._pace.is_slow(resident.row.machine_id)

    def push(self, resident: Resident) -> None:
        """Queue it, once."""
        if resident.queued:
            return
        resident.queued = True
        machine_id = resident.row.machine_id
        if not self._pace.knows(machine_id):
            self._pace.meet(machine_id, resident.execution.program.uses_jsonata)
            self._pace.trim(self._waits)
        lines = self._lines_of(machine_id)
        line = lines.get(machine_id)
        if line is None:
            line = lines[machine_id] = deque()
        line.append(resident)
        self._count += 1

    def put_back(self, resident: Resident) -> None:
        """It could not have its turn: it is the next one."""
        machine_id = resident.row.machine_id
        resident.queued = True
        lines = self._lines_of(machine_id)
        lines.setdefault(machine_id, deque()).appendleft(resident)
        lines.move_to_end(machine_id, last=False)
        self._count += 1

    def pop(self, slow_too: bool = True) -> Resident | None:
        """The next one, None when nobody is left; with `slow_too` a slow one, if there is one, comes first."""
        found = self._pop(self._slow) if slow_too else None
        return self._pop(self._quick) if found is None else found

    def took(self, resident: Resident, seconds: float) -> bool:
        """Learn from a turn how the others of its state machine will be; whether it was long."""
        machine_id = resident.row.machine_id
        line = self._lines_of(machine_id).pop(machine_id, None)
        slow = self._pace.took(machine_id, seconds)
        if line is not None:
            self._lines_of(machine_id)[machine_id] = line
        return slow

    def _waits(self, machine_id: UUID) -> bool:
        return machine_id in self._slow or machine_id in self._quick

    def _lines_of(self, machine_id: UUID) -> _Lines:
        return self._slow if self._pace.is_slow(machine_id) else self._quick

    def _pop(self, lines: _Lines) -> Resident | None:
        while lines:
            machine_id, line = next(iter(lines.items()))
            resident = line.popleft()
            self._count -= 1
            if line:
                lines.move_to_end(machine_id)
            else:
                del lines[machine_id]
            resident.queued = False
            if not resident.gone:
                return resident
        return None
