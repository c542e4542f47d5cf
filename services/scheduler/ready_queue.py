"""The ready queue: who gets the next turn. State machines take turns, so a busy one holds up no other (R23).

State machines whose last turn took long stand apart: they get turns only when their caller lets them, so that those
whose turns are short need not wait for them.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Final
from uuid import UUID

from services.scheduler.resident import Resident

SLOW_MAX: Final = 10_000

_Lines = OrderedDict[UUID, deque[Resident]]


class ReadyQueue:
    """First come, first served within a state machine; round robin between state machines."""

    def __init__(self) -> None:
        """Empty, and everybody is quick."""
        self._quick: _Lines = OrderedDict()
        self._slow: _Lines = OrderedDict()
        self._known_slow: set[UUID] = set()
        self._count = 0

    def __len__(self) -> int:
        """How many wait, those included that memory has dropped since."""
        return self._count

    @property
    def only_slow(self) -> bool:
        """Whether somebody waits, and nobody quick."""
        return bool(self._slow) and not self._quick

    def push(self, resident: Resident) -> None:
        """Queue it, once."""
        if resident.queued:
            return
        resident.queued = True
        machine_id = resident.row.machine_id
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

    def took(self, resident: Resident, slow: bool) -> None:
        """How the turn of one was: the others of its state machine are expected to be like it."""
        machine_id = resident.row.machine_id
        if slow == (machine_id in self._known_slow):
            return
        here = self._lines_of(machine_id)
        if slow:
            if len(self._known_slow) >= SLOW_MAX:
                return
            self._known_slow.add(machine_id)
        else:
            self._known_slow.remove(machine_id)
        line = here.pop(machine_id, None)
        if line is not None:
            self._lines_of(machine_id)[machine_id] = line

    def _lines_of(self, machine_id: UUID) -> _Lines:
        return self._slow if machine_id in self._known_slow else self._quick

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
