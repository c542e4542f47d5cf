"""Definitions: checked when they come in, compiled once per revision for what descriptions show of them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar
from uuid import UUID

from engine.asl.diagnostics import InvalidDefinition, invalid_definition_message
from engine.asl.model import MachineType, Program
from engine.asl.parse import compile_definition
from engine.asl.resource import KnownApi
from engine.payload import decode_json
from engine.states.distributed_map import generated_label
from services.api import errors
from services.store.records import Revision

P = ParamSpec("P")
T = TypeVar("T")

REFERENCES_MAX: Final = 2_000
LARGE_CHARACTERS: Final = 65_536
_SERVICES: Final = ":states:"


async def check_definition(text: str, machine_type: MachineType) -> Program:
    """Compile a definition that a caller sent, against what the APIs of its tasks take.

    Raises:
        ApiError: InvalidDefinition, with the first error of the validator.
    """
    try:
        return await beside(text, compile_definition, text, machine_type, known_api=apis_of(text))
    except InvalidDefinition as error:
        raise errors.invalid_definition(invalid_definition_message(error.diagnostics)) from None


async def beside(text: str, act: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """Do something with a definition; beside the event loop where it may take long."""
    if len(text) > LARGE_CHARACTERS or _SERVICES in text:
        return await asyncio.to_thread(act, *arguments, **options)
    return act(*arguments, **options)


def apis_of(text: str) -> KnownApi | None:
    """What APIs take, where a definition calls one: reading their models takes time."""
    if _SERVICES not in text:
        return None
    from services.integrations.known_api import known_api

    return known_api


class VariableReferences:
    """What DescribeStateMachine shows of the variables, kept by revision, which never changes."""

    def __init__(self) -> None:
        """Nothing is kept yet."""
        self._kept: OrderedDict[UUID, dict[str, list[str]]] = OrderedDict()

    async def of(self, revision: Revision, machine_type: str) -> dict[str, list[str]]:
        """State name to variable names."""
        found = self._kept.get(revision.id)
        if found is None:
            kind: MachineType = "EXPRESS" if machine_type == "EXPRESS" else "STANDARD"
            # It was accepted once; what the SDK of today can do is another question.
            program = await beside(revision.definition, compile_definition, revision.definition, kind)
            found = {state: list(names) for state, names in program.variable_references.items() if names}
            self._kept[revision.id] = found
            if len(self._kept) > REFERENCES_MAX:
                self._kept.popitem(last=False)
        return found


def processor_of(definition: str, label: str, machine: str) -> dict[str, Any] | None:
    """The ItemProcessor of the distributed Map with that label, its own or the one that runs of `machine` give it."""
    open_machines: list[Any] = [decode_json(definition)]
    while open_machines:
        states = open_machines.pop().get("States", {})
        for name, state in states.items():
            processor = state.get("ItemProcessor") or state.get("Iterator")
            if processor is not None:
                if label == (state.get("Label") or generated_label(name, machine)) and _is_distributed(processor):
                    return dict(processor)
                open_machines.append(processor)
            open_machines.extend(state.get("Branches", ()))
    return None


def _is_distributed(processor: dict[str, Any]) -> bool:
    return bool((processor.get("ProcessorConfig") or {}).get("Mode") == "DISTRIBUTED")
