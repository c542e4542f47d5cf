"""The inputs of a run's children: made once of its items, kept in the store, and read back as they are needed.

So the items are read once in the life of a run, whoever drives it and however often it is redriven, and memory holds
one piece of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from uuid import UUID

import msgspec

from engine.failure import StateError
from engine.payload import Payload, encode_json
from engine.states.data_flow import check_size
from engine.states.map_inputs import STATE_DATA, Batches, Entry
from services.integrations.items.objects import ItemObjects, Owner
from services.integrations.items.reading import read_items
from services.store.interface import MapRunStore

PIECE_CHILDREN_MAX: Final = 256
PIECE_BYTES_MAX: Final = 2**20

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[tuple[bytes, int]])


Select: TypeAlias = Callable[[int, Any, str], Any]
"""ItemSelector: the index of an item, the item and where it is from, to what a child gets of it."""


async def items_of(
    plan: Mapping[str, Any], owner: Owner, objects: ItemObjects | None
) -> AsyncIterator[tuple[Any, str]]:
    """The items of a run in order, each with where it is from.

    Args:
        plan: what the Map's frame waits with.
        owner: who reads.
        objects: the way to S3; None if there is none.

    Raises:
        StateError: they cannot be read.
    """
    reader, keyed = plan.get("reader"), plan.get("keyed")
    if reader is None:
        for item in plan["items"]:
            yield Entry(item["Key"], item["Value"]) if keyed else item, STATE_DATA
    elif objects is None:
        raise StateError("States.ItemReaderFailed", "this scheduler has no way to S3")
    else:
        async for found in read_items(reader, owner, objects):
            yield found


async def inputs_of(
    items: AsyncIterator[tuple[Any, str]], select: Select, batcher: Mapping[str, Any] | None, state: str
) -> AsyncIterator[tuple[bytes, int]]:
    """What the children get, in order, each with how many items that is; `state` is the Map's name.

    Raises:
        StateError: the items cannot be read, an expression fails, or an input is too large for an execution.
    """
    batches = None if batcher is None else Batches(batcher)
    index = 0
    async for item, source in items:
        chosen = select(index, item, source)
        index += 1
        if batches is None:
            yield _fitting(chosen, state), 1
        elif (batch := batches.add(chosen)) is not None:
            yield _fitting(batch, state), len(batch["Items"])
    last = None if batches is None else batches.rest()
    if last is not None:
        yield _fitting(last, state), len(last["Items"])


def _fitting(value: Any, state: str) -> bytes:
    given = encode_json(value)
    check_size(state, Payload(text=given))
    return given


@dataclass(frozen=True, slots=True)
class ChildInput:
    """What one child gets, and how many items that is."""

    index: int
    given: bytes
    item_count: int


class ChildInputs:
    """The kept inputs of one run."""

    def __init__(self, store: MapRunStore, run_id: UUID, state: str) -> None:
        """Nothing is in memory; `state` is the Map's name."""
        self._store = store
        self._run_id = run_id
        self._state = state
        self._reading = 0
        self._first = 0
        self._piece: list[tuple[bytes, int]] = []

    async def keep(
        self,
        items: AsyncIterator[tuple[Any, str]],
        select: Select,
        batcher: Mapping[str, Any] | None,
    ) -> None:
        """Make the inputs and keep them; what another driver has kept halfway is made again.

        Where another one begins in the meantime, the run is planned by that one.

        Args:
            items: in order, each with where it is from.
            select: ItemSelector.
            batcher: evaluated, None without one.

        Raises:
            StateError: the items cannot be read, an expression fails, or an input is too large for an execution.
        """
        self._reading = await self._store.begin_map_inputs(self._run_id)
        self._first, self._piece = 0, []
        item_count = piece_bytes = 0
        async for given, items_in_it in inputs_of(items, select, batcher, self._state):
            self._piece.append((given, items_in_it))
            item_count += items_in_it
            piece_bytes += len(given)
            if len(self._piece) == PIECE_CHILDREN_MAX or piece_bytes >= PIECE_BYTES_MAX:
                piece_bytes = 0
                await self._write()
        await self._write()
        await self._store.plan_map_run(self._run_id, self._reading, item_count, self._first)

    async def between(self, first: int, end: int) -> list[ChildInput]:
        """Inputs from `first` to before `end`, fewer where a piece ends before."""
        if not self._first <= first < self._first + len(self._piece):
            found = await self._store.map_inputs(self._run_id, first)
            if found is None:
                return []
            self._first, self._piece = found[0], _decoder.decode(found[1])
        piece = self._piece[first - self._first : end - self._first]
        return [ChildInput(index, *one) for index, one in enumerate(piece, first)]

    async def all_from(self, first: int) -> AsyncIterator[ChildInput]:
        """Every input from there on."""
        while found := await self.between(first, first + PIECE_CHILDREN_MAX):
            for one in found:
                yield one
            first += len(found)

    async def _write(self) -> None:
        if self._piece:
            await self._store.put_map_inputs(self._run_id, self._reading, self._first, _encoder.encode(self._piece))
        self._first += len(self._piece)
        self._piece = []
