"""The ready queue: who gets the next turn. State machines take turns, so a busy one holds up no other (R23).

State machines whose turns may take long stand apart: they get turns only when their caller lets them, so that those
whose turns are short need not wait for them. One is believed to be quick until a turn takes long; one that evaluates
JSONata, which can loop, only after its first turn, and one whose turn took long only after many quick ones.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Final
from uuid import UUID

from services.scheduler.resident import Resident

KNOWN_MAX: Final = 10_000
QUICK_TURNS: Final = 20
"""So many quick turns in a row make a slow state machine a quick one again."""

_Lines = OrderedDict[UUID, deque[Resident]]


class ReadyQueue:
    """First come, first served within a state machine; round robin between state machines."""

    def __init__(self) -> None:
        """Empty, and nobody is known."""
        self._quick: _Lines = OrderedDict()
        self._slow: _Lines = OrderedDict()
        self._quick_turns_needed: OrderedDict[UUID, int] = OrderedDict()
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
        return self._quick_turns_needed.get(resident.row.machine_id, 0) > 0

    def push(self, resident: Resident) -> None:
        """Queue it, once."""
        if resident.queued:
            return
        resident.queued = True
        machine_id = resident.row.machine_id
        if machine_id not in self._quick_turns_needed:
            self._learn(machine_id, int(resident.execution.program.uses_jsonata))
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
        needed = self._quick_turns_needed.get(machine_id, 0)
        if slow:
            self._learn(machine_id, QUICK_TURNS)
        elif needed:
            self._learn(machine_id, needed - 1)

    def _learn(self, machine_id: UUID, quick_turns_needed: int) -> None:
        line = self._lines_of(machine_id).pop(machine_id, None)
        self._quick_turns_needed[machine_id] = quick_turns_needed
        if line is not None:
            self._lines_of(machine_id)[machine_id] = line
        if len(self._quick_turns_needed) > KNOWN_MAX:
            self._forget_one()

    def _forget_one(self) -> None:
        """The one known longest, if nobody of it waits: nobody must change lines unseen."""
        oldest = next(iter(self._quick_turns_needed))
        if oldest in self._slow or oldest in self._quick:
            self._quick_turns_needed.move_to_end(oldest)
        else:
            del self._quick_turns_needed[oldest]

    def _lines_of(self, machine_id: UUID) -> _Lines:
        return self._slow if self._quick_turns_needed.get(machine_id, 0) else self._quick

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
