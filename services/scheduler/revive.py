"""From the stored row and its pages back to an execution in memory."""

from __future__ import annotations

from engine.arn import alias_arn, machine_arn, version_arn
from engine.asl.model import MapState, Program
from engine.execution.execution import Execution, Origin
from engine.execution.load import load
from engine.payload import Payload
from engine.states.distributed_map import child_program
from services.store.description import arn_of, machine_of
from services.store.records import LoadedExecution, StoredExecution


def revive(loaded: LoadedExecution, program: Program) -> Execution:
    """The execution as its newest page left it; what the row knows better (its end, its redrives) comes from there."""
    row = loaded.row
    execution = load(origin_of(row), _own_program(row, program), loaded.pages)
    execution.status = row.status
    execution.output = None if row.output is None else Payload(text=row.output)
    execution.error, execution.cause, execution.stop_ms = row.error, row.cause, row.stop_ms
    execution.redrive_count, execution.redrive_ms = row.redrive_count, row.redrive_ms
    execution.machine_deleted = row.machine_deleting
    return execution


def origin_of(row: StoredExecution) -> Origin:
    """What was fixed when the execution started."""
    machine, arn, child = machine_arn(row.region, row.account, row.machine_name), arn_of(row), row.map_child
    return Origin(
        id=row.id,
        arn=str(arn),
        name=row.name,
        machine_arn=str(machine_of(arn)),
        machine_name=row.machine_name,
        role_arn=row.role_arn,
        input=Payload(text=row.input),
        start_ms=row.start_ms,
        version_arn=None if row.version_number is None else str(version_arn(machine, row.version_number)),
        alias_arn=None if row.alias_name is None else str(alias_arn(machine, row.alias_name)),
        trace_header=row.trace_header,
        test_case=row.test_case or "",
        express=child is not None and child.express,
        map_run_arn=None if child is None else child.run_arn,
    )


def _own_program(row: StoredExecution, program: Program) -> Program:
    if row.map_child is None:
        return program
    state = program.all_states[row.map_child.state]
    assert isinstance(state, MapState)
    return child_program(program, state)
