"""Compiled definitions by revision, kept while there is room."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeAlias
from uuid import UUID

from engine.asl.model import Program, TaskState
from engine.asl.parse import compile_definition
from services.store.records import Revision

LARGE_CHARACTERS: Final = 65_536
"""Longer definitions are compiled in a thread, so that nobody else waits for them."""


Equip: TypeAlias = Callable[[Program], Awaitable[Program]]
"""Adds to a program what only a layer above knows."""


class Revisions(Protocol):
    """Where definitions come from."""

    async def revision(self, revision_id: UUID) -> Revision:
        """A revision by its id."""
        ...


@dataclass(frozen=True, slots=True)
class CompiledRevision:
    """A revision, its program, and the ARNs of the activities that it names."""

    revision: Revision
    program: Program
    activities: frozenset[str]


class Programs:
    """A cache bounded by the bytes of the definitions; the one used longest ago goes first."""

    def __init__(self, store: Revisions, bytes_max: int, equip: Equip | None = None) -> None:
        """Empty; `equip` sees every program before anybody else does."""
        self._store = store
        self._equip = equip
        self._bytes_max = bytes_max
        self._bytes = 0
        self._compiled: OrderedDict[UUID, CompiledRevision] = OrderedDict()

    async def get(self, revision_id: UUID) -> CompiledRevision:
        """A revision with its program, compiled on first use."""
        found = self._compiled.get(revision_id)
        if found is not None:
            self._compiled.move_to_end(revision_id)
            return found
        return await self.keep(await self._store.revision(revision_id))

    def cached(self, revision_id: UUID) -> CompiledRevision | None:
        """The same without asking anybody; None when it is not here."""
        return self._compiled.get(revision_id)

    async def keep(self, revision: Revision) -> CompiledRevision:
        """Compile a revision that is already at hand."""
        if len(revision.definition) <= LARGE_CHARACTERS:
            compiled = _compile(revision)
        else:
            compiled = await asyncio.to_thread(_compile, revision)
        if self._equip is not None:
            compiled = replace(compiled, program=await self._equip(compiled.program))
        return self._remember(compiled)

    def _remember(self, compiled: CompiledRevision) -> CompiledRevision:
        revision = compiled.revision
        if revision.id not in self._compiled:
            self._compiled[revision.id] = compiled
            self._bytes += len(revision.definition)
            while self._bytes > self._bytes_max and len(self._compiled) > 1:
                self._bytes -= len(self._compiled.popitem(last=False)[1].revision.definition)
        return compiled


def _compile(revision: Revision) -> CompiledRevision:
    # It was accepted under the rules of its own type, and STANDARD's are the wider ones.
    program = compile_definition(revision.definition, "STANDARD")
    tasks = (state.resource for state in program.all_states.values() if isinstance(state, TaskState))
    activities = frozenset(resource.arn for resource in tasks if resource.kind == "activity")
    return CompiledRevision(revision, program, activities)
