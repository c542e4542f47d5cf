"""Writes what a run's ResultWriter wants: one entry per child, and the manifest at last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from engine.execution.execution import Status
from engine.timestamps import iso_from_ms
from services.integrations.items.objects import ObjectError, Owner
from services.integrations.items.results import ResultFiles, folder_of, manifest
from services.store.description import arn_of, machine_of, redrive_members
from services.store.map_run_records import MapRun
from services.store.records import StoredExecution

if TYPE_CHECKING:
    from services.scheduler.map_drive import World

_AT_ONCE: Final = 500
_INCLUDED: Final = {"Included": True}


async def write_results(
    world: World, run: MapRun, writer: Mapping[str, Any], owner: Owner, pending: Callable[[int], Iterable[bytes]]
) -> str | None:
    """Write the files of a run whose children have ended; what went wrong, None if nothing.

    Args:
        world: the store and the way to S3.
        run: the run.
        writer: evaluated: `config` and `parameters`.
        owner: who writes.
        pending: inputs of the children from that index on, which never started.
    """
    if world.objects is None:
        return "this scheduler has no way to S3"
    files = ResultFiles(writer["config"])
    after = -1
    while rows := await world.store.map_children(run, after, _AT_ONCE):
        for row in rows:
            files.ended(entry_of(row), row.output if row.status is Status.SUCCEEDED else None)
            assert row.map_child is not None
            after = row.map_child.index
    for given in pending(after + 1):
        files.pending(given)
    bucket, folder = str(writer["parameters"].get("Bucket", "")), folder_of(writer["parameters"], str(run.id))
    contents = files.contents()
    try:
        for name, content in contents.items():
            await world.objects.put(owner, bucket, f"{folder}/{name}", content)
        sizes = {name: len(content) for name, content in contents.items()}
        await world.objects.put(owner, bucket, f"{folder}/manifest.json", manifest(bucket, run.arn, folder, sizes))
    except ObjectError as error:
        return str(error)
    return None


def written_where(run: MapRun, writer: Mapping[str, Any]) -> dict[str, Any]:
    """The state's result when its results were written."""
    parameters = writer["parameters"]
    key = f"{folder_of(parameters, str(run.id))}/manifest.json"
    return {"MapRunArn": run.arn, "ResultWriterDetails": {"Bucket": parameters.get("Bucket"), "Key": key}}


def entry_of(row: StoredExecution) -> dict[str, Any]:
    """A child in a result file: its members in the order of the service's files."""
    arn = arn_of(row)
    entry: dict[str, Any] = {"ExecutionArn": str(arn), "Input": _text(row.input), "InputDetails": _INCLUDED}
    reason = f"Execution is {row.status.name} and cannot be redriven" if row.status is Status.SUCCEEDED else None
    redrive = {name[0].upper() + name[1:]: value for name, value in redrive_members(row, reason).items()}
    if arn.kind == "express":
        redrive = {}  # files leave out what DescribeExecution shows of them (recorded)
    if row.status is Status.SUCCEEDED and row.output is not None:
        entry |= {"Name": row.name, "Output": _text(row.output), "OutputDetails": _INCLUDED}
    else:
        wrong = {"Cause": row.cause, "Error": row.error, "Name": row.name}
        entry |= {name: value for name, value in wrong.items() if value is not None}
    entry |= {"RedriveCount": row.redrive_count, **redrive, "StartDate": iso_from_ms(row.start_ms)}
    entry |= {"StateMachineArn": str(machine_of(arn)), "Status": row.status.name}
    if row.stop_ms is not None:
        entry["StopDate"] = iso_from_ms(row.stop_ms)
    return entry


def _text(payload: bytes) -> str:
    return payload.decode("utf-8", "replace")
