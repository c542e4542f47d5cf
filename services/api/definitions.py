"""Definitions: checked when they come in, compiled once per revision for what descriptions show of them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any, Final
from uuid import UUID

from engine.asl.diagnostics import InvalidDefinition, invalid_definition_message
from engine.asl.model import MachineType, Program
from engine.asl.parse import compile_definition
from engine.payload import decode_json
from services.api import errors
from services.store.records import Revision

REFERENCES_MAX: Final = 2_000
LARGE_CHARACTERS: Final = 65_536


async def check_definition(text: str, machine_type: MachineType) -> Program:
    """Compile a definition that a caller sent; a large one beside the event loop.

    Raises:
        ApiError: InvalidDefinition, with the first error of the validator.
    """
    try:
        if len(text) > LARGE_CHARACTERS:
            return await asyncio.to_thread(compile_definition, text, machine_type)
        return compile_definition(text, machine_type)
    except InvalidDefinition as error:
        raise errors.invalid_definition(invalid_definition_message(error.diagnostics)) from None


class VariableReferences:
    """What DescribeStateMachine shows of the variables, kept by revision, which never changes."""

    def __init__(self) -> None:
        """Nothing is kept yet."""
        self._kept: OrderedDict[UUID, dict[str, list[str]]] = OrderedDict()

    async def of(self, revision: Revision, machine_type: str) -> dict[str, list[str]]:
        """State name to variable names."""
        found = self._kept.get(revision.id)
        if found is None:
            program = await check_definition(
                revision.definition, "EXPRESS" if machine_type == "EXPRESS" else "STANDARD"
            )
            found = {state: list(names) for state, names in program.variable_references.items() if names}
            self._kept[revision.id] = found
            if len(self._kept) > REFERENCES_MAX:
                self._kept.popitem(last=False)
        return found


def processor_of(definition: str, label: str) -> dict[str, Any] | None:
    """The ItemProcessor of the distributed Map with that Label; None if there is none."""
    open_machines: list[Any] = [decode_json(definition)]
    while open_machines:
        machine = open_machines.pop()
        for state in machine.get("States", {}).values():
            processor = state.get("ItemProcessor") or state.get("Iterator")
            if processor is not None:
                if state.get("Label") == label:
                    return dict(processor)
                open_machines.append(processor)
            open_machines.extend(state.get("Branches", ()))
    return None
